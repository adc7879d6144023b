"""Debian and Ubuntu: a .deb that puts the bundle under /opt, and an archive of the same for every other Linux.

Menu, icons and types are taken up by the triggers of the desktop's own packages. The scripts of the package write and
remove bytecode, and touch nothing else: a person's projects stay when it is removed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from .interpreter import newest_glibc
from .systems import PACKAGING

NAME = "feedback-workbench"
PLACE = f"opt/{NAME}"
DEPENDS = (
    "libdbus-1-3",
    "libegl1",
    "libfontconfig1",
    "libfreetype6",
    "libgl1",
    "libglib2.0-0 | libglib2.0-0t64",
    "libstdc++6",
    "libwayland-client0",
    "libwayland-cursor0",
    "libwayland-egl1",
    "libx11-6",
    "libx11-xcb1",
    "libxcb-cursor0",
    "libxcb-glx0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-render-util0",
    "libxcb-render0",
    "libxcb-shape0",
    "libxcb-shm0",
    "libxcb-sync1",
    "libxcb-util1",
    "libxcb-xfixes0",
    "libxcb-xkb1",
    "libxcb1",
    "libxkbcommon-x11-0",
    "libxkbcommon0",
)
"""What Qt's modules and plugins ask of the system; packaging/test_linux.sh holds ldd against it in a bare system."""
SCRIPTS = ("postinst", "prerm")
RECOMMENDS = ("ca-certificates", "fonts-noto-cjk")
SUGGESTS = ("g++", "gnome-keyring | kwalletmanager")


def control(edition: str, version: str, installed_kib: int, glibc: str) -> str:
    """The package's description for apt. The two editions take each other's place."""
    name, other = (NAME, f"{NAME}-full") if edition == "base" else (f"{NAME}-full", NAME)
    engine = (
        "with an engine for the processor" if edition == "full" else "without an engine: it can be added in the app"
    )
    fields = {
        "Package": name,
        "Version": version,
        "Architecture": "amd64",
        "Maintainer": "Feedback Workbench maintainers <maintainers@feedback-workbench.invalid>",
        "Installed-Size": str(installed_kib),
        "Section": "science",
        "Priority": "optional",
        "Depends": ", ".join((f"libc6 (>= {glibc})", *DEPENDS)),
        "Recommends": ", ".join(RECOMMENDS),
        "Suggests": ", ".join(SUGGESTS),
        "Conflicts": other,
        "Replaces": other,
        "Description": f"teach a language model by judging what it says ({edition} edition)\n"
        " A desktop app with which a person rates, compares and edits the answers of a language\n"
        f" model and trains it on that, on their own computer; {engine}.",
    }
    return "".join(f"{field}: {text}\n" for field, text in fields.items())


def build(bundle: Path, edition: str, version: str, out: Path, compression: str) -> Path:
    """Make the .deb. The bundle is linked, not copied."""
    stage = out / "deb-stage"
    shutil.rmtree(stage, ignore_errors=True)
    shutil.copytree(bundle, stage / PLACE, symlinks=True, copy_function=os.link, ignore=_compiled_there(bundle))
    shutil.move(stage / PLACE / "share", stage / "usr" / "share")
    (stage / "usr" / "bin").mkdir()
    (stage / "usr" / "bin" / "workbench").symlink_to(f"/{PLACE}/bin/workbench")
    documents = stage / "usr" / "share" / "doc" / NAME
    documents.mkdir(parents=True)
    (documents / "copyright").write_text(
        f"Licensed under Apache-2.0; see /{PLACE}/LICENSE.\nEverything it carries: /{PLACE}/THIRD_PARTY_LICENSES.\n"
    )
    glibc = re.sub(r"GLIBC_([\d.]+).*", r"\1", newest_glibc(bundle))
    _describe(stage, control(edition, version, _kib(stage), glibc))
    target = out / f"{NAME}-{edition}_{version}_amd64.deb"
    tool, _, level = compression.partition(":")
    command = ["dpkg-deb", "--root-owner-group", f"-Z{tool}", *([f"-z{level}"] if level else []), "--build"]
    subprocess.run([*command, str(stage), str(target)], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(stage)
    return target


def _compiled_there(bundle: Path) -> Callable[[str, list[str]], list[str]]:
    """Leave out what postinst writes: the engine's bytecode alone is packed, as it takes too long to make."""
    own = (str(bundle / "python"), str(bundle / "app"))
    return lambda folder, names: [name for name in names if name == "__pycache__" and folder.startswith(own)]


def _describe(stage: Path, text: str) -> None:
    folder = stage / "DEBIAN"
    folder.mkdir()
    for script in SCRIPTS:
        shutil.copy2(PACKAGING / "linux" / script, folder)
    (folder / "control").write_text(text, encoding="utf-8")
    files = [file for place in ("opt", "usr") for file in sorted((stage / place).rglob("*")) if file.is_file()]
    sums = (f"{md5(file)}  {file.relative_to(stage)}\n" for file in files if not file.is_symlink())
    (folder / "md5sums").write_text("".join(sums), encoding="utf-8")
    for place in (folder, *folder.iterdir()):
        place.chmod(0o755 if place.is_dir() or place.name in SCRIPTS else 0o644)


def _kib(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) // 1024


def md5(file: Path) -> str:
    """What dpkg --verify compares."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def archive(bundle: Path, edition: str, version: str, out: Path) -> Path:
    """Make the .tar.zst for every other Linux: unpack it anywhere and start bin/workbench."""
    target = out / f"{NAME}-{edition}-{version}-linux-x86_64.tar.zst"
    command = ["tar", "--create", "--owner=0", "--group=0", "--numeric-owner", "--sort=name"]
    command += [f"--transform=s,^{bundle.name},{NAME}-{version},", "--use-compress-program=zstd -q -T0 -10"]
    subprocess.run([*command, "--file", str(target), "-C", str(bundle.parent), bundle.name], check=True)
    return target
