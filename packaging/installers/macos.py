"""macOS: Feedback Workbench.app, and on a Mac the disk image that it travels in."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from .systems import PACKAGING

IDENTIFIER = "org.feedback-workbench.Workbench"
MINIMUM = "14.0"
FOLDER = PACKAGING / "macos"


def information(version: str) -> dict[str, Any]:
    """Info.plist."""
    return {
        "CFBundleName": "Feedback Workbench",
        "CFBundleDisplayName": "Feedback Workbench",
        "CFBundleIdentifier": IDENTIFIER,
        "CFBundleExecutable": "workbench",
        "CFBundleIconFile": "workbench.icns",
        "CFBundlePackageType": "APPL",
        "CFBundleShortVersionString": version,
        "CFBundleVersion": version,
        "LSMinimumSystemVersion": MINIMUM,
        "LSApplicationCategoryType": "public.app-category.developer-tools",
        "NSHighResolutionCapable": True,
        "NSPrincipalClass": "NSApplication",
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": "Feedback Workbench project",
                "CFBundleTypeRole": "Editor",
                "LSHandlerRank": "Alternate",
                "LSItemContentTypes": ["public.folder"],
            }
        ],
    }


def build(bundle: Path, icon: Path, edition: str, version: str, out: Path) -> Path:
    """Lay out the .app; on a Mac also sign it and make the disk image (packaging/macos/sign.sh)."""
    app = out / "Feedback Workbench.app"
    shutil.rmtree(app, ignore_errors=True)
    contents = app / "Contents"
    (contents / "MacOS").mkdir(parents=True)
    shutil.copytree(bundle, contents / "Resources", symlinks=True)
    shutil.copy2(icon, contents / "Resources" / "workbench.icns")
    (contents / "Info.plist").write_bytes(plistlib.dumps(information(version)))
    (contents / "PkgInfo").write_text("APPL????", encoding="ascii")
    if sys.platform != "darwin":
        shutil.copy2(FOLDER / "launcher.c", contents / "MacOS" / "launcher.c")
        print("The launcher is compiled, and the app signed, on a Mac only: this is its layout.", file=sys.stderr)
        return app
    compile_launcher(contents / "MacOS" / "workbench", ("-arch", "arm64", f"-mmacosx-version-min={MINIMUM}"))
    image = out / f"Feedback-Workbench-{edition}-{version}-macos-arm64.dmg"
    subprocess.run(["bash", str(FOLDER / "sign.sh"), str(app), str(image)], check=True)
    return image


def compile_launcher(target: Path, flags: tuple[str, ...] = ()) -> None:
    """The small program that is the app's process: it loads the bundle's Python instead of starting another."""
    source = str(FOLDER / "launcher.c")
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", *flags, "-o", str(target), source, "-ldl"], check=True)
