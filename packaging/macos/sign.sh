#!/usr/bin/env bash
# Sign an .app from the inside out, make its disk image, have Apple notarise it.   sign.sh APP IMAGE
#
# WB_SIGN_IDENTITY    "Developer ID Application: ..."; without it the app gets an ad-hoc signature: it runs on this Mac.
# WB_NOTARY_PROFILE   a profile that `notarytool store-credentials` made; without it nothing is notarised.
set -euo pipefail
app=$1 image=$2
here=$(cd "$(dirname "$0")" && pwd)
identity=${WB_SIGN_IDENTITY:--}

if [ "$identity" = - ]; then
    echo "NOT SIGNED: WB_SIGN_IDENTITY is not set. Macs refuse this app where it was downloaded. Never release it." >&2
    options=(--force --sign -)
else
    options=(--force --options runtime --timestamp --sign "$identity")
fi

# --deep signs what it should not, and not with these entitlements: every program and library is signed by itself,
# and the app, which seals them, last.
while IFS= read -r -d '' file; do
    if file -b "$file" | grep -q Mach-O; then
        codesign "${options[@]}" --entitlements "$here/entitlements.plist" "$file"
    fi
done < <(find "$app/Contents/Resources" -type f \( -name '*.so' -o -name '*.dylib' -o -perm -u+x \) -print0)
find "$app/Contents/Resources" -depth -type d -name '*.framework' -print0 |
    xargs -0 -I{} codesign "${options[@]}" {}
codesign "${options[@]}" --entitlements "$here/entitlements.plist" "$app"
codesign --verify --strict --verbose=2 "$app"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
ditto "$app" "$stage/$(basename "$app")"
ln -s /Applications "$stage/Applications"
hdiutil create -volname "Feedback Workbench" -srcfolder "$stage" -format ULFO -ov "$image"

if [ "$identity" != - ]; then
    codesign --force --timestamp --sign "$identity" "$image"
fi
if [ -n "${WB_NOTARY_PROFILE:-}" ]; then
    xcrun notarytool submit "$image" --keychain-profile "$WB_NOTARY_PROFILE" --wait --timeout 1h
    xcrun stapler staple "$image"
else
    echo "NOT NOTARISED: WB_NOTARY_PROFILE is not set." >&2
fi
