"""The methods that learn from stored judgements in the window: cards, forms, and the curves of their runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.ui.test_train_pane import base, context, feed, judge, pane, store  # noqa: F401 - fixtures
from workbench import events as ev
from workbench.methods import METHODS
from workbench.methods.base import kind_of
from workbench.ui.train_data import counted
from workbench.ui.train_health import findings
from workbench.ui.train_methods import ICONS

NAMES = ("sft", "dpo", "kto", "orpo", "cpo")
LUCIDE = Path(__file__).parents[2] / "resources" / "icons" / "lucide"


@pytest.mark.parametrize("name", NAMES)
def test_every_method_has_a_picture_of_its_own(name):
    assert (LUCIDE / f"{ICONS[name]}.svg").is_file()
    assert [other for other in ICONS if ICONS[other] == ICONS[name]] == [name]


def test_cards_say_what_the_data_have_for_each_method(store, base, pane):  # noqa: F811
    judge(store, 20)
    shown = pane()
    shown.new_run()
    said = {name: shown.new_page.cards[name].status.text() for name in NAMES}
    assert said == {
        "sft": "20 examples ready", "dpo": "20 pairs ready", "kto": "40 ratings ready", "orpo": "20 pairs ready",
        "cpo": "20 pairs ready",
    }  # fmt: skip
    assert [kind_of(METHODS[name]) for name in NAMES] == ["demonstrations", "pairs", "labels", "pairs", "pairs"]
    assert counted("labels", 1200) == "1\u202f200 ratings"


def values(name, step):
    """A step of a run that learns."""
    told = {metric for panel in METHODS[name].PANELS if not panel.optional for metric in panel.metrics}
    return {metric: (0.5 + 0.02 * step if "loss" not in metric and "perplexity" not in metric else 9.0 - 0.2 * step)
            for metric in told}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_live_run_draws_every_panel_and_says_how_it_goes(store, context, base, pane, name):  # noqa: F811
    options = dataclasses.asdict(METHODS[name].Options())
    run = store.runs.add(name=f"{name} 1", method=name, options=options, model_id=base.id)
    shown = pane()
    shown.show_run(run.id)
    prompt, _ = store.prompts.add("Where is my order?")
    events = [ev.Started(20, "CPU", "float32")]
    events += [ev.Metrics(step, values(name, step)) for step in range(8)]
    events += [ev.Sample(7, "Where is my order?", "It is here.", {"tokens": 4.0}, prompt.id)]
    feed(store, context, run, events)
    charts = shown.monitor.charts
    charts.flush()
    assert len(charts.panels) == len([each for each in METHODS[name].PANELS if not each.optional]) == 6
    assert all(panel._main() for panel in charts.panels)
    shown.monitor.samples._refill()
    assert shown.monitor.samples.table.isColumnHidden(3)
    assert shown.monitor.samples.table.isColumnHidden(4)
    assert not shown.monitor.samples.orders.isVisibleTo(shown.monitor.samples)
    assert "falling" in shown.monitor.health.text or "fell" in shown.monitor.health.text


def test_a_run_that_learns_nothing_is_not_called_healthy():
    flat = {"perplexity/held_out": [(step, 20.0) for step in range(5)], "loss/held_out": [(0, 3.0), (1, 3.0)]}
    assert {each.tone for each in findings("sft", {}, flat)} == {"info"}
    falling = {"margin/held_out": [(step, -0.1 * step) for step in range(5)], "loss/held_out": [(0, 0.5)]}
    assert "good" not in {each.tone for each in findings("kto", {}, falling)}
