"""The form of every method on the New run page, operated with the keyboard alone: Tab from control to control."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from tests.methods import texts
from tests.ui.test_train_pane import base, context, judge, pane, store  # noqa: F401 - fixtures
from workbench.methods import METHODS
from workbench.ui.form import FormRow
from workbench.ui.form_controls import ChoiceBox, NumberSpin
from workbench.ui.widgets import Switch

MOST_TABS = 400
ACROSS = (Qt.Key.Key_Left, Qt.Key.Key_Right)
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def page(store, base, pane, qtbot):  # noqa: F811
    judge(store, 24)
    shown = pane()
    qtbot.keyClick(shown, Qt.Key.Key_N)
    return shown.new_page


@pytest.fixture
def begun(context, store, base, monkeypatch):  # noqa: F811
    """What was asked to start, which does not."""
    asked = []

    def start(method, options, **rest):
        asked.append((method, options))
        return store.runs.add(name=rest["name"], method=method, options=options, model_id=base.id)

    monkeypatch.setattr(context, "start_run", start)
    return asked


def tab_to(page, qtbot, wanted: QWidget) -> None:
    """Go by Tab until a control has the focus."""
    for _ in range(MOST_TABS):
        focused = page.window().focusWidget()
        if focused is wanted or focused is wanted.focusProxy():
            return
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    raise AssertionError(f"Tab never came to {wanted.accessibleName()}.")


def choose(page, qtbot, name: str) -> None:
    """Go by Tab to the cards of the methods, and by arrows among them."""
    tab_to(page, qtbot, page.cards[page.method])
    here, there = (page.cards[each].geometry().center() for each in (page.method, name))
    for key, far in (
        (Qt.Key.Key_Down, there.y() - here.y()),
        (Qt.Key.Key_Up, here.y() - there.y()),
        (Qt.Key.Key_Right, there.x() - here.x()),
        (Qt.Key.Key_Left, here.x() - there.x()),
    ):
        for _ in range(len(METHODS)):
            chosen = page.cards[page.method].geometry().center()
            if far > 0 and chosen != there and (chosen.x() != there.x() if key in ACROSS else chosen.y() != there.y()):
                qtbot.keyClick(page.window().focusWidget(), key)
    assert page.method == name


def change(page, qtbot, each: FormRow) -> None:
    """Another value by the key that a person would press in such a control."""
    focused, before = page.window().focusWidget(), each.value()
    if isinstance(each.control, Switch):
        qtbot.keyClick(focused, Qt.Key.Key_Space)
        assert each.value() is not before
    elif isinstance(each.control, ChoiceBox):
        last = each.control.currentIndex() == each.control.count() - 1
        qtbot.keyClick(focused, Qt.Key.Key_Up if last else Qt.Key.Key_Down)
        assert each.value() in each.knob.choices
    elif isinstance(each.control, NumberSpin):
        at_top = float(each.value()) == each.knob.high
        qtbot.keyClick(focused, Qt.Key.Key_Down if at_top else Qt.Key.Key_Up)
        assert isinstance(each.parse(), each.knob.type)
    else:
        qtbot.keyClicks(focused, "x")
        assert "x" in each.value()
    assert each.value() != before or len(each.knob.choices) == 1, each.knob.name


@pytest.mark.parametrize("name", METHODS)
def test_every_knob_is_reached_changed_and_put_back_by_keys(page, qtbot, name):
    choose(page, qtbot, name)
    tab_to(page, qtbot, page.form.opener)
    qtbot.keyClick(page.form.opener, Qt.Key.Key_Space)
    preset = page.form.values()
    for each in page.form.rows.values():
        tab_to(page, qtbot, each.control)
        change(page, qtbot, each)
        if not each.is_changed:  # a choice of one
            continue
        assert page.form.changed_names() == [each.knob.name]
        tab_to(page, qtbot, each.reset)
        qtbot.keyClick(each.reset, Qt.Key.Key_Space)
        assert page.form.changed_names() == []
    assert page.form.values() == preset


@pytest.mark.parametrize("name", METHODS)
def test_the_form_starts_what_it_says_by_keys(page, begun, qtbot, tmp_path, name):
    (tmp_path / "book.txt").write_text("\n\n".join(texts.page(seed, 40) for seed in range(30)))
    choose(page, qtbot, name)
    said = {}
    for knob, key in {"labels": Qt.Key.Key_Down, "rule": Qt.Key.Key_Down}.items():
        if knob in page.form.rows:  # where these judgements have no labels, and where there is no reward model
            row = page.form.rows[knob]
            if row.knob.advanced and page.form.advanced.isHidden():
                tab_to(page, qtbot, page.form.opener)
                qtbot.keyClick(page.form.opener, Qt.Key.Key_Space)
            tab_to(page, qtbot, row.control)
            qtbot.keyClick(row.control, key)
            said[knob] = row.value()
    if name == "pretrain":
        tab_to(page, qtbot, page.form.rows["text"].control)
        said["text"] = str(tmp_path / "book.txt")
        qtbot.keyClicks(page.form.rows["text"].control, said["text"])
    number = next(page.form.rows[knob] for knob in ("steps", "epochs") if knob in page.form.rows)
    tab_to(page, qtbot, number.control)
    qtbot.keyClick(number.control, Qt.Key.Key_A, CTRL)
    said[number.knob.name] = 7
    qtbot.keyClicks(number.control, "7")
    page._estimate()
    assert page.start_action.isEnabled(), page.beside.reason.text()
    qtbot.keyClick(number.control, Qt.Key.Key_Return, CTRL)
    if name == "pretrain":  # its text is gathered first
        qtbot.waitUntil(lambda: bool(begun), timeout=20_000)
    ((method, options),) = begun
    assert method == name
    preset = METHODS[name].Options(**said)
    assert METHODS[name].Options(**options) == preset
    assert dataclasses.asdict(preset) == options
