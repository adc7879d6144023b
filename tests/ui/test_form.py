"""The form of an Options dataclass, typed into as a person does."""

from dataclasses import dataclass

import pytest
from PySide6.QtCore import Qt

from workbench.errors import WorkbenchError
from workbench.methods import METHODS, ppo, reward
from workbench.methods.base import knob, knobs
from workbench.ui.form import Form
from workbench.ui.form_controls import written


@pytest.fixture
def form(shown):
    return shown(Form(ppo.Options), 800, 900)


def type_into(qtbot, form, name, text):
    field = form.rows[name].control
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)


@pytest.mark.parametrize("name", METHODS)
def test_an_untouched_form_gives_the_defaults(qtbot, name):
    options = METHODS[name].Options
    form = Form(options)
    qtbot.addWidget(form)
    assert form.options() == options()
    assert form.changed_names() == []


def test_numbers_are_typed_in_plain_or_scientific_notation(qtbot, form):
    type_into(qtbot, form, "learning_rate", "1e-5")
    type_into(qtbot, form, "kl_coef", "0.1")
    type_into(qtbot, form, "steps", "200")
    options = form.options()
    assert (options.learning_rate, options.kl_coef, options.steps) == (1e-5, 0.1, 200)


@pytest.mark.parametrize(
    ("value", "text"), [(3e-4, "3e-4"), (0.05, "0.05"), (1.0, "1"), (16, "16"), (1.25e-6, "1.25e-6"), (32.0, "32")]
)
def test_small_numbers_are_written_scientifically(value, text):
    assert written(value) == text


def test_arrow_keys_step(qtbot, form):
    steps, rate, coef = (form.rows[name].control for name in ("steps", "learning_rate", "kl_coef"))
    for field, key in ((steps, Qt.Key.Key_Up), (rate, Qt.Key.Key_Down), (coef, Qt.Key.Key_Up)):
        field.setFocus()
        qtbot.keyClick(field, key)
    assert form.values()["steps"] == 31
    assert form.values()["learning_rate"] == 2e-4
    assert form.values()["kl_coef"] == pytest.approx(0.055)


def test_steps_stay_in_the_range(qtbot, form):
    type_into(qtbot, form, "steps", "1")
    qtbot.keyClick(form.rows["steps"].control, Qt.Key.Key_Down)
    assert form.values()["steps"] == 1


def test_a_changed_value_is_strong_and_can_be_put_back(qtbot, form):
    each = form.rows["steps"]
    assert not each.reset.isVisible()
    type_into(qtbot, form, "steps", "77")
    assert each.reset.isVisible()
    assert each.name.property("role") == "strong"
    assert form.changed_names() == ["steps"]
    each.reset.setFocus()
    qtbot.keyClick(each.reset, Qt.Key.Key_Space)
    assert form.values()["steps"] == 30
    assert not each.reset.isVisible()
    assert each.name.property("role") == "body"


def test_changes_are_measured_against_the_preset(qtbot, form):
    form.set_base({"steps": 100})
    assert form.options().steps == 100
    assert form.changed_names() == []
    type_into(qtbot, form, "steps", "30")
    assert form.changed_names() == ["steps"]


@pytest.mark.parametrize(("name", "text"), [("steps", "0"), ("steps", "many"), ("kl_coef", "99"), ("clip", "")])
def test_what_is_wrong_is_said_beside_the_field(qtbot, form, name, text):
    each = form.rows[name]
    field = each.control
    field.setFocus()
    field.selectAll()
    if text:
        qtbot.keyClicks(field, text)
    else:
        qtbot.keyClick(field, Qt.Key.Key_Delete)
    assert form.options() is None
    assert each.knob.label in each.error()
    assert each.note.isVisible()  # an advanced one has been opened
    assert field.hasFocus()


def test_a_text_is_taken_as_it_was_typed(qtbot, shown):
    form = shown(Form(reward.Options), 800, 900)
    assert form.options().whose == ""
    type_into(qtbot, form, "whose", "Ada, Bo 1.5")
    assert form.options().whose == "Ada, Bo 1.5"
    form.rows["whose"].put_back()
    assert form.options().whose == ""


def test_an_error_goes_away_with_the_next_edit(qtbot, form):
    type_into(qtbot, form, "steps", "0")
    assert form.options() is None
    type_into(qtbot, form, "steps", "5")
    assert form.rows["steps"].error() == ""
    assert form.options().steps == 5


def test_an_error_of_two_fields_is_shown_at_the_one_it_names(qtbot, form):
    type_into(qtbot, form, "minibatches", "99")
    assert form.options() is None
    assert "minibatches" in form.rows["minibatches"].error()


def test_an_error_that_names_no_field_is_shown_under_the_form(form):
    form.show_error(WorkbenchError("The moon is in the way.", "Wait."))
    assert form.error_label.isVisible()
    assert form.error_label.text() == "The moon is in the way. Wait."


def test_the_advanced_part_is_shut_and_shows_its_values_in_one_line(qtbot, form):
    assert form.advanced.isHidden()
    assert "epochs 2" in form.summary.text()
    hidden = sum(each.advanced for each in knobs(ppo.Options))
    assert form.tally.text() == f"{hidden} settings at preset"
    form.opener.setFocus()
    qtbot.keyClick(form.opener, Qt.Key.Key_Space)
    assert form.advanced.isVisible()
    type_into(qtbot, form, "rank", "8")
    assert form.tally.text() == f"1 of {hidden} changed"
    form.opener.setFocus()
    qtbot.keyClick(form.opener, Qt.Key.Key_Space)
    assert form.advanced.isHidden()
    assert form.summary.text().startswith("rank 8")


def test_switches_and_choices(qtbot, shown):
    form = shown(Form(reward.Options), 800, 600)
    switch, choice = form.rows["use_margin"].control, form.rows["loss"].control
    switch.setFocus()
    qtbot.keyClick(switch, Qt.Key.Key_Space)
    choice.setFocus()
    qtbot.keyClick(choice, Qt.Key.Key_Down)
    options = form.options()
    assert (options.use_margin, options.loss) == (True, "hinge")


def test_every_control_has_a_name_and_a_tooltip(form):
    for each in form.rows.values():
        assert each.control.accessibleName()
        assert each.control.toolTip() == each.knob.text
        assert each.reset.accessibleName()


def test_it_tells_of_edits(qtbot, form):
    with qtbot.waitSignal(form.changed, timeout=500):
        type_into(qtbot, form, "steps", "9")


def test_a_form_without_advanced_knobs_has_no_advanced_part(qtbot):
    @dataclass(frozen=True)
    class Options:
        count: int = knob(3, "How many.", low=1, high=9, advanced=False)

    form = Form(Options)
    qtbot.addWidget(form)
    assert form.card.isHidden()
    assert form.options() == Options(3)
