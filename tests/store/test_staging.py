"""While a file is read the project is free for everybody else; what is read goes in at once, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store
from workbench.store.exchange.importing import import_file

ROWS = [{"prompt": f"{number}", "chosen": "A", "rejected": "B", "annotator": "Noor"} for number in range(600)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def temporary(store: Store) -> list[dict]:
    return store.rows("SELECT name FROM sqlite_temp_master")


def test_others_can_write_while_a_file_is_read(store: Store, path: Path) -> None:
    other = Store.beside(store.folder)
    told = []

    def judge(rows: int) -> None:
        told.append(rows)
        other.prompts.add(f"typed meanwhile {rows}")

    report = import_file(store, path, progress=judge)
    assert told == [250, 500, 600]
    assert report.added == {"prompts": 600, "responses": 1200, "feedback": 600}
    assert store.prompts.count() == 603
    assert temporary(store) == []
    other.close()


def test_a_row_that_came_meanwhile_is_not_added_twice(store: Store, path: Path) -> None:
    other = Store.beside(store.folder)
    report = import_file(store, path, progress=lambda rows: import_file(other, path))
    assert sum(report.added.values()) == 0
    assert (store.prompts.count(), store.feedback.counts()) == (600, {"comparison": 600})
    other.close()


def test_a_dry_run_works_while_somebody_else_writes(store: Store, path: Path) -> None:
    other = Store.beside(store.folder)
    with other.writing():
        assert import_file(store, path, dry_run=True).added["feedback"] == 600
    assert temporary(store) == []
    other.close()


def test_a_stop_is_heard_while_rows_go_in(store: Store, path: Path) -> None:
    asked = []
    # The reading asks once a row, so whoever asks after that is the writing.
    report = import_file(store, path, stopping=lambda: asked.append(1) or len(asked) > len(ROWS))
    assert (report.stopped, store.prompts.count(), temporary(store)) == (True, 0, [])
    assert not store.db.conn.in_transaction
    assert import_file(store, path).added["prompts"] == 600


def test_rows_keep_their_order_and_point_to_what_was_there(store: Store, path: Path) -> None:
    known, _ = store.prompts.add("7", tags=["mine"])
    import_file(store, path)
    assert [prompt.text for prompt in store.prompts.list()] == [
        "7",
        *(row["prompt"] for row in ROWS if row["prompt"] != "7"),
    ]
    said = store.feedback.list()
    assert [store.prompts.find(item.prompt_id).text for item in said] == [row["prompt"] for row in ROWS]
    assert said[7].prompt_id == known.id
    assert [store.responses.find(id_).text for id_ in said[7].response_ids] == ["A", "B"]
    assert store.prompts.find(known.id).tags == ("mine",)
    assert store.rows("PRAGMA foreign_key_check") == []


def test_counts_by_triggers_are_those_of_rows_added_one_by_one(store: Store, path: Path, tmp_path: Path) -> None:
    import_file(store, path)
    one = Store.open(tmp_path / "one")
    for row in ROWS[:3]:
        prompt, _ = one.prompts.add(row["prompt"])
        ids = [one.responses.add(prompt.id, row[name]).id for name in ("chosen", "rejected")]
        one.feedback.add(
            "comparison", prompt.id, ids, {"choice": "a"}, annotator="Noor", blind=False, import_key=row["prompt"]
        )
    for sql in (
        "SELECT answers, judged FROM queue q JOIN prompts p ON p.id = q.prompt_id ORDER BY p.rowid LIMIT 3",
        "SELECT annotator, kind, seq FROM judged ORDER BY seq, response_id LIMIT 6",
        "SELECT COUNT(*) AS n FROM prompts p JOIN search s ON s.id = p.id WHERE p.turns LIKE '%\"0\"%'",
    ):
        assert store.rows(sql) == one.rows(sql)
    one.close()


def test_a_full_disk_while_rows_go_in_leaves_nothing(small_disk: Path, tmp_path: Path) -> None:
    store = Store.open(small_disk / "project")
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"{number}" + "x" * 2000}) + "\n" for number in range(4000)))
    with pytest.raises(WorkbenchError, match=r"disk is full|disk reported"):
        import_file(store, path)
    assert (store.prompts.count(), store.db.conn.in_transaction, temporary(store)) == (0, False, [])
    store.prompts.add("Still working.")
    store.close()
