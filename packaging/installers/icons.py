"""The app's icon for each system, drawn from one SVG by the bundle's own Qt (or another Python that has Qt)."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

from .systems import ROOT

SOURCE = ROOT / "resources" / "icons" / "app.svg"
SIZES = (16, 24, 32, 48, 64, 128, 256, 512, 1024)
HICOLOR = SIZES[:-1]
ICNS = {"icp4": 16, "icp5": 32, "ic07": 128, "ic08": 256, "ic09": 512, "ic10": 1024}
ICNS |= {"ic11": 32, "ic12": 64, "ic13": 256, "ic14": 512}
DRAW = """
import sys
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
application = QGuiApplication(sys.argv[:1])
for size in map(int, sys.argv[3:]):
    picture = QImage(size, size, QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(sys.argv[1]).render(painter)
    painter.end()
    assert picture.save(f"{sys.argv[2]}/{size}.png")
"""


def draw(python: str, folder: Path) -> dict[int, bytes]:
    """The icon as PNG in every size. `python`: one that has PySide6."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    sizes = map(str, SIZES)
    subprocess.run([python, "-c", DRAW, str(SOURCE), str(folder), *sizes], env=env, check=True, timeout=120)
    return {size: (folder / f"{size}.png").read_bytes() for size in SIZES}


def ico(pictures: dict[int, bytes]) -> bytes:
    """Windows' icon: a table of contents, then PNGs up to 256."""
    chosen = [(size, data) for size, data in sorted(pictures.items()) if size <= 256]
    table, body, begin = b"", b"", 6 + 16 * len(chosen)
    for size, data in chosen:
        table += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(data), begin + len(body))
        body += data
    return struct.pack("<HHH", 0, 1, len(chosen)) + table + body


def icns(pictures: dict[int, bytes]) -> bytes:
    """macOS' icon: named PNGs."""
    parts = (kind.encode() + struct.pack(">I", 8 + len(pictures[size])) + pictures[size] for kind, size in ICNS.items())
    body = b"".join(parts)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def put_on_desktop(pictures: dict[int, bytes], share: Path) -> None:
    """The icons where a Linux desktop looks for them."""
    for size in HICOLOR:
        place = share / "icons" / "hicolor" / f"{size}x{size}" / "apps"
        place.mkdir(parents=True)
        (place / "feedback-workbench.png").write_bytes(pictures[size])
    scalable = share / "icons" / "hicolor" / "scalable" / "apps"
    scalable.mkdir(parents=True)
    (scalable / "feedback-workbench.svg").write_bytes(SOURCE.read_bytes())
