"""Beside a new run: what it learns from, what it takes, what to know, and the button that starts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QScrollArea, QWidget

from ..evaluation.readiness import Readiness
from ..lm.estimates import Estimate
from ..methods.base import Data
from ..store import Model
from .figures import count, duration, size
from .judge_words import short_name
from .theme import set_tone
from .train_cautions import cautions
from .train_data import counted
from .train_estimate import Room, rows_of
from .train_readiness import ReadinessCard
from .widgets import Bar, Button, Card, Divider, FactRows, StatusDot, column, holding, label, row

COLOURS = {"weights": "s1", "adapters": "s5", "optimiser": "s4", "learning": "s3", "writing": "s3", "process": "ref"}


class BesidePanel(QWidget):
    """The right side of the New run page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.learns = FactRows(key_width=104)
        self.readiness = ReadinessCard()
        self.readiness.hide()
        self._build_memory()
        self.time = label("", "strong", tabular=True)
        self.time_note = label("", "small", "text3", wrap=True)
        time = column(row(label(self.tr("Time"), "strong"), None, self.time), self.time_note, spacing=2)
        self._cautions = column(spacing=8)
        self._notes: list[Card] = []
        self.cautions_title = label(self.tr("Before you start"), "head")
        self.reason = label("", "small", "text2", wrap=True, selectable=True)
        self._foot = column(self.reason, spacing=8)
        inside = column(
            label(self.tr("What it learns from"), "head"), self.learns, self.readiness, Divider(), self.memory_box,
            self.memory_line, holding(time), Divider(), self.cautions_title, self._cautions, None,
            spacing=10, margins=(16, 16, 16, 12),
        )  # fmt: skip
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(holding(inside))
        self._foot.setContentsMargins(16, 8, 16, 16)
        self.setLayout(column(area, holding(self._foot), spacing=0))

    def _build_memory(self) -> None:
        self.memory_title = label("", "strong")
        self.memory_total = label("", "strong", tabular=True)
        self.memory_bar = Bar(self.tr("Memory by part"), height=8)
        self._parts = column(spacing=4)
        self._fit_mark = label()
        self.fit = label("", "small", wrap=True)
        self.fit_card = Card()
        strip = row(self._fit_mark, self.fit, spacing=8, margins=(10, 7, 10, 7))
        strip.setAlignment(self._fit_mark, Qt.AlignmentFlag.AlignTop)
        strip.setStretch(1, 1)
        self.fit_card.setLayout(strip)
        self.measured = label("", "small", "text3", wrap=True)
        head = row(self.memory_title, None, self.memory_total)
        parts = (head, self.memory_bar, self._parts, self.fit_card, self.measured)
        self.memory_box = holding(column(*parts, spacing=8))
        self.memory_line = Divider()

    def add_start(self, look: Button, start: Button) -> None:
        """The buttons at the foot."""
        self.start = start
        buttons = row(look, start)
        buttons.setStretch(1, 1)
        self._foot.addLayout(buttons)

    def say(self, words: str, tone: str) -> None:
        """Say beside the button why it does not start."""
        self.reason.setText(words)
        self.reason.setVisible(bool(words))
        set_tone(self.reason, tone)

    # -- parts

    def show_data(self, data: Data, kind: str) -> None:
        """How many examples there are and how they are split."""
        train, held = data.split("train"), data.split("held_out")
        self.learns.clear()
        names = {"prompts": self.tr("Prompts"), "pairs": self.tr("Pairs")}
        examples = getattr(train, kind)
        self.learns.set_fact(names.get(kind, self.tr("Answers")), count(len(examples)))
        self.learns.set_fact(self.tr("Held out"), counted(kind, len(getattr(held, kind))))
        if kind != "prompts":
            self.learns.set_fact(self.tr("On prompts"), count(len({each.prompt_id for each in examples})))

    def show_judges(self, judges: Mapping[str, int]) -> None:
        """How many verdicts of judges are among it; nothing is said where there is none."""
        if judges:
            self.learns.set_fact(self.tr("Judges' verdicts"), count(sum(judges.values())))

    def show_text(self, files: int, amount: int) -> None:
        """How much plain text there is."""
        self.learns.clear()
        self.learns.set_fact(self.tr("Text"), size(amount) if files else "\u2013")
        self.learns.set_fact(self.tr("Files"), count(files))
        self.learns.set_fact(self.tr("Held out"), self.tr("one page in ten"))

    def show_readiness(self, ready: Readiness | None) -> None:
        """Whether the judgements are enough; None while it is not known, or where none are learned from."""
        self.readiness.setVisible(ready is not None)
        if ready is not None:
            self.readiness.show_readiness(ready)

    def show_memory(
        self, found: Estimate | None, bytes_each: int, room: Room, measured: tuple[str, float, float | None] | None
    ) -> None:
        """The estimate by part against the memory there is, and what a run like it was measured to use."""
        self.memory_box.setVisible(found is not None)
        self.memory_line.setVisible(found is not None)
        _empty(self._parts)
        if found is None:
            return
        on_card = room.device not in ("cpu", "mps")
        self.memory_title.setText(self.tr("Graphics memory") if on_card else self.tr("Memory"))
        whole = max(room.total, found.total)
        words = self.tr("about {size} of {total}") if room.total else self.tr("about {size}")
        self.memory_total.setText(words.format(size=size(found.total), total=size(room.total)))
        parts, names = rows_of(found), self._part_names(bytes_each)
        self.memory_bar.set_segments([(amount / whole, COLOURS[key]) for key, amount in parts])
        for key, amount in parts:
            told = label(size(amount), "small", "text", tabular=True)
            self._parts.addLayout(row(StatusDot(COLOURS[key]), label(names[key], "small", "text2"), None, told))
        self._show_fit(found, room)
        self.measured.setVisible(measured is not None)
        if measured is not None:
            name, most, guess = measured
            text = self.tr("{run} was measured at {size}; its estimate was {guess}.")
            text = text if guess else self.tr("{run} was measured at {size}.")
            self.measured.setText(text.format(run=name, size=size(most), guess=size(guess or 0)))

    def _part_names(self, bytes_each: int) -> dict[str, str]:
        return {
            "weights": self.tr("Model, {format}").format(format="bfloat16" if bytes_each == 2 else "float32"),
            "adapters": self.tr("Adapters"),
            "optimiser": self.tr("Gradients and optimiser"),
            "learning": self.tr("Activations"),
            "writing": self.tr("Answers being written"),
            "process": self.tr("PyTorch and libraries"),
        }

    def _show_fit(self, found: Estimate, room: Room) -> None:
        """Whether it fits, in words."""
        from . import icons

        fit = found.fit(room.free, room.total)
        self.fit_card.setVisible(bool(fit))
        if not fit:
            return
        tone, icon = {"fits": ("good", "check"), "tight": ("warn", "triangle-alert")}.get(fit, ("bad", "circle-alert"))
        words = {
            "fits": self.tr("Fits, with {spare} to spare."),
            "tight": self.tr("Tight: {free} of {total} are free now. Close other models and programs first."),
            "too large": self.tr(
                "Too large for this machine. Take fewer tokens at once, shorter answers, or a smaller model."
            ),
        }[fit]
        spare = size(max(0, room.free - found.total))
        self.fit.setText(words.format(spare=spare, free=size(room.free), total=size(room.total)))
        self._fit_mark.setPixmap(icons.pixmap(icon, tone, 16))
        set_tone(self.fit, "text")
        self.fit_card.set_fill(f"{tone}Soft")
        self.fit_card.set_edge(f"{tone}Soft")

    def show_time(self, seconds: float | None, runs: int) -> None:
        """Time from past runs; nothing where there are none."""
        self.time.setText(self.tr("about {time}").format(time=duration(seconds)) if seconds else "\u2013")
        if not seconds:
            note = self.tr("Known after the first run of this method on this model.")
        elif runs == 1:
            note = self.tr("From one earlier run on this model.")
        else:
            note = self.tr("From {count} earlier runs on this model.").format(count=runs)
        self.time_note.setText(note)

    def show_cautions(
        self,
        data: Data,
        models: tuple[Model | None, Model | None, Model | None],
        running: Sequence[str],
        loaded: str,
        judges: Mapping[str, int],
    ) -> None:
        """What to know before starting."""
        _empty(self._cautions)
        found = [(self._words()[each.key], each.figures) for each in cautions(data, *models)]
        texts = [(title.format(**figures), text.format(**figures)) for (title, text), figures in found]
        if judges:
            text = self.tr("{count} verdicts of {names} go in. A model or a rule gave them, not a person.")
            names = ", ".join(short_name(name) for name in judges)
            texts.insert(0, (self.tr("A judge counts"), text.format(count=count(sum(judges.values())), names=names)))
        if running:
            title = self.tr("{run} is running").format(run=running[0])
            texts.append((title, self.tr("Two runs share this machine, and both go slower.")))
        elif loaded:
            title = self.tr("{model} is loaded").format(model=loaded)
            texts.append((title, self.tr("It holds memory. Unload it in Models if this machine is short of it.")))
        self._notes = [_note(title, text) for title, text in texts]
        for note in self._notes:
            self._cautions.addWidget(note)
        self.cautions_title.setVisible(bool(texts))

    def cautions(self) -> list[str]:
        """The titles of the cautions shown."""
        return [note.accessibleName() for note in self._notes]

    def _words(self) -> dict[str, tuple[str, str]]:
        return {
            "longer_wins": (
                self.tr("{reward} likes length"),
                self.tr(
                    "Its accuracy is {accuracy}; choosing the longer answer gives {longer}. "
                    "The run may learn to ramble."
                ),
            ),
            "chance": (
                self.tr("{reward} may be guessing"),
                self.tr("Its accuracy of {accuracy} cannot be told from chance on so few pairs."),
            ),
            "other_base": (
                self.tr("Two bases in memory"),
                self.tr("{reward} stands on {base}, so that is loaded as well."),
            ),
            "few_prompts": (
                self.tr("Only {count} prompts"),
                self.tr("It may learn these by heart. Import or write more prompts."),
            ),
            "no_held_out_prompts": (
                self.tr("No held-out prompts"),
                self.tr("There will be nothing to compare the models on afterwards."),
            ),
        }


def _note(title: str, text: str) -> Card:
    from . import icons

    card = Card(fill="warnSoft")
    card.set_edge("warnSoft")
    card.setAccessibleName(title)
    mark = label()
    mark.setPixmap(icons.pixmap("triangle-alert", "warn", 16))
    words = column(label(title, "strong", wrap=True), label(text, "small", "text2", wrap=True), spacing=2)
    body = row(mark, words, spacing=10, margins=(10, 8, 12, 9))
    body.setAlignment(mark, Qt.AlignmentFlag.AlignTop)
    body.setStretch(1, 1)
    card.setLayout(body)
    return card


def _empty(layout: object) -> None:
    """Take every widget out of a layout, those of inner rows too."""
    while (item := layout.takeAt(0)) is not None:  # type: ignore[attr-defined]
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
        elif (inner := item.layout()) is not None:
            _empty(inner)
