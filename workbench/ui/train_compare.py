"""Several runs compared: their curves over one another, what was set otherwise, what each came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QFileDialog, QGridLayout, QScrollArea, QWidget

from ..errors import WorkbenchError
from ..jobs.comparing import MOST, Comparison, compare, write_csv
from ..methods import METHODS
from ..methods.base import knobs
from ..store import Run
from . import keys
from .context import Context
from .figures import figure, size
from .form_controls import written
from .rows import Cell, Column, RowsModel
from .tables import Table
from .theme import set_region
from .train_runs import when
from .train_words import metric_words
from .widgets import Button, EmptyState, SliderField, ToggleChip, column, holding, label, row

TOKENS = ("s1", "s2", "s3", "s4", "s5")
"""The colours of series.DASHES; that module brings pyqtgraph, which takes a quarter of a second."""
LETTERS = "ABCDE"
SMOOTHING = 0.6
NARROW = 900
PANEL_HEIGHT = 176
BASELINE = "longer_wins"
MEMORY = ("estimate_bytes", "peak_bytes")
assert len(TOKENS) >= MOST and len(LETTERS) >= MOST


class RunChoice(Table):
    """The runs to choose from, with a tick and the letter of each that is chosen. `changed` when that is other."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", two_lines=True, parent=parent)
        self.setAccessibleName(self.tr("Runs to compare"))
        self._marked: list[str] = []
        self._rows = RowsModel([Column("", self._cell, stretch=True)], self)
        self.setModel(self._rows)
        self.horizontalHeader().hide()
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.clicked.connect(lambda index: self._toggle(self._rows.row_at(index.row())))
        self.viewport().setAutoFillBackground(False)
        set_region(self, "panel")

    def set_runs(self, runs: Sequence[Run]) -> None:
        """Offer these runs; those that were chosen stay so."""
        chosen = self.chosen()
        self._rows.set_rows(runs)
        known = {run.id for run in runs}
        self._marked = [run_id for run_id in self._marked if run_id in known]
        if chosen is not None:
            self.choose(next((run for run in runs if run.id == chosen.id), None))

    def marked(self) -> list[str]:
        """The ids of the runs that are chosen, in the order of their letters."""
        return list(self._marked)

    def mark(self, run_ids: Sequence[str]) -> None:
        """Choose these runs and no others."""
        self._marked = list(run_ids)[:MOST]
        for place, run in enumerate(self._rows.rows()):  # not all anew: the current row would be lost
            self._rows.update_row(place, run)
        self.changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._toggle(self.chosen())
        else:
            super().keyPressEvent(event)

    def _toggle(self, run: Run | None) -> None:
        if run is None:
            return
        if run.id in self._marked:
            self.mark([run_id for run_id in self._marked if run_id != run.id])
        elif len(self._marked) < MOST:
            self.mark([*self._marked, run.id])

    def _cell(self, run: Run) -> Cell:
        time = when(run.ended_at or run.started_at or run.created_at)
        method = METHODS.get(run.method)
        about = f"{QCoreApplication.translate('Method', method.title) if method else run.method} \u00b7 {time}"
        if run.id not in self._marked:
            return Cell(run.name, sub=about, icon="circle", icon_tone="text3")
        place = self._marked.index(run.id)
        return Cell(f"{LETTERS[place]}  {run.name}", sub=about, icon="circle-check", icon_tone=TOKENS[place])


