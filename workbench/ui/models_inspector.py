"""The right panel of Models: one model, what to do with it, where it came from, memory and facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from ..store import Store
from . import figures, icons
from . import models_words as words
from .models_library import Entry, Memory, lineage
from .models_lineage import LineageView
from .models_server_part import ServerPart
from .models_server_part import facts as server_facts
from .theme import set_region
from .widgets import (
    Bar,
    Button,
    Chip,
    Divider,
    ElidedLabel,
    FactRows,
    StatusDot,
    column,
    holding,
    label,
    row,
)

STATES = {"loaded": "good", "loading": "model", "ready": "neutral", "missing": "bad"}
STATES |= {"reachable": "good", "unreachable": "neutral", "unasked": "neutral"}


class Inspector(QScrollArea):
    """One model in full. Its buttons are the pane's actions, given by the pane."""

    model_wanted = Signal(str)
    people_wanted = Signal(str)

    def __init__(
        self,
        store: Store,
        buttons: list[Button],
        small: list[Button],
        sections: Sequence[QWidget] = (),
        parent: QWidget | None = None,
    ) -> None:
        """sections: what others show of the model, between its memory and its facts."""
        super().__init__(parent)
        self._store = store
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.name, self.kind = ElidedLabel("", "title"), ElidedLabel("", "small", "text2")
        self.icon, self.chip = label(), Chip("")
        self.lineage = LineageView()
        self.lineage.model_wanted.connect(self.model_wanted)
        self.lineage.people_wanted.connect(self.people_wanted)
        self.facts = FactRows(key_width=96)
        self._inside = self._lay_out(buttons, small, sections)
        set_region(self._inside, "panel")
        self._nothing = label(self.tr("Choose a model to see it here."), "body", "text2", wrap=True)
        outer = holding(column(self._inside, self._nothing, None, spacing=0))
        set_region(outer, "panel")
        self._nothing.setContentsMargins(16, 16, 16, 16)
        self.setWidget(outer)
        self.show_entry(None)

    def _lay_out(self, buttons: list[Button], small: list[Button], sections: Sequence[QWidget]) -> QWidget:
        head = row(self.icon, column(self.name, self.kind, spacing=1), self.chip, spacing=12)
        head.setStretch(1, 1)
        self._note = label("", "small", "text2", wrap=True)
        self.server_part = ServerPart()
        heading = label(self.tr("Where it came from"), "head")
        # What a model behind a server has not: files, and what was learned here.
        more = holding(column(*sections, spacing=12))
        self._of_files: list[QWidget] = [heading, self.lineage, Divider(), self._memory_part(), more]
        return holding(
            column(
                head,
                row(*buttons, None, row(*small, spacing=0), spacing=6),
                self.server_part,
                self._note,
                Divider(),
                *self._of_files,
                self.facts,
                spacing=12,
                margins=(16, 14, 16, 16),
            )
        )

    def _memory_part(self) -> QWidget:
        self.memory_words = label("", "small", "text2", tabular=True)
        self.memory_bar = Bar(self.tr("Memory"), height=10)
        self._parts: list[tuple[StatusDot, Any]] = [
            (StatusDot(token), label("", "small", "text2", tabular=True)) for token in ("s1", "s5", "s3", "ref")
        ]
        pairs = [row(dot, text, None, spacing=8) for dot, text in self._parts]
        legend = column(row(pairs[0], pairs[1], spacing=8), row(pairs[2], pairs[3], spacing=8), spacing=4)
        for line in (legend.itemAt(0), legend.itemAt(1)):
            assert line is not None
            inner = line.layout()
            assert inner is not None
            inner.setStretch(0, 1)  # type: ignore[attr-defined]
            inner.setStretch(1, 1)  # type: ignore[attr-defined]
        title = row(label(self.tr("Memory to generate"), "head"), None, self.memory_words)
        self.memory_part = holding(column(title, self.memory_bar, legend, Divider(), spacing=8))
        return self.memory_part

    # -- what is shown

    def show_entry(self, entry: Entry | None) -> None:
        """Show a model, or that none is chosen."""
        self._inside.setVisible(entry is not None)
        self._nothing.setVisible(entry is None)
        if entry is None:
            return
        model = entry.model
        self.name.setText(model.name)
        self.kind.setText(words.summary(entry))
        token = "text2" if model.kind in ("base", "server") else "s1"
        self.icon.setPixmap(icons.pixmap(words.icon_of(model), token, 20))
        self.lineage.set_nodes(lineage(self._store, model), model.id)
        served = model.kind == "server"
        self.server_part.show_model(model)
        for part in self._of_files:
            part.setVisible(not served)
        self.facts.set_facts(server_facts(model) if served else self._facts(entry))
        note = "" if entry.writes else self.tr("Scores answers. Choose it in Generate under Score with.")
        self._note.setText(note)
        self._note.setVisible(bool(note))

    def show_state(self, state: str, text: str) -> None:
        """Show whether the model is loaded."""
        self.chip.set_chip(text, None, STATES[state])

    def show_memory(self, memory: Memory | None, total: int, free: int) -> None:
        """Show the estimate against the memory there is; `total` 0 while that is not known."""
        for part in self._parts:
            part[0].setVisible(memory is not None and total > 0)
        if memory is None or not total:
            self.memory_words.setText(self.tr("not known") if memory is None else figures.size(memory.total))
            self.memory_bar.set_fraction(0)
            for _, text in self._parts:
                text.setText("")
            return
        used = max(0, total - free)
        text = self.tr("{size} here, {free} free")
        self.memory_words.setText(text.format(size=figures.size(memory.total), free=figures.size(free)))
        amounts = (memory.weights, memory.adapter, memory.cache, used)
        self.memory_bar.set_segments(
            [(amount / total, token) for amount, token in zip(amounts, ("s1", "s5", "s3", "ref"), strict=True)]
        )
        names = (
            self.tr("weights {size}"),
            self.tr("adapter {size}"),
            self.tr("cache {size}"),
            self.tr("in use {size}"),
        )
        for (_, shown), name, amount in zip(self._parts, names, amounts, strict=True):
            shown.setText(name.format(size=figures.size(amount)))
        has_adapter = memory.adapter > 0
        self._parts[1][0].setVisible(has_adapter)
        self._parts[1][1].setVisible(has_adapter)

    def _facts(self, entry: Entry) -> list[tuple[str, str]]:
        model, base = entry.model, entry.base
        facts = [(self.tr("Where it lies"), _short(model.location))]
        if model.kind != "base":
            facts.append((self.tr("Base"), base.name))
        facts += [
            (self.tr("Parameters"), words.parameters(base.parameters) or self.tr("not known")),
            (self.tr("On disk"), self._disk(entry)),
            (self.tr("Licence"), self._licence(entry)),
        ]
        if base.info.get("context"):
            context = self.tr("{count} tokens").format(count=figures.count(int(base.info["context"])))
            facts.append((self.tr("Context"), context))
        facts += self._run_facts(entry)
        facts.append((self.tr("Added"), words.moment(model.created_at)))
        if model.hash:
            facts.append((self.tr("Hash"), model.hash[:12]))
        return facts

    def _disk(self, entry: Entry) -> str:
        own = figures.size(entry.model.size_bytes)
        if entry.model.kind == "base":
            return own
        return self.tr("{own}, and {base} of its base").format(own=own, base=figures.size(entry.base.size_bytes))

    def _licence(self, entry: Entry) -> str:
        """The model's own, or that of what it was made from."""
        model = entry.model
        origin = self._store.models.reference_of(entry.base)
        if model.kind == "base" and not model.run_id:
            return words.licence(model) or self.tr("not stated")
        found = words.licence(model) if model.kind != "base" else ""
        found, inherited = (found, False) if found else (words.licence(entry.base) or words.licence(origin), True)
        if not found:
            return self.tr("not stated")
        return self.tr("{licence}, from its base").format(licence=found) if inherited else found

    def _run_facts(self, entry: Entry) -> list[tuple[str, str]]:
        model, info = entry.model, entry.model.info
        facts = []
        if model.run_id:
            facts.append((self.tr("Run"), self._store.runs.find(model.run_id).name))
        if isinstance(info.get("step"), int):
            facts.append((self.tr("Trained for"), self.tr("{count} steps").format(count=figures.count(info["step"]))))
        if isinstance(info.get("accuracy"), int | float):
            facts.append((self.tr("Accuracy"), _accuracy(info, self.tr("{share}% of {pairs} held-out pairs"))))
        if isinstance(info.get("objective/scores"), int | float):
            facts.append((self.tr("Reward"), figures.figure(info["objective/scores"])))
        if isinstance(info.get("objective/kl"), int | float):
            facts.append((self.tr("KL to base"), figures.figure(info["objective/kl"])))
        return facts


def _accuracy(info: Any, pattern: str) -> str:
    shown = figures.figure(100 * info["accuracy"])
    pairs = info.get("held_out_pairs")
    return pattern.format(share=shown, pairs=figures.count(int(pairs))) if pairs else f"{shown}%"


def _short(location: str) -> str:
    """A path with ~ for the home folder, breakable at each part and inside long ones, such as a run's id."""
    path = Path(location)
    home = Path.home()
    text = f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else location
    text = re.sub(r"([^/\\]{16})(?=[^/\\])", "\\1\u200b", text)
    return text.replace("/", "/\u200b").replace("\\", "\\\u200b")
