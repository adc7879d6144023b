"""Icons: Lucide drawings, tinted with a token of the theme that is on.

    icon("play")                      # QIcon in text2
    icon("play", "accentText")        # in another token
    pixmap("play", "good", 16)        # for custom painting
    logo(36)                          # the app's sign

A QIcon from here follows a theme switch by itself, because its engine looks the colour up when it is painted.
"""

from __future__ import annotations

from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from .. import paths
from .theme import theme

STROKE = "1.75"


@cache
def _source(name: str) -> str:
    path = paths.resources() / "icons" / "lucide" / f"{name}.svg"
    return path.read_text("utf-8").replace('stroke-width="2"', f'stroke-width="{STROKE}"')


@lru_cache(maxsize=1024)
def _drawn(name: str, size: int, color: str, ratio: float) -> QPixmap:
    svg = _source(name).replace("currentColor", color)
    return _rendered(svg, size, ratio)


def _rendered(svg: str, size: int, ratio: float) -> QPixmap:
    side = max(1, round(size * ratio))
    result = QPixmap(side, side)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


def _ratio() -> float:
    return QGuiApplication.instance().devicePixelRatio() if QGuiApplication.instance() else 1.0  # type: ignore[union-attr]


def pixmap(name: str, color: str = "text2", size: int = 16, ratio: float | None = None) -> QPixmap:
    """An icon as a pixmap of `size` logical pixels, in the colour of a token."""
    return _drawn(name, size, theme().hex(color), ratio or _ratio())


def paint(painter: QPainter, name: str, color: str, x: float, y: float, size: int = 16) -> None:
    """Draw an icon with its top left corner at x, y."""
    ratio = painter.device().devicePixelRatioF()
    painter.drawPixmap(QPointF(x, y), pixmap(name, color, size, ratio))


class _Engine(QIconEngine):
    """Paints the drawing in the colour that its token has now."""

    def __init__(self, name: str, color: str, size: int) -> None:
        super().__init__()
        self._name, self._color, self._size = name, color, size

    def _token(self, mode: QIcon.Mode) -> str:
        return "text3" if mode == QIcon.Mode.Disabled else self._color

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        size = min(rect.width(), rect.height())
        x = rect.x() + (rect.width() - size) / 2
        y = rect.y() + (rect.height() - size) / 2
        paint(painter, self._name, self._token(mode), x, y, size)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return pixmap(self._name, self._token(mode), min(size.width(), size.height()), 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        return pixmap(self._name, self._token(mode), min(size.width(), size.height()), scale)

    def actualSize(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QSize:
        side = min(size.width(), size.height(), self._size)
        return QSize(side, side)

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._color, self._size)


def icon(name: str, color: str = "text2", size: int = 16) -> QIcon:
    """A QIcon in the colour of a token. Raises FileNotFoundError for a name that is not in the set."""
    _source(name)  # a wrong name is a mistake in the code: say so here and not in a paint event
    return QIcon(_Engine(name, color, size))


def names() -> list[str]:
    """Every icon in the set."""
    return sorted(path.stem for path in (paths.resources() / "icons" / "lucide").glob("*.svg"))


def logo(size: int = 32, ratio: float | None = None) -> QPixmap:
    """The app's sign: people and model round one text."""
    svg = (paths.resources() / "icons" / "logo.svg").read_text("utf-8")
    for fixed, token in (("#F0B04A", "human"), ("#3F82EE", "s1"), ("#E9EBEF", "text")):
        svg = svg.replace(fixed, theme().hex(token))
    return _rendered(svg, size, ratio or _ratio())


def app_icon() -> QIcon:
    """The icon of the window and the installer: the sign on a dark tile reads on every desktop."""
    result = QIcon()
    svg = (paths.resources() / "icons" / "app.svg").read_text("utf-8")
    for size in (16, 32, 48, 64, 128, 256):
        result.addPixmap(_rendered(svg, size, 1.0))
    return result
