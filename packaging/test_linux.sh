#!/usr/bin/env bash
# Build the installers and try them as a stranger's computer would. Needs root, for a bare Debian in a folder.
#
#   packaging/test_linux.sh            all of it, about 7 minutes on two idle cores after the first time
#   packaging/test_linux.sh PART...    some of it: base_installer, full_installer, make_bare, base_edition, ... (see `parts`)
#   packaging/test_linux.sh --short    the base bundle and its launcher, without root; .ci/run calls this
#
# WB_BASE_PYTHON   the CPython 3.11 that the bundle gets; default: the one that python3.11 is
# WB_CACHE         the bare Debian and the engine's wheels are kept here
# WB_OUT           installers, logs, figures.txt and pictures go here
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
cache=${WB_CACHE:-$HOME/.cache/feedback-workbench-ci}
out=${WB_OUT:-$here/dist/test-linux}
base_python=${WB_BASE_PYTHON:-$(python3.11 -c 'import sys; print(sys.base_prefix)')}
builder=$base_python/bin/python3.11
failures=0
mkdir -p "$cache" "$out"

# --- telling ---------------------------------------------------------------------------------------------------------

ok() { echo "ok   $*" | tee -a "$out/figures.txt"; }
bad() { echo "BAD  $*" | tee -a "$out/figures.txt"; failures=$((failures + 1)); }
now() { date +%s.%N; }

# seconds BEGIN: what has gone by since.
seconds() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }

# at_most WHAT FOUND LIMIT UNIT: a figure that must not be larger.
at_most() {
    if awk -v a="$2" -v b="$3" 'BEGIN { exit !(a <= b) }'; then ok "$1: $2 $4 (at most $3)"; else bad "$1: $2 $4, over $3"; fi
}

# within WHAT SECONDS LIMIT: a time. A machine that does other work beside this cannot hold it, so it fails only if asked.
within() {
    if [ -n "${WB_STRICT:-}" ] || awk -v a="$2" -v b="$3" 'BEGIN { exit !(a <= b) }'; then at_most "$1" "$2" "$3" s
    else ok "$1: $2 s, over $3 (load $(cut -d' ' -f1 /proc/loadavg); WB_STRICT=1 makes this a failure)"; fi
}

# status WHAT EXPECTED COMMAND...: a command's exit status; its output is kept.
status() {
    local what=$1 expected=$2 found=0 log
    shift 2
    log="$out/logs/$(echo "$what" | tr -cs 'A-Za-z0-9' '-').txt"
    mkdir -p "$out/logs"
    "$@" >"$log" 2>&1 </dev/null || found=$?
    if [ "$found" = "$expected" ]; then ok "$what: status $found"; else bad "$what: status $found, not $expected: $(tail -n 3 "$log" | tr '\n' ' ')"; fi
}

megabytes() { stat -c %s "$1" | awk '{ printf "%.1f", $1 / 1e6 }'; }

# --- tools -----------------------------------------------------------------------------------------------------------

# tools PACKAGE...: what is missing of Debian's packages.
tools() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing+=("$package")
    done
    [ "${#missing[@]}" = 0 ] && return
    if ! apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
}

# uv, in the version of the lock, from a folder of its own.
find_uv() {
    local wanted
    wanted=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' packaging/locks/build.txt)
    if ! "$cache/tools/bin/uv" --version 2>/dev/null | grep -qF "$wanted"; then
        timeout 300 "$builder" -m venv "$cache/tools"
        timeout 300 "$cache/tools/bin/pip" install -q "uv==$wanted" 2>/dev/null
    fi
    export PATH=$cache/tools/bin:$PATH
}

build() {
    timeout 900 "$builder" packaging/build.py --base-python "$base_python" --out "$out" "$@" 2>&1 | tee -a "$out/build.txt"
}

# --- the short form --------------------------------------------------------------------------------------------------

