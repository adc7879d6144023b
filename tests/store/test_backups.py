"""Copies that are whole, thinned with age, made only when something changed, and the way back."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store, backups
from workbench.store.exchange.exporting import export_store

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def test_a_backup_is_a_whole_project(store: Store, rate, tmp_path: Path) -> None:
    rate(4)
    backup = backups.back_up(store)
    rate(5)
    assert backup.path.parent == store.folder / "backups"
    assert backup.size_bytes == backup.path.stat().st_size
    assert [path.name for path in backup.path.parent.iterdir()] == [backup.path.name]

    (tmp_path / "elsewhere").mkdir()
    shutil.copy(backup.path, tmp_path / "elsewhere" / "project.db")
    opened = Store.open(tmp_path / "elsewhere")
    assert [item.value for item in opened.feedback.list()] == [{"ratings": [4]}]
    opened.close()


def test_a_project_is_copied_only_when_it_changed(store: Store, rate) -> None:
    assert backups.back_up_if_changed(store)
    assert backups.back_up_if_changed(store) is None
    store.close()
    again = Store.open(store.folder)
    assert backups.back_up_if_changed(again) is None
    again.set_draft("edit", "half a sen")
    assert backups.back_up_if_changed(again)
    again.close()


def changes(store: Store) -> dict:
    prompt = store.prompts.list()[0]
    answer = store.responses.of_prompt(prompt.id)[0]
    model = store.models.add(name="m", kind="base", source="local", location="/m")
    run = store.runs.add(name="r", method="ppo", options={})
    item = store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [1]}, annotator="you")
    return {
        "judgement": lambda: store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [2]}, annotator="you"),
        "undo": lambda: store.feedback.undo("you"),
        "redo": lambda: store.feedback.redo("you"),
        "retract": lambda: store.feedback.retract([item.id]),
        "prompt": lambda: store.prompts.add("New"),
        "answer": lambda: store.responses.add(prompt.id, "New"),
        "queue": lambda: store.responses.queue([answer.id], queued=False),
        "model": lambda: store.models.add(name="n", kind="base", source="local", location="/n"),
        "rename": lambda: store.models.rename(model.id, "better name"),
        "remove": lambda: store.models.remove(model.id),
        "run": lambda: store.runs.add(name="s", method="ppo", options={}),
        "status": lambda: store.runs.update(run.id, status="finished"),
        "metrics": lambda: store.runs.add_metrics(run.id, 1, {"loss": 0.5}),
        "setting": lambda: store.set_setting("tone", "Be kind."),
        "guidelines": lambda: store.guidelines.add("Be kind."),
        "draft": lambda: store.set_draft("edit", "half"),
    }


def test_every_change_is_noticed(store: Store, rate) -> None:
    for name, change in changes(store).items():
        backups.back_up_if_changed(store)
        change()
        assert backups.back_up_if_changed(store), name


def test_a_backup_that_cannot_be_read_is_replaced(store: Store) -> None:
    backup = backups.back_up(store)
    backup.path.write_bytes(b"spoiled " * 1000)
    assert backups.back_up_if_changed(store)


def test_a_copy_that_is_not_whole_is_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = backups._copy_database

    def cut_off(conn, path: Path) -> None:
        whole(conn, path)
        path.write_bytes(path.read_bytes()[:9000])

    monkeypatch.setattr(backups, "_copy_database", cut_off)
    with pytest.raises(WorkbenchError, match="damaged"):
        backups.back_up(store)
    assert list((store.folder / "backups").iterdir()) == []


def test_copies_are_listed_newest_first_and_other_files_left_alone(store: Store) -> None:
    first, second = (backups.copy(store.db.conn, store.folder, NOON + timedelta(hours=hour)) for hour in (0, 1))
    (store.folder / "backups" / "my own copy.db").write_text("mine")
    assert backups.all_of(store.folder) == [second, first]
    backups.thin(store.folder, NOON + timedelta(days=400))
    assert (store.folder / "backups" / "my own copy.db").exists()


def test_a_project_without_backups_has_none(tmp_path: Path) -> None:
    assert backups.all_of(tmp_path) == []
    backups.thin(tmp_path)


# ---- a fake year ----


def a_year(seed: int) -> tuple[list[datetime], set[datetime]]:
    """Work on most days, some copies a day, thinned each time; every copy made, and those that are left."""
    rng = random.Random(seed)
    made, left, now = [], set(), NOON
    while now < NOON + timedelta(days=365):
        now += timedelta(minutes=rng.choice([20, 90, 240, 60 * 14, 60 * 24 * 2]))
        made.append(now)
        left = backups.kept(left | {now}, now)
    return made, left


@pytest.mark.parametrize("seed", range(5))
def test_a_year_of_copies_is_thinned_with_age(seed: int) -> None:
    made, left = a_year(seed)
    now = made[-1]
    recent = [moment for moment in made if now - moment < timedelta(days=2)]
    assert set(recent) <= left
    older = sorted(left - set(recent), reverse=True)
    assert len(older) <= 12 + 10 + 9
    assert max(Counter(moment.date() for moment in older).values()) == 1

    ages = [(now - moment).days for moment in older]
    gaps = [after - before for before, after in pairwise(ages)]
    assert max(gaps[:11]) <= 5  # days, with days off between
    assert max(gaps) <= 62  # months at the far end
    assert ages[-1] >= 240


def test_a_year_of_files_is_thinned_with_age(tmp_path: Path) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    for day in range(365):
        moment = NOON + timedelta(days=day)
        (place / f"{moment.strftime(backups._STAMP)}.db").write_text("")
        backups.thin(tmp_path, moment)
    moments = [backup.moment for backup in backups.all_of(tmp_path)]
    ages = [(NOON + timedelta(days=364) - moment).days for moment in moments]
    assert ages[:14] == list(range(14))
    assert len(ages) == 2 + 12 + 10 + 9


def test_thinning_twice_takes_nothing_more() -> None:
    made, left = a_year(1)
    assert backups.kept(left, made[-1]) == left


def test_a_clock_that_was_set_back_costs_no_copy() -> None:
    moments = {NOON + timedelta(days=day) for day in range(30)}
    assert backups.kept(moments, NOON - timedelta(days=365)) == moments
    assert NOON + timedelta(days=29) in backups.kept(moments, NOON + timedelta(days=3650))


# ---- the way back ----


def test_a_restored_project_is_what_it_was(store: Store, rate, tmp_path: Path) -> None:
    rate(4)
    export_store(store, tmp_path / "before.jsonl")
    backup = backups.back_up(store)
    rate(1)
    store.close()
    aside = backups.restore(store.folder, backup.path)
    again = Store.open(store.folder)
    export_store(again, tmp_path / "after.jsonl")
    assert (tmp_path / "after.jsonl").read_bytes() == (tmp_path / "before.jsonl").read_bytes()
    again.close()
    assert aside is not None
    aside.rename(tmp_path / "project.db")
    newer = Store.open(tmp_path)
    assert len(newer.feedback.list()) == 2
    newer.close()


def test_a_damaged_project_and_its_log_are_put_aside_and_not_deleted(store: Store, rate) -> None:
    rate(4)
    backup = backups.back_up(store)
    store.close()
    project = store.folder / "project.db"
    project.write_bytes(b"spoiled")
    (store.folder / "project.db-wal").write_bytes(b"old log")
    aside = backups.restore(store.folder, backup.path)
    assert aside is not None
    assert aside.read_bytes() == b"spoiled"
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"old log"
    again = Store.open(store.folder)
    assert len(again.feedback.list()) == 1
    again.close()


def test_a_lost_project_comes_back(store: Store, rate) -> None:
    rate(4)
    backup = backups.back_up(store)
    store.close()
    (store.folder / "project.db").unlink()
    assert backups.restore(store.folder, backup.path) is None
    again = Store.open(store.folder)
    assert len(again.feedback.list()) == 1
    again.close()


@pytest.mark.parametrize("content", [None, b"", b"spoiled " * 1000])
def test_a_damaged_backup_changes_nothing(store: Store, rate, tmp_path: Path, content: bytes | None) -> None:
    rate(4)
    store.close()
    before = (store.folder / "project.db").read_bytes()
    bad = tmp_path / "bad.db"
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(WorkbenchError):
        backups.restore(store.folder, bad)
    assert (store.folder / "project.db").read_bytes() == before
    assert sorted(path.name for path in store.folder.glob("project.db*")) == ["project.db"]
