"""Pruning keeps what is imported, and throws away what is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from installers import pruning
from installers.systems import ROOT


def test_every_module_of_qt_that_the_app_imports_is_kept():
    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "workbench").rglob("*.py"))
    imported = set(re.findall(r"from PySide6\.Qt(\w+) import", source))
    imported |= set(re.findall(r"\bQt(\w+)", " ".join(re.findall(r"from PySide6 import (.+)", source))))
    assert len(imported) > 3
    assert imported <= set(pruning.MODULES)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("QtCore.abi3.so", True),
        ("QtSvg.pyd", True),
        ("QtQml.abi3.so", False),
        ("QtQuick.pyd", False),
        ("QtCore.pyi", False),
        ("Qt6Core.dll", True),
        ("Qt6Qml.dll", False),
        ("libpyside6.abi3.so.6.11", True),
        ("libpyside6qml.abi3.so.6.11", False),
        ("pyside6.abi3.dll", True),
        ("pyside6qml.abi3.dll", False),
        ("vcruntime140.dll", True),
        ("opengl32sw.dll", False),
        ("designer", False),
        ("lrelease.exe", False),
        ("__init__.py", True),
    ],
)
def test_files_at_the_top_of_qt(name, kept):
    assert pruning.keeps_file(name) is kept


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("libQt6Core.so.6", True),
        ("libQt6XcbQpa.so.6", True),
        ("libQt6Quick.so.6", False),
        ("libQt6WaylandEglCompositorHwIntegration.so.6", False),
        ("libicudata.so.73", True),
        ("QtCore.framework", True),
        ("QtQml.framework", False),
    ],
)
def test_libraries(name, kept):
    assert pruning.keeps_library(name) is kept


def tree(root: Path, *files: str) -> None:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def left(root: Path) -> set[str]:
    return {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}


def test_a_tree_as_on_linux(tmp_path):
    kept = [
        "PySide6/__init__.py",
        "PySide6/QtCore.abi3.so",
        "PySide6/support/deprecated.py",
        "PySide6/Qt/lib/libQt6Core.so.6",
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/imageformats/libqsvg.so",
        "PySide6/Qt/plugins/wayland-decoration-client/libadwaita.so",
        "PySide6/Qt/translations/qtbase_zh_CN.qm",
        "numpy/testing/__init__.py",
        "click/core.py",
    ]
    gone = [
        "PySide6/QtQml.abi3.so",
        "PySide6/QtCore.pyi",
        "PySide6/Qt/qml/QtQuick/qmldir",
        "PySide6/Qt/libexec/uic",
        "PySide6/Qt/lib/libQt6Qml.so.6",
        "PySide6/Qt/plugins/platforms/libqeglfs.so",
        "PySide6/Qt/plugins/sqldrivers/libqsqlite.so",
        "PySide6/Qt/translations/linguist_de.qm",
        "PySide6/scripts/pyside_tool.py",
        "numpy/tests/test_all.py",
        "numpy/f2py/cfuncs.py",
        "numpy/_core/include/numpy/arrayobject.h",
        "pyqtgraph/examples/Plotting.py",
        "bin/pyside6-uic",
    ]
    tree(tmp_path, *kept, *gone)
    pruning.prune(tmp_path)
    assert left(tmp_path) == set(kept)


def test_a_tree_as_on_windows(tmp_path):
    kept = ["PySide6/Qt6Core.dll", "PySide6/plugins/platforms/qwindows.dll", "PySide6/translations/qtbase_de.qm"]
    gone = ["PySide6/Qt6Qml.dll", "PySide6/plugins/qmltooling/x.dll", "PySide6/qml/a.qml", "PySide6/uic.exe"]
    tree(tmp_path, *kept, *gone)
    pruning.prune(tmp_path)
    assert left(tmp_path) == set(kept)


def test_an_engine_lists_what_it_has_left(tmp_path):
    kept = ["torch/__init__.py", "torch/bin/torch_shm_manager", "torch/testing/tests/a.py", "pandas/core.py"]
    gone = ["torch/test/atest", "torch/bin/protoc", "pandas/tests/test_core.py", "bin/torchrun"]
    record = "torch-1.dist-info/RECORD"
    tree(tmp_path, *kept, *gone, record)
    lines = [f"{name},sha256=x,1" for name in (*kept, *gone)]
    (tmp_path / record).write_text("\n".join([*lines, f"{record},,"]) + "\n")
    pruning.prune_engine(tmp_path)
    assert left(tmp_path) == {*kept, record}
    assert [line.split(",")[0] for line in (tmp_path / record).read_text().splitlines()] == [*kept, record]