launcher() {
    local root=$1
    status "the launcher says its version, empty environment" 0 env -i "$root/bin/workbench" --version
    status "an unknown flag" 2 env -i HOME="$out/home" timeout 60 "$root/bin/workbench" --no-such-flag
    status "the launcher through a link, hostile environment" 0 env -i HOME="$out/home" PYTHONHOME=/bad PYTHONPATH=/evil \
        QT_PLUGIN_PATH=/evil LD_LIBRARY_PATH=/evil timeout 60 "$out/link to it" --version
    status "the window without an engine" 6 env -i HOME="$out/home" timeout 120 "$root/bin/workbench" --selftest
}

short() {
    tools patchelf binutils
    find_uv
    local begun root=$out/bundle-linux-base
    begun=$(now)
    build --system linux
    within "bundle" "$(seconds "$begun")" 30
    at_most "base edition, unpacked" "$(du -sm "$root" | cut -f1)" 400 MiB
    ln -sfn "$root/bin/workbench" "$out/link to it"
    launcher "$root"
}

# --- a bare Debian ---------------------------------------------------------------------------------------------------

bare=$out/bare
unmount() {
    local place
    for place in tmp/.X11-unix wheels small dev/shm proc; do
        if mountpoint -q "$bare/$place"; then umount -l "$bare/$place"; fi
    done
    if [ -n "${screen:-}" ]; then kill "$screen" 2>/dev/null || true; fi
}

make_bare() {
    local mirror
    if [ ! -f "$cache/bookworm.tar.zst" ]; then
        mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' | awk '$1 == "bookworm" { print $2; exit }')
        timeout 900 debootstrap --variant=minbase bookworm "$cache/bookworm" "${mirror:?no mirror of bookworm is known}" >"$out/debootstrap.txt"
        tar -C "$cache/bookworm" -c . | zstd -q -3 >"$cache/bookworm.tar.zst"
        rm -rf "$cache/bookworm"
    fi
    unmount
    rm -rf "$bare"
    mkdir -p "$bare"
    zstd -dc "$cache/bookworm.tar.zst" | tar -C "$bare" -x
    mkdir -p "$bare/dev/shm" "$bare/wheels" "$bare/small"
    mount -t proc proc "$bare/proc"
    mount -t tmpfs -o mode=1777,size=2g tmpfs "$bare/dev/shm" # multiprocessing, DataLoader
    mkdir -p "$cache/wheels" && mount --bind -o ro "$cache/wheels" "$bare/wheels"
    cp -rL /etc/apt/apt.conf.d /etc/apt/sources.list.d "$bare/etc/apt/" 2>/dev/null || true
    cp -L /etc/apt/sources.list "$bare/etc/apt/" 2>/dev/null || true
    cp -L /etc/resolv.conf "$bare/etc/" 2>/dev/null || true
    chroot "$bare" useradd --create-home person
}

# as_person [NAME=VALUE...] COMMAND...: in the bare system, as a person, without network, with nothing in the environment.
as_person() {
    env -i "$(command -v unshare)" --net "$(command -v chroot)" --userspec=person:person "$bare" \
        /usr/bin/env -i HOME=/home/person "$@"
}

install_deb() {
    cp "$1" "$bare/tmp/workbench.deb"
    status "apt-get update in the bare system" 0 timeout 300 chroot "$bare" apt-get update
    status "the .deb installs with apt" 0 timeout 600 chroot "$bare" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends /tmp/workbench.deb
    rm "$bare/tmp/workbench.deb"
    status "there is no python3 and no gcc in the bare system" 127 chroot "$bare" sh -c 'command -v python3 || command -v gcc'
    chroot "$bare" sh -c 'find /opt/feedback-workbench -name "*.so*" -exec ldd {} + 2>/dev/null' >"$out/ldd.txt"
    if grep "not found" "$out/ldd.txt"; then bad "ldd misses libraries"; else ok "ldd finds every library of $(grep -c '^/opt' "$out/ldd.txt") files"; fi
}

