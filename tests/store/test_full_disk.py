"""A full disk loses nothing, says so in one sentence, and the store goes on once there is room."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store, backups


def test_a_full_disk_is_said_and_survived(small_disk: Path) -> None:
    store = Store.open(small_disk / "project")
    prompt, _ = store.prompts.add("Hi")
    kept = [store.responses.add(prompt.id, f"{number}").id for number in range(20)]
    ballast = small_disk / "ballast"
    fill(ballast)
    added = 0
    with pytest.raises(WorkbenchError, match=r"^The disk is full\.") as caught:  # noqa: PT012
        while added < 10_000:
            kept.append(store.responses.add(prompt.id, f"later {added} " + "x" * 200).id)
            added += 1
    assert caught.value.hint
    assert not store.db.conn.in_transaction
    assert [answer.id for answer in store.responses.of_prompt(prompt.id)] == kept

    ballast.unlink()
    kept.append(store.responses.add(prompt.id, "There is room again.").id)
    store.close()
    again = Store.open(small_disk / "project")
    assert [answer.id for answer in again.responses.of_prompt(prompt.id)] == kept
    assert again.value("PRAGMA quick_check") == "ok"
    again.close()


def test_a_part_of_a_transaction_that_meets_a_full_disk(small_disk: Path) -> None:
    store = Store.open(small_disk / "project")
    prompt, _ = store.prompts.add("Hi")

    def flood() -> None:
        with store.writing():
            for number in range(10_000):
                store.responses.add(prompt.id, f"{number}" + "x" * 1000)

    with pytest.raises(WorkbenchError, match="The disk is full"):
        flood()
    assert store.responses.count() == 0
    store.responses.add(prompt.id, "Still working.")
    store.close()


def test_no_room_for_a_new_project(small_disk: Path) -> None:
    fill(small_disk / "ballast")
    with pytest.raises(WorkbenchError, match=r"disk is full|cannot be used"):
        Store.open(small_disk / "project")
    assert list(small_disk.glob("project/project.db*")) == []


def test_no_room_for_a_backup(small_disk: Path) -> None:
    store = Store.open(small_disk / "project")
    fill(small_disk / "ballast")
    with pytest.raises(WorkbenchError, match="The disk is full"):
        backups.back_up(store)
    assert backups.all_of(store.folder) == []
    assert list((store.folder / "backups").iterdir()) == []
    (small_disk / "ballast").unlink()
    store.set_setting("works", True)
    assert store.setting("works")
    store.close()


def fill(path: Path) -> None:
    block = 4096
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * block) == block:
                pass
        except OSError:
            return