class ComparePage(QWidget):
    """The page. `left()` when the person goes back."""

    left = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._comparison: Comparison | None = None
        self.panels: list[Any] = []
        self.runs = RunChoice()
        self.runs.changed.connect(self._draw)
        self.smoothing = SliderField(self.tr("Smoothing"), 0.0, 0.99, SMOOTHING)
        self.smoothing.setFixedWidth(180)
        self.smoothing.changed.connect(self._smooth)
        self.logarithmic = ToggleChip(self.tr("Log axis"))
        self.logarithmic.toggled.connect(self._switch_axis)
        keys.action(self, self.tr("Back to the runs"), "Esc", self.left.emit)
        keys.action(self, self.tr("Log axis"), "L", self.logarithmic.toggle)
        self.save_picture = keys.action(self, self.tr("Save the curves as a picture"), "Ctrl S", self.choose_picture)
        self.save_table = keys.action(self, self.tr("Save the curves as CSV"), "Ctrl Shift S", self.choose_table)
        self._build()

    def _build(self) -> None:
        self.empty = EmptyState(self.tr("Choose two runs or more at the left: Space or a click."), "", None)
        self._charts = QWidget()
        self._grid = QGridLayout(self._charts)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(10)
        self.settings_title, self.figures_title = label("", "head"), label(self.tr("What they came to"), "head")
        self.settings, self.figures = (
            _SideBySide(self.tr("What was set otherwise")),
            _SideBySide(self.tr("What they came to")),
        )
        tables = (self.figures_title, self.figures, self.settings_title, self.settings)
        self._found = holding(column(self._charts, *tables, None, spacing=10, margins=(16, 4, 16, 16)))
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._found)
        self._area = area
        picture = Button.of(self.save_picture, size="sm")
        table = Button.of(self.save_table, size="sm")
        picture.set_text(self.tr("Picture…"))
        table.set_text(self.tr("CSV…"))
        tools = row(
            label(self.tr("Compare runs"), "title"), None, self.smoothing, self.logarithmic, picture, table, spacing=10,
            margins=(16, 12, 16, 4),
        )  # fmt: skip
        side = holding(column(label(self.tr("Runs"), "head"), self.runs, spacing=4, margins=(10, 14, 10, 10)))
        side.setFixedWidth(248)
        set_region(side, "panel")
        body = column(tools, area, self.empty, spacing=0)
        body.setStretch(1, 1)
        body.setStretch(2, 1)
        whole = row(side, holding(body), spacing=0)
        whole.setStretch(1, 1)
        self.setLayout(whole)

    # -- which runs

    def begin(self, runs: Sequence[Run], first: Sequence[str] = ()) -> None:
        """Offer these runs; `first` are chosen to begin with."""
        self.runs.set_runs(runs)
        self.runs.mark(first or self.runs.marked())
        if runs:
            self.runs.choose(runs[0])

    def refresh(self, runs: Sequence[Run]) -> None:
        """The runs have changed: one has ended, or is gone."""
        self.runs.set_runs(runs)
        self._draw()

    # -- drawing

    def _draw(self) -> None:
        chosen = self.runs.marked()
        try:
            self._comparison = compare(self._context.store, chosen) if len(chosen) > 1 else None
        except WorkbenchError as error:
            self._context.tell(error)
            self._comparison = None
        there = self._comparison is not None
        self._area.setVisible(there)
        self.empty.setVisible(not there)
        for part in (self.smoothing, self.logarithmic, self.save_picture, self.save_table):
            part.setEnabled(there)
        self._draw_charts()
        if self._comparison is not None:
            self._draw_tables(self._comparison)

    def _draw_charts(self) -> None:
        from . import plot
        from .compare_panel import ComparePanel

        for panel in self.panels:
            panel.hide()
            panel.deleteLater()
        self.panels = []
        for name in self._metrics():
            panel = ComparePanel(metric_words(name), self.smoothing.value())
            assert self._comparison is not None
            for place, curves in enumerate(self._comparison.curves):
                points = curves.get(name, ())
                if points:
                    steps, values = zip(*points, strict=True)
                    panel.set_series(steps, values, LETTERS[place], TOKENS[place])
            panel.set_logarithmic(self.logarithmic.isChecked())
            self.panels.append(panel)
        plot.link(self.panels)
        self._lay_out()

    def _metrics(self) -> list[str]:
        """What can be drawn: what their methods' charts show, of which a run has values."""
        if self._comparison is None:
            return []
        methods = dict.fromkeys(run.method for run in self._comparison.runs)
        declared = [panel for name in methods if name in METHODS for panel in METHODS[name].PANELS]
        names = dict.fromkeys(metric for panel in declared for metric in panel.metrics if BASELINE not in metric)
        return [name for name in names if any(curves.get(name) for curves in self._comparison.curves)]

    def _draw_tables(self, comparison: Comparison) -> None:
        names = [f"{LETTERS[place]}  {run.name}" for place, run in enumerate(comparison.runs)]
        words = _knob_words(comparison.runs)
        self.figures.show_rows(names, comparison.figures, metric_words)
        self.settings.show_rows(names, comparison.settings, lambda name: words.get(name, name))
        same = self.tr("Everything was set alike") if not comparison.settings else self.tr("What was set otherwise")
        self.settings_title.setText(same)
        self.settings.setVisible(bool(comparison.settings))
        for part in (self.figures, self.figures_title):
            part.setVisible(bool(comparison.figures))

    def _lay_out(self) -> None:
        columns = 2 if self._area.width() < NARROW or len(self.runs.marked()) > 3 else 3
        for place, panel in enumerate(self.panels):
            panel.setFixedHeight(PANEL_HEIGHT)
            self._grid.addWidget(panel, place // columns, place % columns)
            panel.show()
        for place in range(3):
            self._grid.setColumnStretch(place, 1 if place < columns else 0)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _smooth(self, amount: float) -> None:
        for panel in self.panels:
            panel.set_smoothing(amount)

    def _switch_axis(self, on: bool) -> None:
        for panel in self.panels:
            panel.set_logarithmic(on)

    # -- saving

    def choose_picture(self) -> None:
        """Have a person choose where the picture goes."""
        kinds = self.tr("Pictures (*.png *.svg)")
        found, _ = QFileDialog.getSaveFileName(self.window(), self.tr("Save the curves"), "curves.png", kinds)
        if found:
            self.save_picture_to(Path(found))

    def save_picture_to(self, path: Path) -> None:
        """Write the charts as they are: SVG where the name ends so, else PNG at twice the size."""
        try:
            draw_to(self._charts, path)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._context.message.emit(self.tr("Wrote {path}.").format(path=path), "", "good")

    def choose_table(self) -> None:
        """Have a person choose where the table goes."""
        found, _ = QFileDialog.getSaveFileName(self.window(), self.tr("Save the curves"), "curves.csv", "CSV (*.csv)")
        if found:
            self.save_table_to(Path(found))

    def save_table_to(self, path: Path) -> None:
        """Write every point as a row of CSV."""
        assert self._comparison is not None
        try:
            rows = write_csv(self._comparison, path)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._context.message.emit(self.tr("Wrote {rows} points to {path}.").format(rows=rows, path=path), "", "good")


class _SideBySide(Table):
    """A name and a value of each run; as high as it needs to be."""

    def show_rows(
        self, runs: Sequence[str], rows: Sequence[tuple[str, Sequence[Any]]], said: Callable[[str], str]
    ) -> None:
        """Show these rows under the names of the runs; `said` gives what the name of a row is called."""
        columns = [Column("", lambda each: Cell(said(each[0]), tone="text2"), 220)]
        for place, name in enumerate(runs):
            columns.append(Column(name, lambda each, place=place: Cell(_words(each[0], each[1][place])), stretch=True))
        model = RowsModel(columns, self)
        model.set_rows(rows)
        before = self.model()
        self.setModel(model)
        if before is not None:
            before.deleteLater()
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(30 + self.row_height * len(rows))

    @property
    def row_height(self) -> int:
        return super().row_height * 3 // 4


def _words(name: str, value: Any) -> str:
    if value is None or value == "":
        return "\u2013"
    if name in MEMORY:
        return size(value)
    if isinstance(value, float):
        return figure(value)
    return written(value)


def _knob_words(runs: Sequence[Run]) -> Mapping[str, str]:
    """What the knobs of the runs' methods are called."""
    methods = [METHODS[run.method] for run in runs if run.method in METHODS]
    return {
        knob.name: QCoreApplication.translate("Knob", knob.label)
        for method in methods
        for knob in knobs(method.Options)
    }


def draw_to(widget: QWidget, path: Path) -> None:
    """Draw a widget into a PNG or SVG file, whole or not at all. Raises WorkbenchError when it cannot be written."""
    from PySide6.QtGui import QImage
    from PySide6.QtSvg import QSvgGenerator

    from ..store.exchange.writing import replacing
    from .theme import theme

    whole = QRect(0, 0, widget.width(), widget.height())
    with replacing(path) as place:
        painter = QPainter()
        if path.suffix.lower() == ".svg":
            paper: Any = QSvgGenerator()
            paper.setFileName(str(place))
            paper.setSize(QSize(whole.width(), whole.height()))
            paper.setViewBox(whole)
        else:
            paper = QImage(whole.size() * 2, QImage.Format.Format_ARGB32)
            paper.setDevicePixelRatio(2)
        if not painter.begin(paper):
            raise WorkbenchError(f"{path} cannot be written.", "Choose another place.")
        painter.fillRect(whole, theme().color("canvas"))
        widget.render(painter, whole.topLeft())
        painter.end()
        if isinstance(paper, QImage) and not paper.save(str(place), "PNG"):  # type: ignore[call-overload]
            raise WorkbenchError(f"{path} cannot be written.", "Choose another place.")
