"""Events to lines and back."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import events as ev
from workbench.errors import WorkbenchError

FILLED = {
    ev.Started: ev.Started(5, "cpu", "float32", {"a": 1}),
    ev.Progress: ev.Progress(1, 2, "Loading"),
    ev.Transferred: ev.Transferred(1, 2, "Downloading", 3.5, None),
    ev.FirstBatch: ev.FirstBatch([{"title": "chosen", "tokens": [["a", True, False]]}], "What the loss reads.", 2),
    ev.Metrics: ev.Metrics(3, {"loss/train": 0.5}),
    ev.Sample: ev.Sample(3, "p", "t", {"reward": 1.0}, "id"),
    ev.Token: ev.Token(1, 2, "tok", "id"),
    ev.Answer: ev.Answer(
        "id", "text", 1, 2, "base", {"top_k": 5}, 7, "hash", 3, 4, "stop", 0.5, {"kl": 0.1}, "b/t/1", "AAA="
    ),
    ev.Judged: ev.Judged(
        "j", "comparison", "p", ["a", "b"], {"choice": "a", "strength": 1}, 1.0, {"agreed": True}, 9, 1
    ),
    ev.Features: ev.Features("b/t/1", {"id": "AAA="}, "reward", {"id": 0.5}, {"id": None}),
    ev.Chances: ev.Chances("r m", [["Hi", 0.25, [["Hi", 0.25], ["Ho", 0.2]]]]),
    ev.Rewritten: ev.Rewritten("r1", "text", "failed", "Mend it.", "m"),
    ev.Translated: ev.Translated(
        "key", "You translate.", [{"role": "user", "content": "a"}], {"text": "b"}, "t", {"text": "a"}, ["translation"]
    ),
    ev.Loaded: ev.Loaded({"name": "m"}),
    ev.Saved: ev.Saved("adapter", "/x", 4, {"accuracy": 0.7}),
    ev.Warned: ev.Warned(2, "Careful.", "kl"),
    ev.Finished: ev.Finished({"x": [1, 2]}),
    ev.Stopped: ev.Stopped(2, {"x": 1}),
    ev.Failed: ev.Failed("It broke.", "Mend it.", "trace", "r1"),
}


@pytest.mark.parametrize("kind", ev.KINDS.values(), ids=lambda kind: kind.__name__)
def test_every_kind_survives_the_line(kind):
    assert ev.from_line(ev.to_line(FILLED[kind])) == FILLED[kind]


@given(text=st.text())
def test_any_text_is_one_line(text):
    line = ev.to_line(ev.Token(0, 0, text))
    assert "\n" not in line
    assert line.isascii()
    assert ev.from_line(line) == ev.Token(0, 0, text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_no_word_for_become_none(value):
    line = ev.to_line(ev.Metrics(1, {"loss": value, "fine": 1.0}))
    json.loads(line, parse_constant=pytest.fail)
    assert ev.from_line(line) == ev.Metrics(1, {"loss": None, "fine": 1.0})


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "null", '{"event": "Nonesuch"}', '{"event": "Token"}', '{"event": "Metrics", "x": 1}', "[" * 9999],
)
def test_other_lines_are_refused(line):
    with pytest.raises(WorkbenchError, match="not an event"):
        ev.from_line(line)
