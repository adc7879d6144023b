"""Runs side by side: what differs, what they came to, and their points as a table."""

import csv

import pytest

from workbench.errors import WorkbenchError
from workbench.jobs.comparing import compare, write_csv
from workbench.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


def a_run(store, name, rate, *, points=(), **fields):
    run = store.runs.add(name=name, method="ppo", options={"learning_rate": rate, "steps": 9}, **fields)
    for step, value in points:
        store.runs.add_metrics(run.id, step, {"objective/kl": value})
    return run


def test_only_what_was_set_otherwise_is_told(store):
    one = a_run(
        store, "one", 1e-4, versions={"torch": "2.12"}, summary={"accuracy": 0.5, "engine": "own", "early": True}
    )
    two = a_run(store, "two", 2e-4, versions={"torch": "2.13"}, summary={"accuracy": 0.75, "loss": 1.5})
    found = compare(store, [one.id, two.id])
    assert dict(found.settings) == {"learning_rate": (1e-4, 2e-4), "version of torch": ("2.12", "2.13")}
    assert dict(found.figures) == {"accuracy": (0.5, 0.75), "loss": (None, 1.5)}


def test_a_run_beside_itself_differs_in_nothing(store):
    run = a_run(store, "one", 1e-4, points=[(1, 0.5)])
    assert compare(store, [run.id, run.id]).settings == ()


def test_every_point_becomes_a_row_of_csv(store, tmp_path):
    one = a_run(store, 'a "run", first', 1e-4, points=[(1, 0.1), (2, None)])
    two = a_run(store, "two", 1e-4, points=[(1, 0.25)])
    target = tmp_path / "curves.csv"
    assert write_csv(compare(store, [one.id, two.id]), target) == 3
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["run", "metric", "step", "value"],
        ['a "run", first', "objective/kl", "1", "0.1"],
        ['a "run", first', "objective/kl", "2", ""],
        ["two", "objective/kl", "1", "0.25"],
    ]


def test_more_runs_than_can_be_told_apart_are_refused(store):
    runs = [a_run(store, str(number), 1e-4).id for number in range(6)]
    with pytest.raises(WorkbenchError, match="6 runs"):
        compare(store, runs)


def test_a_place_that_cannot_be_written_is_told(store, tmp_path):
    run = a_run(store, "one", 1e-4)
    with pytest.raises(WorkbenchError, match="cannot be written"):
        write_csv(compare(store, [run.id]), tmp_path / "no" / "folder.csv")
