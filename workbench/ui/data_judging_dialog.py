"""Who is to judge, by which rubric, and what: with how many there are and what that takes, before anything is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QLineEdit, QPlainTextEdit, QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..events import Event, Finished
from ..jobs.judging import Order, estimate, options_of
from ..jobs.tasks.judge import KINDS
from ..methods import judging
from ..store import Store
from ..store.judges import SHORT
from .context import Context
from .data_words import when
from .feedback_orders import Choice
from .judge_words import estimate_words
from .theme import set_region
from .widgets import Button, NumberField, Option, Segmented, WholeField, column, holding, label, row
from .work import Refreshing

READS = ("server", "model")
"""Judges that read a rubric."""
LABEL_WIDTH, PAUSE_MS = 96, 250


class JudgeDialog(QDialog):
    """Everything that makes an order. `chosen` carries an Order; the rubric is kept as a version by then."""

    chosen = Signal(object)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.setWindowTitle(self.tr("Run a judge"))
        self.setAccessibleName(self.tr("Run a judge"))
        set_region(self, "canvas")
        self.setFixedWidth(640)
        self._order: Order | None = None
        self._estimates = Refreshing(context.store.folder, self._steps, PAUSE_MS, self)
        self._estimates.found.connect(self._show_estimate)
        self._estimates.failed.connect(self._show_problem)
        self._make_who()
        self._make_rubric()
        self._make_what()
        self._build()
        self._fill()
        self._connect()
        self._changed()

    # --- building

    def _make_who(self) -> None:
        names = {
            "server": self.tr("A server"), "model": self.tr("A model"), "reward": self.tr("A reward model"),
            "rule": self.tr("A rule"),
        }  # fmt: skip
        self.kind = Segmented([Option(kind, names[kind]) for kind in KINDS], self.tr("Who judges"))
        self.url = self._line(self.tr("Address"), "http://localhost:8080/v1")
        self.model = self._line(self.tr("Model there"), "")
        self.price_in, self.price_out = (NumberField(name) for name in (self.tr("Price in"), self.tr("Price out")))
        for field in (self.price_in, self.price_out):
            field.setRange(0, 100_000)
            field.setDecimals(2)
            field.setToolTip(self.tr("Of a million tokens, in any currency; 0 where it costs nothing"))
        self.base, self.reward, self.rule = (
            Choice(name) for name in (self.tr("Model"), self.tr("Reward model"), self.tr("Rule"))
        )
        self.words = WholeField(self.tr("Words"))
        self.words.setRange(1, 100_000)
        self.words.setValue(50)
        self.pattern = self._line(self.tr("Regular expression"), "")

    def _line(self, name: str, hint: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setPlaceholderText(hint)
        field.setMinimumHeight(30)
        return field

    def _make_rubric(self) -> None:
        self.version = Choice(self.tr("Version of the rubric"))
        self.rubric = QPlainTextEdit()
        self.rubric.setAccessibleName(self.tr("Rubric"))
        self.rubric.setTabChangesFocus(True)
        self.rubric.setFixedHeight(92)

    def _make_what(self) -> None:
        ways = [Option("rate", self.tr("Rate 1 to 5")), Option("compare", self.tr("Compare two"))]
        self.way = Segmented(ways, self.tr("How it judges"), "sm")
        self.which, self.prompts = Choice(self.tr("Which answers")), Choice(self.tr("Of which prompts"))
        for key, text in (
            ("judged", self.tr("What people have judged")),
            ("unjudged", self.tr("What nobody has judged")),
            ("all", self.tr("All answers")),
        ):
            self.which.addItem(text, key)
        for key, text in (
            (("", ""), self.tr("All prompts")),
            (("split", "train"), self.tr("Training")),
            (("split", "held_out"), self.tr("Held out")),
        ):
            self.prompts.addItem(text, key)
        self.limit = WholeField(self.tr("At most"))
        self.limit.setRange(0, 1_000_000)
        self.limit.setSpecialValueText(self.tr("No limit"))

    def _build(self) -> None:
        self.who = QStackedWidget()
        prices = row(self.price_in, label(self.tr("out"), "body", "text2"), self.price_out, None, spacing=8)
        rows: dict[str, list[tuple[str, Any]]] = {
            "server": [
                (self.tr("Address"), self.url), (self.tr("Model there"), self.model), (self.tr("Price in"), prices)
            ],
            "model": [(self.tr("Model"), self.base)],
            "reward": [(self.tr("Reward model"), self.reward)],
            "rule": [(self.tr("Rule"), self.rule), (self.tr("Words"), self.words), (self.tr("Pattern"), self.pattern)],
        }  # fmt: skip
        for kind in KINDS:
            self.who.addWidget(_form(rows[kind]))
        self.note = label("", "small", "text2", wrap=True)
        self.reads = _form([(self.tr("Rubric"), self.version), ("", self.rubric)])
        what = _form([
            (self.tr("How"), row(self.way, None)), (self.tr("Answers"), self.which), (self.tr("Of"), self.prompts),
            (self.tr("At most"), row(self.limit, None)),
        ])  # fmt: skip
        self.amount, self.problem = label("", "strong", wrap=True), label("", "body", "bad", wrap=True)
        cancel = Button(self.tr("Cancel"), key="Esc")
        cancel.clicked.connect(self.reject)
        self.go = Button(self.tr("Judge"), "scale", kind="primary", size="lg", key="Ctrl Enter")
        self.go.setShortcut("Ctrl+Return")
        self.go.clicked.connect(self.accept)
        self.setLayout(column(
            label(self.tr("Run a judge"), "title"), row(self.kind, None), self.who, self.note, self.reads, what,
            self.amount, self.problem, row(None, cancel, self.go), spacing=12, margins=(20, 18, 20, 16),
        ))  # fmt: skip

    def _fill(self) -> None:
        store = self.context.store
        for model in store.models.list():
            if model.kind == "reward":
                self.reward.addItem(model.name, model.id)
            elif model.info.get("generates", True):
                self.base.addItem(model.name, model.id)
        for key, text in (
            ("length", self.tr("Near a number of words")),
            ("pattern", self.tr("A pattern is found")),
            ("match", self.tr("A pattern matches all of it")),
            ("exact", self.tr("The right final answer")),
        ):
            self.rule.addItem(text, key)
        for tag in store.rows("SELECT DISTINCT tag FROM prompt_tags ORDER BY tag LIMIT 200"):
            self.prompts.addItem(self.tr("Tag {tag}").format(tag=tag["tag"]), ("tag", tag["tag"]))
        self._fill_rubrics(store)
        self._as_last_time(store)

    def _fill_rubrics(self, store: Store) -> None:
        found = store.judges.rubrics()
        for each in reversed(found):
            words = self.tr("{hash}, {when}").format(hash=each.id[:SHORT], when=when(each.created_at))
            self.version.addItem(words, each.text)
        if judging.RUBRIC not in [each.text for each in found]:
            self.version.addItem(self.tr("The usual one"), judging.RUBRIC)
        self.rubric.setPlainText(self.version.currentData())

    def _as_last_time(self, store: Store) -> None:
        """Whoever judged last is who judges again."""
        last = next((run for run in store.runs.list("judge")), None)
        if last is None:
            return
        told = last.options
        self.kind.set_value(str(told.get("kind", "server")))
        self.url.setText(str(told.get("judge_url", "")))
        self.model.setText(str(told.get("judge_model", "")))
        self.price_in.setValue(float(told.get("price_in", 0.0)))
        self.price_out.setValue(float(told.get("price_out", 0.0)))
        self.way.set_value("compare" if told.get("compares") else "rate")
        for choice, value in ((self.base, last.model_id), (self.reward, last.reward_id), (self.rule, told.get("rule"))):
            choice.setCurrentIndex(max(0, choice.findData(value)))

    def _connect(self) -> None:
        self.kind.changed.connect(lambda _: self._changed())
        self.way.changed.connect(lambda _: self._changed())
        self.version.activated.connect(lambda _: self.rubric.setPlainText(self.version.currentData()))
        for field in (self.url, self.model, self.pattern):
            field.textChanged.connect(lambda _: self._changed())
        self.rubric.textChanged.connect(self._changed)
        for number in (self.price_in, self.price_out, self.words, self.limit):
            number.valueChanged.connect(lambda _: self._changed())
        for choice in (self.base, self.reward, self.rule, self.which, self.prompts):
            choice.currentIndexChanged.connect(lambda _: self._changed())

    # --- what it comes to

    def order(self) -> Order:
        """What the fields ask for."""
        kind, rule = self.kind.value(), self.rule.currentData() or "none"
        about, value = self.prompts.currentData() or ("", "")
        model = {"model": self.base.currentData(), "reward": self.reward.currentData()}.get(kind)
        server = kind == "server"
        return Order(
            kind,
            rubric=self.rubric.toPlainText().strip() if kind in READS else "",
            url=self.url.text().strip() if server else "",
            model=self.model.text().strip() if server else "",
            model_id=model or "",
            rule=rule if kind == "rule" else "none",
            rule_words=self.words.value(),
            rule_pattern=self.pattern.text(),
            compares=self.way.value() == "compare",
            which=self.which.currentData(),
            tag=value if about == "tag" else None,
            split=value if about == "split" else None,
            limit=self.limit.value(),
            knobs={"price_in": self.price_in.value(), "price_out": self.price_out.value()} if server else {},
        )

    def _changed(self) -> None:
        """The fields ask for something else."""
        kind, rule = self.kind.value(), self.rule.currentData()
        self.who.setCurrentIndex(KINDS.index(kind))
        self.reads.setVisible(kind in READS)
        self.words.setEnabled(rule == "length")
        self.pattern.setEnabled(rule in ("pattern", "match"))
        self.note.setText(self._note(kind))
        self.go.setEnabled(False)
        self._order = None
        order = self.order()
        try:
            options_of(order)
            self._check_rubric(kind)
        except WorkbenchError as error:
            self._show_problem(error)
            return
        self._order = order
        self._say(self.tr("Counting..."))
        self._estimates.want()

    def _check_rubric(self, kind: str) -> None:
        if kind in READS and not self.rubric.toPlainText().strip():
            raise WorkbenchError(self.tr("The rubric is empty."), self.tr("Write what the judge is to look for."))

    def _note(self, kind: str) -> str:
        return {
            "server": self.tr(
                "The server is sent prompts and answers. Its key comes from {key} or the keyring, and is kept nowhere."
            ).format(key=judging.KEY),
            "model": self.tr("On this computer. Its stars are the mean of 1 to 5 by its own probabilities."),
            "reward": self.tr("On this computer. It knows no rubric but what it learned."),
            "rule": self.tr("On this computer, in a moment. The rule is its rubric."),
        }[kind]

    def _steps(self) -> Callable[[Store], Iterator[Event]]:
        order = self._order

        def steps(store: Store) -> Iterator[Event]:
            found = estimate(store, order) if order is not None else None
            yield Finished({"order": order, "estimate": found})

        return steps

    def _show_estimate(self, found: dict[str, Any]) -> None:
        if found["estimate"] is None or found["order"] != self._order:
            return
        self._say(estimate_words(found["estimate"], self.tr))
        self.go.setEnabled(found["estimate"].count > 0)

    def _show_problem(self, error: WorkbenchError) -> None:
        self._say("", str(error))
        self.go.setEnabled(False)

    def _say(self, amount: str, problem: str = "") -> None:
        """One of the two, and the dialog as high as what it shows."""
        self.amount.setText(amount)
        self.problem.setText(problem)
        self.amount.setVisible(not problem)
        self.problem.setVisible(bool(problem))
        if (layout := self.layout()) is not None:  # lines that wrap need more than adjustSize() knows of
            layout.activate()
            height = layout.totalHeightForWidth(self.width())
            self.setFixedHeight(max(height, layout.totalSizeHint().height()))

    def accept(self) -> None:
        """Keep the rubric as a version, and order it."""
        order = self._order
        if order is None or not self.go.isEnabled():
            return
        try:
            if order.kind in READS:
                self.context.store.judges.add_rubric(order.rubric)
        except WorkbenchError as error:
            self._show_problem(error)
            return
        super().accept()
        self.chosen.emit(order)

    def done(self, result: int) -> None:
        """Count nothing more."""
        self._estimates.close()
        super().done(result)


def _form(rows: list[tuple[str, Any]]) -> QWidget:
    """Names and fields in two columns."""
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(8)
    grid.setColumnMinimumWidth(0, LABEL_WIDTH)
    grid.setColumnStretch(1, 1)
    for place, (name, field) in enumerate(rows):
        grid.addWidget(label(name, "body", "text2"), place, 0)
        if isinstance(field, QWidget):
            grid.addWidget(field, place, 1)
        else:
            grid.addLayout(field, place, 1)
    return holding(column(grid, None))
