"""A side's half of the conversation."""

from __future__ import annotations

import io
import json

import pytest

from workbench.bench.turns import Over, Turns, memory


def conversation(*lines):
    out = io.StringIO()
    return Turns(io.StringIO("".join(f"{line}\n" for line in lines)), out), out


def said(out):
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_ready_then_an_answer_to_each_go_then_over():
    turns, out = conversation("go", "go")
    turns.start(dtype="float32")
    turns.done(tokens=3)
    with pytest.raises(Over):
        turns.done(tokens=4)
    ready, first, second = said(out)
    assert (ready["kind"], ready["dtype"]) == ("ready", "float32")
    assert [first["tokens"], second["tokens"]] == [3, 4]
    assert first["seconds"] >= 0 and first["peak_bytes"] >= first["rss_bytes"] > 0


def test_measure_is_answered_between_two_turns_and_begins_none():
    turns, out = conversation("measure", "go")
    turns.measure = lambda: {"accuracy": 0.5}
    turns.start()
    with pytest.raises(Over):
        turns.done()
    assert [line["kind"] for line in said(out)] == ["ready", "measured", "done"]
    assert said(out)[1]["accuracy"] == 0.5


def test_time_in_a_part_is_counted_for_its_own_turn_only():
    turns, out = conversation("go", "go")
    double = turns.timed("write", lambda value: 2 * value)
    turns.start()
    assert double(4) == 8
    assert double(5) == 10
    turns.done()
    with pytest.raises(Over):
        turns.done()
    assert set(said(out)[1]["split"]) == {"write"}
    assert said(out)[2]["split"] == {}


def test_peak_memory_is_at_least_what_is_held():
    held = bytearray(b"x" * 50_000_000)
    before = memory()
    del held
    after = memory()
    assert after["peak_bytes"] >= before["rss_bytes"] > 50_000_000
