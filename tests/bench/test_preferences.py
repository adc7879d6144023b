"""People's own comparisons, learned from by every side: that it is the same work, and what is said of it."""

from __future__ import annotations

import json
import random

import pytest

from workbench.bench import preferences
from workbench.errors import WorkbenchError

SMALL = {"batch": 4, "limit": 120, "rank": 2, "device": "cpu", "dtype": "float32", "threads": 1}


def quiet(text: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def file(tmp_path):
    """Pairs of which the better answer says please; a few are longer than what fits."""
    draw = random.Random(3)
    rows = []
    for number in range(120):
        words = " ".join(draw.choices(["red", "green", "blue", "white"], k=60 if number % 10 == 0 else 3))
        rows.append({"prompt": f"Say {number}.", "chosen": f"{words} please.", "rejected": f"{words} now."})
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_ours_and_trl_learn_from_the_same_tokens(llama_folder, file, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    options = preferences.Options(data=str(file), model=str(llama_folder), pairs=10, trl=True, **SMALL)
    found = preferences.compare(options, quiet)
    assert found["job"]["pairs"] == 8  # whole steps
    assert found["job"]["held_out"] >= preferences.FEWEST
    assert list(found["methods"]) == ["reward", "dpo"]
    for sides in found["methods"].values():
        ours, theirs = sides
        assert (ours["name"], theirs["name"]) == ("ours", "trl")
        assert ours["pairs_digest"] == theirs["pairs_digest"]
        for side in sides:
            assert 0 <= side["low"] <= side["accuracy"] <= side["high"] <= 1
            assert side["seconds"] > 0 and side["peak_bytes"] > 0
    assert found["methods"]["dpo"][0]["trains"] == found["methods"]["dpo"][1]["trains"]
    told = preferences.words(found)
    assert "dpo, trl" in told and "8 pairs" in told and "fitted start" in told


def test_what_does_not_fit_is_left_out_before_anything_starts(llama_folder, file, tmp_path):
    options = preferences.Options(data=str(file), model=str(llama_folder), limit=4)
    with pytest.raises(WorkbenchError, match="within 4 tokens"):
        preferences.compare(options, quiet)
    with pytest.raises(WorkbenchError, match="no file"):
        preferences.compare(preferences.Options(data=str(tmp_path / "none")), quiet)
