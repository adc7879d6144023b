"""What a window needs of its libraries: Qt's modules and plugins by name, nobody's tests, headers and programs."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

MODULES = ("Core", "Gui", "Widgets", "Svg", "Test")
"""Modules that workbench.ui and pyqtgraph import; pyqtgraph does without OpenGL where it is not there."""
LIBRARIES = (*MODULES, "OpenGL", "DBus", "XcbQpa", "WaylandClient", "WlShellIntegration")
"""Libraries of these modules and of the plugins below."""
PLUGINS = {
    "platforms": "xcb wayland offscreen minimal windows cocoa",
    "imageformats": "svg png ico jpeg gif webp icns",
    "iconengines": "svgicon",
    "styles": "modernwindowsstyle windowsvistastyle macstyle",
    "platformthemes": "xdgdesktopportal",
    "platforminputcontexts": "compose ibus",
    "xcbglintegrations": "",
    "wayland-decoration-client": "",
    "wayland-graphics-integration-client": "libqt-plugin-wayland-egl",
    "wayland-shell-integration": "xdg-shell wl-shell",
}
"""Folders of plugins, and what the names of those that stay have in them; none named: all of them stay."""
ENGINE_TESTS = ("mpmath", "networkx", "numpy", "pandas", "pyarrow", "sympy")
"""Packages of an engine whose tests go. torch.testing is a part of torch that transformers imports."""
KEPT_FOLDERS = ("Qt", "support", "plugins", "translations", "__pycache__")
KEPT_OF_QT = ("lib", "plugins", "translations")
UNWANTED = ("tests", "test", "examples", "benchmarks", "include", "__pycache__")
UNWANTED_PARTS = ("numpy/f2py", "numpy/distutils")
UNWANTED_FILES = (".pyi", ".c", ".pxd", ".h", ".a", ".lib")
"""What only a package's makers need, in any of them."""


def prune(site_packages: Path) -> None:
    """Take out of app/site-packages what no window needs."""
    prune_qt(site_packages / "PySide6")
    for part in ("bin", "Scripts", *UNWANTED_PARTS):
        shutil.rmtree(site_packages / part, ignore_errors=True)
    for folder, inner, files in os.walk(site_packages):
        place = Path(folder)
        for name in [name for name in inner if name in UNWANTED and place != site_packages]:
            shutil.rmtree(place / name)
            inner.remove(name)
        for name in files:
            if name.endswith(UNWANTED_FILES):
                (place / name).unlink()


def prune_engine(engine: Path) -> None:
    """Take programs and tests out of an engine, and out of the lists that `workbench engines verify` goes through."""
    for package in ENGINE_TESTS:
        for folder in [found for found in (engine / package).rglob("tests") if found.is_dir()]:
            shutil.rmtree(folder, ignore_errors=True)
    for folder in ("bin", "Scripts", "torch/test"):
        shutil.rmtree(engine / folder, ignore_errors=True)
    _drop(program for program in (engine / "torch" / "bin").glob("*") if "shm_manager" not in program.name)
    for record in engine.glob("*.dist-info/RECORD"):
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if (engine / next(csv.reader([line]))[0]).exists()]
        record.unlink()  # it may be a hard link into uv's cache
        record.write_text("".join(kept), encoding="utf-8", newline="")


def prune_qt(qt: Path) -> None:
    """Keep the modules above, their libraries and plugins, and the texts of Qt's own dialogs in every language."""
    for entry in list(qt.iterdir()):
        if entry.is_dir():
            if entry.name not in KEPT_FOLDERS:
                shutil.rmtree(entry)
        elif not keeps_file(entry.name):
            entry.unlink()
    inner = qt / "Qt" if (qt / "Qt").is_dir() else qt
    if inner != qt:
        for folder in inner.iterdir():
            if folder.name not in KEPT_OF_QT:
                shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
        for library in (inner / "lib").iterdir():
            if not keeps_library(library.name):
                shutil.rmtree(library) if library.is_dir() else library.unlink()
    for folder in (inner / "plugins").iterdir():
        if not keeps_plugins(folder):
            shutil.rmtree(folder)
    _drop(text for text in (inner / "translations").glob("*") if not text.name.startswith("qtbase_"))


def keeps_file(name: str) -> bool:
    """Whether a file that lies at the top of PySide6 stays: modules by name, libraries of Windows, Python."""
    if match := re.match(r"Qt([A-Z][A-Za-z0-9]*)(\.abi3\.so|\.pyd)$", name):
        return match[1] in MODULES
    if match := re.match(r"Qt6([A-Za-z0-9]+)\.dll$", name):
        return match[1] in LIBRARIES
    if name.startswith(("libpyside6qml", "pyside6qml")):
        return False
    runtime = ("msvcp140", "vcruntime140", "concrt140", "libpyside6", "pyside6.", "libshiboken", "shiboken6")
    return name.endswith((".py", ".json")) or name == "py.typed" or name.startswith(runtime)


def keeps_library(name: str) -> bool:
    """Whether a library stays: libQt6Core.so.6, QtCore.framework, and what carries no Qt in its name."""
    if match := re.match(r"(?:libQt6|Qt)([A-Za-z0-9]+?)(\.so.*|\.framework|\.dylib|\..*)$", name):
        return match[1] in LIBRARIES
    return True


def keeps_plugins(folder: Path) -> bool:
    """Whether a folder of plugins stays; those in it that nothing needs are taken out."""
    if folder.name not in PLUGINS:
        return False
    words = PLUGINS[folder.name].split()
    _drop(plugin for plugin in folder.iterdir() if words and not any(word in plugin.name for word in words))
    return True


def _drop(files: Iterable[Path]) -> None:
    for file in list(files):
        if file.is_file():
            file.unlink()
