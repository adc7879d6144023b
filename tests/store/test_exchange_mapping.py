"""Columns that a person assigns, a look before anything is written, and a stop in the middle."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store, backups
from workbench.store.exchange.importing import MAX_LISTED, import_file, preview
from workbench.store.exchange.mapping import ROLES, check, columns_in, suggested

CSV = (
    "Question,System prompt,Reply,Stars,By,Why,Topic\r\nHi,Be brief.,A,4,Noor,Warm.,a; b\r\nHo,,,,,,\r\nHm,,B,9,,,\r\n"
)
MAPPING = {
    "prompt": "Question", "system": "System prompt", "answer": "Reply", "rating": "Stars", "who": "By",
    "comment": "Why", "tags": "Topic",
}  # fmt: skip


@pytest.fixture
def rated(tmp_path: Path) -> Path:
    path = tmp_path / "rated.csv"
    path.write_text(CSV, encoding="utf-8", newline="")
    return path


def lines(folder: Path, *rows: dict) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_every_role_finds_its_place(store: Store, rated: Path) -> None:
    report = import_file(store, rated, mapping=MAPPING, annotator="you")
    assert (report.format, report.added) == ("columns", {"prompts": 2, "responses": 1, "feedback": 1})
    assert report.skipped == [{"row": 4, "reason": "rating is 9, not a whole number from 1 to 5."}]
    (said,) = store.feedback.list()
    prompt = store.prompts.find(said.prompt_id)
    assert (prompt.system, prompt.tags, said.comment, said.annotator) == ("Be brief.", ("a", "b"), "Warm.", "Noor")
    assert said.value == {"ratings": [4]}
    again = import_file(store, rated, mapping=MAPPING, annotator="you")
    assert (sum(again.added.values()), again.already_there) == (0, 2)


def test_columns_are_seen_and_suggested_before_anything_is_written(rated: Path) -> None:
    assert columns_in(rated) == ["Question", "System prompt", "Reply", "Stars", "By", "Why", "Topic"]
    assert suggested(columns_in(rated)) == {
        "prompt": "Question", "system": "System prompt", "answer": "Reply", "rating": "Stars", "tags": "Topic",
    }  # fmt: skip
    rows = preview(rated, mapping=MAPPING)
    assert [row.get("skipped", row.get("answers")) for row in rows] == [
        ["A"], [], "rating is 9, not a whole number from 1 to 5.",
    ]  # fmt: skip
    assert rows[0]["said"] == [{"kind": "rating", "value": {"ratings": [4]}, "who": "Noor"}]


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["id", "instruction", "preferred", "Dispreferred", "score"], {"prompt", "chosen", "rejected"}),
        (["query", "output", "is_good", "rating"], {"prompt", "answer", "rating"}),
        (["query", "output", "is_good"], {"prompt", "answer", "label"}),
        (["query", "stars"], {"prompt"}),
        (["x", "y"], set()),
        (["user", "assistant"], {"prompt", "answer"}),
    ],
)
def test_a_suggestion_always_makes_sense(names: list[str], roles: set[str]) -> None:
    found = suggested(names)
    assert set(found) == roles
    assert len(set(found.values())) == len(found)
    if found:
        assert check(found, names) == found


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"colour": "a"}, "colour is nothing that a column can be"),
        ({"answer": "a"}, "No column is the prompt"),
        ({"prompt": "nowhere"}, "The file has no column called nowhere. It has a, b, c."),
        ({"prompt": "a", "chosen": "b"}, "Chosen and rejected go together"),
        ({"prompt": "a", "chosen": "b", "rejected": "c", "answer": "b"}, "a pair, an answer to judge, or"),
        ({"prompt": "a", "answer": "b", "demonstration": "c"}, "a pair, an answer to judge, or"),
        ({"prompt": "a", "rating": "b"}, "A rating needs a column that is answer"),
        ({"prompt": "a", "answer": "b", "margin": "c"}, "A margin needs a column that is chosen"),
        ({"prompt": "a", "answer": "b", "rating": "c", "label": "c"}, "An answer has a rating or a label"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_one_sentence(store, tmp_path, mapping, sentence: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        import_file(store, lines(tmp_path, {"a": "Hi", "b": "A", "c": "B"}), mapping=mapping)
    assert sentence in str(caught.value)
    assert store.prompts.count() == 0


@pytest.mark.parametrize(
    ("label", "thumb"),
    [(True, True), (0, False), (1, True), (-1, False), ("Yes", True), ("bad", False), ("👍", True), ("+1", True)],
)
def test_a_label_is_good_or_bad_in_any_spelling(store: Store, tmp_path: Path, label, thumb: bool) -> None:
    import_file(
        store, lines(tmp_path, {"q": "Hi", "a": "A", "l": label}), mapping={"prompt": "q", "answer": "a", "label": "l"}
    )
    assert store.feedback.list()[0].value == {"thumbs": [thumb]}


@pytest.mark.parametrize("label", ["maybe", 2, 0.5, [], {}, float("1e15")])
def test_a_label_that_is_neither_is_refused(store: Store, tmp_path: Path, label) -> None:
    path = lines(tmp_path, {"q": "Fine", "a": "A", "l": True}, {"q": "Hi", "a": "A", "l": label})
    report = import_file(store, path, mapping={"prompt": "q", "answer": "a", "label": "l"})
    assert report.skipped == [{"row": 2, "reason": "label is neither true nor false, nor a word for it."}]


def test_pairs_and_demonstrations_and_conversations_can_be_columns_too(store: Store, tmp_path: Path) -> None:
    talk = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]
    table = pa.table({"talk": [talk], "good": ["A"], "bad": [[{"role": "assistant", "content": "B"}]], "by": [1.5]})
    pq.write_table(table, tmp_path / "a.parquet")
    import_file(
        store, tmp_path / "a.parquet", mapping={"prompt": "talk", "chosen": "good", "rejected": "bad", "margin": "by"}
    )
    (prompt,) = store.prompts.list()
    assert (prompt.system, prompt.text) == ("S", "Hi")
    assert store.feedback.list()[0].value == {"choice": "a", "strength": 1, "margin": 1.5}
    import_file(store, tmp_path / "a.parquet", mapping={"prompt": "talk", "demonstration": "good"})
    assert store.feedback.counts() == {"comparison": 1, "edit": 1}


def test_a_table_of_pandas_with_gaps_is_read(store: Store, tmp_path: Path) -> None:
    table = pa.table({"q": ["Hi", "Ho", None], "a": ["A", "B", "C"], "s": [4.0, None, float("nan")]})
    pq.write_table(table, tmp_path / "a.parquet")
    report = import_file(store, tmp_path / "a.parquet", mapping={"prompt": "q", "answer": "a", "rating": "s"})
    assert report.added == {"prompts": 2, "responses": 2, "feedback": 1}
    assert report.skipped == [{"row": 2, "reason": "prompt is missing, not text."}]


def test_every_role_is_one_that_a_column_can_be_assigned() -> None:
    wanted = {"prompt", "answer", "chosen", "rejected", "rating", "label", "system", "who", "comment", "tags"}
    assert set(ROLES) >= wanted


# ---- stopping ----


def test_a_stop_in_the_middle_writes_nothing(store: Store, tmp_path: Path) -> None:
    path = lines(tmp_path, *({"prompt": f"{number}"} for number in range(1000)))
    asked, told, heard = [], [], []
    store.listen(lambda table, by: heard.append(table))
    report = import_file(store, path, stopping=lambda: asked.append(1) or len(asked) > 600, progress=told.append)
    assert (report.stopped, sum(report.added.values()), told) == (True, 0, [250, 500])
    assert (store.prompts.count(), heard, store.db.conn.in_transaction) == (0, [], False)
    whole = import_file(store, path, progress=told.append)
    assert (whole.stopped, whole.added["prompts"], told) == (False, 1000, [250, 500, 250, 500, 750, 1000])


def test_a_stop_before_the_first_row_is_heard_too(store: Store, rated: Path) -> None:
    assert import_file(store, rated, mapping=MAPPING, stopping=lambda: True).stopped
    assert backups.all_of(store.folder) == []


def test_every_refused_row_is_counted_and_only_so_many_listed(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "Hi"}\n' + '{"prompt": 7}\n' * (MAX_LISTED + 5))
    report = import_file(store, path, dry_run=True)
    assert (report.refused, len(report.skipped)) == (MAX_LISTED + 5, MAX_LISTED)