# the_wheels: every wheel of the CPU engine, by its hash, for work without a network. Never CUDA's.
the_wheels() {
    sed '/^--extra-index-url/d; /^#/d' packaging/locks/linux/cpu.txt >"$out/cpu.txt"
    cmp -s "$out/cpu.txt" "$cache/wheels/lock" && return
    rm -rf "$cache/wheels" && mkdir -p "$cache/wheels"
    timeout 900 "$cache/tools/bin/pip" download -q --require-hashes --no-deps --only-binary=:all: -d "$cache/wheels" -r "$out/cpu.txt" 2>"$out/wheels.txt"
    cp "$out/cpu.txt" "$cache/wheels/lock"
}

# figures NAME: the times that --selftest --json told.
figures() {
    "$builder" - "$out/logs/$1" <<'PY'
import json, sys
told = json.loads(open(sys.argv[1]).read()[open(sys.argv[1]).read().index("{"):])
print(told["first_paint_s"], told.get("child_ready_s", 0), told["torch_in_window"])
PY
}

base_edition() {
    install_deb "$out"/feedback-workbench-base_*_amd64.deb
    status "base edition, no engine" 6 as_person timeout 120 workbench --selftest
    local begun
    begun=$(now)
    status "engines add cpu from a folder, without network" 0 as_person timeout 300 workbench engines add cpu --wheels /wheels
    within "engine added" "$(seconds "$begun")" 45
    status "base edition with its engine" 0 as_person timeout 300 workbench --selftest
    status "base edition with its engine, warm" 0 as_person timeout 300 workbench --selftest --json
    read -r paint ready torch < <(figures base-edition-with-its-engine-warm-.txt)
    within "first paint" "$paint" 0.6
    within "child ready" "$ready" 4
    if [ "$torch" = False ]; then ok "no torch in the window's process"; else bad "torch is in the window's process"; fi
    status "base edition in depth" 0 as_person timeout 900 workbench --selftest --deep
    status "hostile environment" 0 as_person PYTHONHOME=/bad PYTHONPATH=/evil QT_PLUGIN_PATH=/evil LD_LIBRARY_PATH=/evil \
        timeout 300 workbench --selftest
}

on_a_screen() {
    mkdir -p "$bare/tmp/.X11-unix" /tmp/.X11-unix
    Xvfb :97 -screen 0 1440x900x24 -nolisten tcp >"$out/xvfb.txt" 2>&1 &
    screen=$!
    for _ in $(seq 50); do [ -S /tmp/.X11-unix/X97 ] && break; sleep 0.1; done
    mount --bind /tmp/.X11-unix "$bare/tmp/.X11-unix"
    status "on a screen, with xcb" 0 as_person DISPLAY=:97 QT_QPA_PLATFORM=xcb timeout 300 workbench --selftest --picture /home/person/screen.png
    if cp "$bare/home/person/screen.png" "$out/screen.png"; then ok "picture: $out/screen.png"; else bad "no picture was kept"; fi
    umount -l "$bare/tmp/.X11-unix"
    kill "$screen"
    screen=
}

engines_state() {
    (cd "$bare/home/person/.local/share/feedback-workbench/engines/site-packages" && find . -type f -exec md5sum {} + | sort | md5sum) || true
}

# refused WHAT COMMAND...: adding an engine ends with another status than 0 and leaves engines/ as it was.
refused() {
    local what=$1 before found=0
    shift
    before=$(engines_state)
    "$@" >"$out/logs/refused.txt" 2>&1 </dev/null || found=$?
    if [ "$found" != 0 ] && [ "$before" = "$(engines_state)" ]; then ok "$what: status $found, engines unchanged; $(tail -n 1 "$out/logs/refused.txt" | cut -c1-160)"
    else bad "$what: status $found; $(tail -n 2 "$out/logs/refused.txt")"; fi
}

