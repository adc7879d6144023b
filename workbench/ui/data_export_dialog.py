"""What to export, in which shape and in what kind of file; says what each has no place for."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QWidget

from .data_exporting import Export, container_names, format_names, what_names
from .feedback_orders import Choice
from .theme import set_region
from .widgets import Button, Switch, column, label, row


class ExportDialog(QDialog):
    """Three choices, each with what it means. `chosen` carries an Export."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Export"))
        self.setAccessibleName(self.tr("Export"))
        set_region(self, "canvas")
        self.setFixedWidth(560)
        self.what, self.format, self.container = (
            Choice(name) for name in (self.tr("What"), self.tr("Shape"), self.tr("File"))
        )
        self.meaning, self.lacks = label("", "small", "text2", wrap=True), label("", "small", "text2", wrap=True)
        for key, (name, _) in what_names().items():
            self.what.addItem(name, key)
        self.judges = Switch(self.tr("Also what judges said"))
        self.judges.setToolTip(self.tr("What models and rules said of answers, beside what people said"))
        self._build()
        self.what.currentIndexChanged.connect(self._offer_formats)
        self.format.currentIndexChanged.connect(self._offer_containers)
        self._offer_formats()

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        parts = (self.what, self.meaning, self.format, self.lacks, self.container)
        for place, part in enumerate(parts):
            if isinstance(part, Choice):
                grid.addWidget(label(part.accessibleName(), "body", "text2"), place, 0)
            else:
                part.setAlignment(Qt.AlignmentFlag.AlignTop)
                part.setMinimumHeight(2 * part.fontMetrics().lineSpacing() + 6)  # so that nothing moves
            grid.addWidget(part, place, 1)
        cancel = Button(self.tr("Cancel"), key="Esc")
        cancel.clicked.connect(self.reject)
        self.go = Button(self.tr("Choose where"), kind="primary", size="lg", key="Enter")
        self.go.setDefault(True)
        self.go.clicked.connect(self._choose)
        buttons = row(None, cancel, self.go)
        also = row(self.judges, label(self.tr("Also what judges said"), "body", "text2"), None)
        self.setLayout(
            column(label(self.tr("Export"), "title"), grid, also, buttons, spacing=14, margins=(20, 18, 20, 16))
        )

    def _offer_formats(self) -> None:
        """The shapes that the thing can have; everything and a table have only their own."""
        from ..store.exchange import SHAPES

        what = self.what.currentData()
        self.meaning.setText(what_names()[what][1])
        self.judges.setEnabled(what not in ("table", "prompts"))
        fitting = [name for name, shapes in SHAPES.items() if any(shape.what == what for shape in shapes)]
        self.format.blockSignals(True)
        self.format.clear()
        for name in fitting:
            self.format.addItem(format_names()[name][0], name)
        if not fitting:
            self.format.addItem(self.tr("Its own"), None)
        self.format.setEnabled(len(fitting) > 1)
        self.format.blockSignals(False)
        self._offer_containers()

    def _offer_containers(self) -> None:
        """The files that rows of the shape can be put into."""
        from ..store.exchange import shape_for

        what, format = self.what.currentData(), self.format.currentData()
        self.lacks.setText(format_names()[format][1] if format else "")
        names = container_names()
        if what in ("all", "table"):
            fitting = ["jsonl" if what == "all" else "csv"]
        else:
            fitting = list(names) if shape_for(what, format)[1].columns else ["jsonl", "json"]
        before = self.container.currentData()
        self.container.clear()
        for key in fitting:
            self.container.addItem(names[key] if what != "table" else "CSV", key)
        self.container.setCurrentIndex(max(0, self.container.findData(before)))
        self.container.setEnabled(len(fitting) > 1)

    def _choose(self) -> None:
        what, judges = self.what.currentData(), self.judges.isChecked() and self.judges.isEnabled()
        self.chosen.emit(Export(what, self.format.currentData(), self.container.currentData(), judges))
        self.accept()
