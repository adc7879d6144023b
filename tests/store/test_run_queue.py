"""Runs wait in line: their order, what is taken out and put back, and one process at a time that works through it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.store import Store, connecting, owners, run_queue
from workbench.store.connecting import dbapi
from workbench.store.schema import APPLICATION_ID, migrations


@pytest.fixture
def store(tmp_path: Path):
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


def add(store: Store, *names: str) -> list[str]:
    ids = [store.runs.add(name=name, method="reward", options={}).id for name in names]
    for id_ in ids:
        run_queue.put(store, id_)
    return ids


def names(store: Store) -> str:
    return "".join(run.name for run in run_queue.waiting(store))


def test_runs_wait_in_the_order_in_which_they_came(store: Store) -> None:
    ids = add(store, "a", "b", "c")
    assert names(store) == "abc"
    assert [run_queue.place_of(store, id_) for id_ in ids] == [1, 2, 3]


_STEPS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["up", "down", "out", "in"])), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_STEPS)
def test_any_moves_give_the_order_that_a_list_would_have(store: Store, steps) -> None:
    with store.writing() as db:
        db.execute("DELETE FROM run_queue")
        db.execute("DELETE FROM runs")
    ids = dict(zip("abcd", add(store, *"abcd"), strict=True))
    line = list("abcd")
    for name, step in steps:
        if step == "in" and name not in line:
            line.append(name)
            run_queue.put(store, ids[name])
        elif step == "out" and name in line:
            assert run_queue.take_out(store, ids[name]) == line.index(name) + 1
            line.remove(name)
        elif step in ("up", "down") and name in line:
            before, by = line.index(name), -1 if step == "up" else 1
            after = min(max(0, before + by), len(line) - 1)
            line.insert(after, line.pop(before))
            assert run_queue.move(store, ids[name], by) == (after != before)
    assert names(store) == "".join(line)
    assert {run.name for run in store.runs.list() if run.status == "waiting"} == set(line)


def test_what_is_taken_out_is_put_back_at_its_place(store: Store) -> None:
    _, second, _ = add(store, "a", "b", "c")
    place = run_queue.take_out(store, second)
    assert (names(store), store.runs.find(second).status) == ("ac", "stopped")
    run_queue.put(store, second, place)
    assert (names(store), store.runs.find(second).status) == ("abc", "waiting")


def test_what_does_not_wait_cannot_be_moved_and_what_goes_cannot_wait(store: Store) -> None:
    (run,) = add(store, "a")
    assert owners.own(store, run_queue.QUEUE)
    run_queue.take_next(store)
    with pytest.raises(WorkbenchError, match="does not wait"):
        run_queue.move(store, run, 1)
    with pytest.raises(WorkbenchError, match="going already"):
        run_queue.put(store, run)


def test_the_queue_is_let_go_of_when_nothing_waits(store: Store) -> None:
    first, second = add(store, "a", "b")
    assert owners.own(store, run_queue.QUEUE)
    assert run_queue.take_next(store).id == first
    assert store.runs.find(first).status == "running"
    assert run_queue.take_next(store).id == second
    assert owners.owner_of(store, run_queue.QUEUE) == os.getpid()
    assert run_queue.take_next(store) is None
    assert owners.owner_of(store, run_queue.QUEUE) is None


def test_a_wish_is_only_taken_for_a_run_that_goes(store: Store) -> None:
    (run,) = add(store, "a")
    with pytest.raises(WorkbenchError, match="not going"):
        run_queue.want(store, run, "pause")
    assert owners.own(store, run_queue.QUEUE)
    run_queue.take_next(store)
    run_queue.want(store, run, "pause")
    run_queue.want(store, run, "stop")
    assert run_queue.wish(store, run) == "stop"
    run_queue.forget_wish(store, run)
    assert run_queue.wish(store, run) == ""


OWNER = """
import sys
from workbench.store import Store, owners
store = Store.open(sys.argv[1])
print(owners.own(store, "queue"), flush=True)
input()
"""


def test_another_process_has_the_queue_until_it_dies(store: Store) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(store.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout.readline() == "True\n"
    assert not owners.own(store, run_queue.QUEUE)
    assert owners.owner_of(store, run_queue.QUEUE) == other.pid
    other.kill()
    psutil.wait_procs([psutil.Process(other.pid)], timeout=0.5)  # it is a zombie, and that is not alive
    assert owners.own(store, run_queue.QUEUE)
    other.communicate()


def test_a_number_that_another_process_has_by_now_is_not_the_owner(store: Store) -> None:
    with store.writing() as db:
        db.execute("INSERT INTO owners VALUES ('queue', ?, ?)", [os.getppid(), 1.0])
    assert owners.owner_of(store, run_queue.QUEUE) is None
    assert owners.own(store, run_queue.QUEUE)


def test_a_run_whose_owner_died_is_cut_off_even_if_its_number_is_in_use(store: Store) -> None:
    (run,) = add(store, "a")
    store.runs.update(run, status="running", pid=os.getppid())
    assert store.runs.interrupt_orphans() == []  # a run of an older version: all that is known is the number
    with store.writing() as db:
        db.execute("INSERT INTO owners VALUES (?, ?, ?)", [run, os.getppid(), 1.0])
    assert [each.id for each in store.runs.interrupt_orphans()] == [run]


def test_runs_that_wait_are_not_cut_off_when_the_app_is_gone(store: Store) -> None:
    (run,) = add(store, "a")
    store.runs.update(run, pid=4_000_000)
    run_queue.put(store, run)
    assert store.runs.interrupt_orphans() == []


def test_an_older_project_gets_a_queue(tmp_path: Path) -> None:
    conn = dbapi.connect(str(tmp_path / "project.db"))
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    migrations.apply(connecting.Database(conn, execute_plugins=False), stop_before="m007_lining_up")
    conn.commit()
    conn.close()
    store = Store.open(tmp_path)
    add(store, "a")
    assert names(store) == "a"
    store.close()