# A wheel with other code in it, zipped whole: only its hash tells.
tampered_engine() {
    local wheels=$bare/home/person/tampered
    rm -rf "$wheels" && mkdir -p "$wheels"
    cp -rs "$cache"/wheels/*.whl "$wheels/" 2>/dev/null || true
    find "$wheels" -type l -exec sh -c 'for link; do ln -sf "/wheels/$(basename "$link")" "$link"; done' _ {} +
    rm "$wheels"/tabulate-*.whl
    "$builder" - "$cache"/wheels/tabulate-*.whl "$wheels" <<'PY'
import pathlib, sys, zipfile
source, folder = map(pathlib.Path, sys.argv[1:])
with zipfile.ZipFile(source) as read, zipfile.ZipFile(folder / source.name, "w") as write:
    for entry in read.infolist():
        extra = b"\nevil = True\n" if entry.filename.endswith("__init__.py") else b""
        write.writestr(entry, read.read(entry) + extra)
PY
    refused "a tampered wheel" as_person timeout 300 workbench engines add cpu --wheels /home/person/tampered
    rm -rf "$wheels"
}

# The engine is taken away first, so that adding it again has work to do.
interrupted_engines() {
    local name
    name=$(as_person timeout 60 workbench engines list | awk -F'\t' '$2 == "in use" { print $1; exit }')
    status "an engine is removed" 0 as_person timeout 120 workbench engines remove "$name"
    tampered_engine
    refused "killed in the middle" as_person timeout -s KILL 6 workbench engines add cpu --wheels /wheels
    mount -t tmpfs -o size=300m tmpfs "$bare/small"
    chown "$(chroot "$bare" id -u person):$(chroot "$bare" id -g person)" "$bare/small"
    refused "a full disk" as_person WORKBENCH_HOME=/small timeout 300 workbench engines add cpu --wheels /wheels
    at_most "left on the full disk" "$(du -sm "$bare/small" | cut -f1)" 20 MiB
    umount -l "$bare/small"
}

full_edition() {
    local name="a path 中文" root
    mkdir -p "$bare/home/person/$name" "$bare/home/person/elsewhere"
    zstd -dc "$out"/feedback-workbench-full-*-linux-x86_64.tar.zst | tar -C "$bare/home/person/$name" -x
    root=$(cd "$bare/home/person/$name" && echo feedback-workbench-*)
    chown -R --reference="$bare/home/person" "$bare/home/person/$name" "$bare/home/person/elsewhere"
    status "full edition, just unpacked, in a path with spaces and Chinese" 0 \
        as_person WORKBENCH_HOME=/home/person/home2 timeout 300 "/home/person/$name/$root/bin/workbench" --selftest
    mv "$bare/home/person/$name/$root" "$bare/home/person/elsewhere/moved"
    status "full edition, moved, hostile environment, in depth" 0 as_person WORKBENCH_HOME=/home/person/home2 PYTHONHOME=/bad \
        PYTHONPATH=/evil QT_PLUGIN_PATH=/evil timeout 900 /home/person/elsewhere/moved/bin/workbench --selftest --deep
}

removed_deb() {
    mkdir -p "$bare/home/person/.local/share/feedback-workbench/projects/kept"
    status "the .deb is removed" 0 timeout 120 chroot "$bare" apt-get remove -y feedback-workbench
    if [ -e "$bare/opt/feedback-workbench" ]; then bad "files are left in /opt: $(find "$bare/opt/feedback-workbench" | head -n 3)"; else ok "nothing is left in /opt"; fi
    if [ -d "$bare/home/person/.local/share/feedback-workbench/projects/kept" ]; then ok "projects stay"; else bad "projects are gone"; fi
}

# --- other systems ---------------------------------------------------------------------------------------------------

# What stands for an interpreter where none of that system can be had: only releases have python-build-standalone.
stand_in() {
    mkdir -p "$out/stand-in-windows/Lib" "$out/stand-in-macos/bin" "$out/stand-in-macos/lib/python3.11" "$out/stand-in-macos/include/python3.11"
    touch "$out/stand-in-windows/python.exe" "$out/stand-in-windows/pythonw.exe" "$out/stand-in-macos/bin/python3.11"
}

other_systems() {
    local icon_python=$out/bundle-linux-base/python/bin/python3.11 key=$out/key.pem setup
    stand_in
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Test of Feedback Workbench" -keyout "$key" -out "$out/certificate.pem" 2>/dev/null
    cat >"$out/sign" <<EOF
#!/bin/sh
# Programs of the system itself are signed by their makers; the test signs the setup and what is ours.
case \$1 in *-setup.exe) ;; *) exit 0 ;; esac
osslsigncode sign -certs "$out/certificate.pem" -key "$key" -h sha256 -in "\$1" -out "\$1.signed" >/dev/null && mv "\$1.signed" "\$1"
EOF
    chmod +x "$out/sign"
    WB_SIGN_CMD="$out/sign" base_python=$out/stand-in-windows build --target nsis --fast --icon-python "$icon_python"
    setup=$(echo "$out"/Feedback-Workbench-base-*-setup.exe)
    status "the setup's signature verifies" 0 osslsigncode verify -CAfile "$out/certificate.pem" "$setup"
    at_most "setup for Windows" "$(megabytes "$setup")" 2000 MB
    base_python=$out/stand-in-macos build --target app --icon-python "$icon_python"
    status "Info.plist is one" 0 "$builder" -c 'import plistlib, sys; assert plistlib.load(open(sys.argv[1], "rb"))["CFBundleExecutable"]' \
        "$out/Feedback Workbench.app/Contents/Info.plist"
    for lock in windows/cpu macos/mps; do
        status "the lock $lock installs" 0 timeout 600 env MACOSX_DEPLOYMENT_TARGET=14.0 uv pip install --quiet --no-config \
            --target "$out/locks/$lock" --no-deps --require-hashes --only-binary :all: --python-version 3.11 --python "$builder" \
            --python-platform "$(case $lock in windows*) echo x86_64-pc-windows-msvc ;; *) echo aarch64-apple-darwin ;; esac)" \
            -r "packaging/locks/$lock.txt"
    done
    rm -rf "$out/locks"
}

# ---------------------------------------------------------------------------------------------------------------------

base_installer() {
    build --target deb
    within "bundle" "$(sed -n 's/^bundle: \([0-9.]*\) s.*/\1/p' "$out/build.txt" | tail -n 1)" 30
    at_most "base .deb" "$(megabytes "$out"/feedback-workbench-base_*_amd64.deb)" 80 MB
    ln -sfn "$out/bundle-linux-base/bin/workbench" "$out/link to it"
    launcher "$out/bundle-linux-base"
}

full_installer() {
    the_wheels
    build --target tar --edition full --wheels "$cache/wheels"
    at_most "full edition" "$(megabytes "$out"/feedback-workbench-full-*.tar.zst)" 340 MB
}

sums() {
    if (cd "$out" && sha256sum --check --quiet SHA256SUMS); then ok "SHA256SUMS"; else bad "SHA256SUMS"; fi
}

parts=(base_installer full_installer make_bare base_edition on_a_screen full_edition interrupted_engines removed_deb other_systems sums)

# run_parts PART...: those that are named, in their order; each needs what the ones before it made.
run_parts() {
    local begun part
    begun=$(now)
    tools debootstrap nsis osslsigncode patchelf binutils xvfb zstd openssl
    find_uv
    trap unmount EXIT
    for part in "$@"; do "$part"; done
    unmount
    ok "it took $(seconds "$begun") s"
}

rm -f "$out/figures.txt" "$out/build.txt"
if [ "${1:-}" = --short ]; then short
elif [ $# = 0 ]; then run_parts "${parts[@]}"
elif [[ " ${parts[*]} " == *" $1 "* ]]; then run_parts "$@"
else
    echo "usage: packaging/test_linux.sh [--short | PART...], where a PART is one of: ${parts[*]}" >&2
    exit 2
fi
[ "$failures" = 0 ] || { echo "$failures checks failed" >&2; exit 1; }
