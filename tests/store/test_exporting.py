"""Files out: a project that comes back the same, training examples that TRL reads, a table without formulas."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.feedback.base import Rules
from workbench.feedback.converting import convert
from workbench.store import Store
from workbench.store.exchange.exporting import export, export_store, export_table
from workbench.store.exchange.importing import import_file
from workbench.store.exchange.project import VERSION
from workbench.store.exchange.shapes import WHAT


def fill(store: Store) -> None:
    """One of everything, with what points where."""
    base = store.models.add(name="tiny", kind="base", source="local", location="/m", info={"b": 1, "a": [2]})
    run = store.runs.add(name="ppo 1", method="ppo", options={"kl_coef": 0.05}, model_id=base.id)
    tuned = store.models.add(
        name="tuned", kind="adapter", source="run", location="/a", parent_id=base.id, run_id=run.id
    )
    store.runs.update(run.id, status="finished", result_id=tuned.id, summary={"reward": 1.5})
    prompt, _ = store.prompts.add("Hi 你好\u2028", system="Be brief.", tags=["b", "a"])
    texts = ["Hello.", "", "=1+1"]
    answers = [store.responses.add(prompt.id, text, model_id=base.id, adapter_id=tuned.id, seed=1) for text in texts]
    ids = [answer.id for answer in answers]
    said = {"annotator": "you", "comment": "Why\n\0 not", "reasons": ["tone"], "seconds": 2.5}
    rated = store.feedback.add("rating", prompt.id, ids, {"ratings": [5, 1, None]}, **said)
    store.feedback.add("comparison", prompt.id, ids[1::-1], {"choice": "b"}, annotator="Noor")
    store.feedback.add("skip", prompt.id, ids, {"kind": "ranking"}, annotator="you")
    store.feedback.undo("you")
    store.feedback.add("edit", prompt.id, ids, {"of": 2, "text": "Two."}, annotator="you", import_key="k")
    store.runs.freeze(run.id, [rated.id], "abc")
    store.set_setting("tone", "Be kind.")


def tables(store: Store) -> dict[str, list]:
    names = [
        "project",
        "models",
        "runs",
        "prompts",
        "responses",
        "feedback",
        "shown",
        "run_feedback",
        "judged",
        "queue",
    ]
    return {name: store.rows(f"SELECT * FROM {name} ORDER BY 1, 2") for name in names}


@pytest.fixture
def other(tmp_path: Path):
    store = Store.open(tmp_path / "other")
    yield store
    store.close()


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().decode().split("\n") if line]


def test_a_project_comes_back_the_same(store: Store, other: Store, tmp_path: Path) -> None:
    fill(store)
    path = tmp_path / "all.jsonl"
    count = export_store(store, path)
    assert count == len(lines(path)) - 1 == 13
    report = import_file(other, path)
    assert (report.format, report.added) == ("project", {"prompts": 1, "responses": 3, "feedback": 4})
    assert tables(other) == tables(store)
    assert other.models.lineage(other.models.find("tuned")) == store.models.lineage(store.models.find("tuned"))

    export_store(other, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == path.read_bytes()
    assert sum(import_file(other, path).added.values()) == 0
    assert tables(other) == tables(store)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(), max_size=30), min_size=1, max_size=4))
def test_any_text_comes_back_the_same(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("round")
    first, second = Store.open(folder / "first"), Store.open(folder / "second")
    prompt, _ = first.prompts.add("x" + texts[0], system=texts[-1], tags=texts)
    ids = [first.responses.add(prompt.id, text).id for text in texts]
    first.feedback.add(
        "rating",
        prompt.id,
        ids,
        {"ratings": [3] * len(ids)},
        comment=texts[0],
        annotator=texts[-1][:5].encode("utf-8", "replace").decode(),
    )
    export_store(first, folder / "all.jsonl")
    import_file(second, folder / "all.jsonl")
    assert tables(second) == tables(first)
    first.close(), second.close()


def test_projects_merge_by_what_they_share(store: Store, other: Store, tmp_path: Path) -> None:
    fill(store)
    prompt, _ = other.prompts.add("Hi 你好\u2028", system="Be brief.")
    mine = other.responses.add(prompt.id, "Mine.")
    other.feedback.add("rating", prompt.id, [mine.id], {"ratings": [4]}, annotator="me")
    other.set_setting("tone", "Ours.")
    export_store(store, tmp_path / "all.jsonl")
    report = import_file(other, tmp_path / "all.jsonl")
    assert report.added == {"prompts": 0, "responses": 3, "feedback": 4}
    assert [answer.prompt_id for answer in other.responses.of_prompt(prompt.id)] == [prompt.id] * 4
    assert {item.prompt_id for item in other.feedback.list(retracted=True)} == {prompt.id}
    assert other.setting("tone") == "Ours."


def test_a_run_that_was_going_elsewhere_is_interrupted_here(store: Store, other: Store, tmp_path: Path) -> None:
    run = store.runs.add(name="r", method="ppo", options={})
    store.runs.update(run.id, status="running", pid=os.getpid())
    export_store(store, tmp_path / "all.jsonl")
    import_file(other, tmp_path / "all.jsonl")
    assert other.runs.find("r").status == "interrupted"


def drop(table: str) -> Callable[[dict], object]:
    return lambda row: None if row.get("table") == table else row


def change(changed: str, /, **fields: object) -> Callable[[dict], object]:
    return lambda row: row | fields if row.get("table") == changed else row


SPOILED = {
    "newer": (lambda row: row | {"workbench": VERSION + 1} if "workbench" in row else row, "newer Workbench"),
    "no prompts": (drop("prompts"), "points to rows"),
    "no responses": (drop("responses"), "points to rows|is not a row"),
    "unknown table": (change("models", table="secrets"), "not a row of a project"),
    "unknown column": (change("prompts", colour="red"), "not a row of prompts: it has colour"),
    "wrong type": (change("responses", prompt_tokens="many"), "not a row of responses"),
    "a list": (change("responses", seed=[1]), "not a row of responses"),
    "huge": (change("responses", seed=10**30), "not a row of responses"),
    "no turns": (change("prompts", turns=[]), "not a row of prompts"),
    "no text": (change("responses", text=None), "The answer is missing"),
    "strange split": (change("prompts", split="all"), "not a row of prompts"),
    "strange value": (change("feedback", value={"ratings": "x"}), "A rating|A comparison|An edit"),
    "strange kind": (change("feedback", kind="smile"), "not a row of feedback"),
    "no id": (change("feedback", id=None), "not a row of feedback"),
}


@pytest.mark.parametrize(("spoil", "sentence"), SPOILED.values(), ids=SPOILED.keys())
def test_a_spoiled_export_is_one_sentence_and_writes_nothing(
    store: Store, other: Store, tmp_path: Path, spoil, sentence: str
) -> None:
    fill(store)
    path = tmp_path / "all.jsonl"
    export_store(store, path)
    spoiled = [row for row in map(spoil, lines(path)) if row is not None]
    path.write_text("".join(json.dumps(row) + "\n" for row in spoiled))
    before = tables(other)
    with pytest.raises(WorkbenchError, match=sentence):
        import_file(other, path)
    assert tables(other) == before
    assert not other.db.conn.in_transaction


# ---- training examples ----


def test_pairs_are_what_conversion_finds_and_come_back(store: Store, other: Store, tmp_path: Path) -> None:
    fill(store)
    count = export(store, tmp_path / "pairs.jsonl", "pairs", rules=Rules(min_gap=4, merge_votes=False)).rows
    expected = convert(store.feedback.judgements(), Rules(min_gap=4, merge_votes=False)).pairs
    rows = lines(tmp_path / "pairs.jsonl")
    assert count == len(rows) == len(expected) == 3
    assert rows[0] == {
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi 你好\u2028"}],
        "chosen": [{"role": "assistant", "content": "Hello."}],
        "rejected": [{"role": "assistant", "content": ""}],
        "margin": 4.0,
        "split": store.prompts.list()[0].split,
    }
    import_file(other, tmp_path / "pairs.jsonl")
    back = convert(other.feedback.judgements(), Rules(merge_votes=False)).pairs
    assert [pair.messages for pair in back] == [pair.messages for pair in expected]
    assert [(pair.chosen, pair.rejected) for pair in back] == [(pair.chosen, pair.rejected) for pair in expected]
    assert export(store, tmp_path / "hers.jsonl", "pairs", annotators=["Noor"]).rows == 1


def test_demonstrations_come_back(store: Store, other: Store, tmp_path: Path) -> None:
    fill(store)
    assert export(store, tmp_path / "sft.jsonl", "demonstrations").rows == 2
    import_file(other, tmp_path / "sft.jsonl")
    texts = {item.text for item in convert(other.feedback.judgements()).demonstrations}
    assert texts == {"Hello.", "Two."}


# ---- tables ----


def table(path: Path) -> list[dict]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_has_a_row_per_judgement(store: Store, tmp_path: Path) -> None:
    fill(store)
    assert export_table(store, tmp_path / "t.csv") == 4
    rows = table(tmp_path / "t.csv")
    assert [row["kind"] for row in rows] == ["rating", "comparison", "skip", "edit"]
    assert (rows[0]["who"], rows[0]["answer A"], rows[0]["answer B"]) == ("you", "Hello.", "")
    assert json.loads(rows[0]["value"]) == {"ratings": [5, 1, None]}
    assert [bool(row["taken back"]) for row in rows] == [False, False, True, False]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "  =1", "＝1", '=HYPERLINK("x")']
)
def test_no_cell_is_a_formula(store: Store, tmp_path: Path, text: str) -> None:
    prompt, _ = store.prompts.add(text)
    answer = store.responses.add(prompt.id, text)
    store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [1]}, comment=text, annotator=text)
    export_table(store, tmp_path / "safe.csv")
    (row,) = table(tmp_path / "safe.csv")
    assert {row[name] for name in ("prompt", "answer A", "comment", "who")} == {f"'{text}"}
    export_table(store, tmp_path / "exact.csv", safe=False)
    (row,) = table(tmp_path / "exact.csv")
    assert {row[name] for name in ("prompt", "answer A", "comment", "who")} == {text}


@pytest.mark.parametrize("text", ["Hi", "1 - 1", "a=b", "'quoted'", '"', "你好", ""])
def test_other_cells_stay_as_they_are(store: Store, tmp_path: Path, text: str) -> None:
    prompt, _ = store.prompts.add("Hi")
    answer = store.responses.add(prompt.id, text)
    store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [1]})
    export_table(store, tmp_path / "t.csv")
    assert table(tmp_path / "t.csv")[0]["answer A"] == text


# ---- the file ----


@pytest.mark.parametrize("what", ["all", "table", *WHAT])
def test_an_empty_project_makes_an_empty_file(store: Store, tmp_path: Path, what: str) -> None:
    if what in ("all", "table"):
        assert (export_store if what == "all" else export_table)(store, tmp_path / "out") == 0
    else:
        assert export(store, tmp_path / "out", what).rows == 0
    assert (tmp_path / "out").is_file()


def test_a_place_that_cannot_be_written_is_said_and_the_old_file_stays(store: Store, small_disk: Path) -> None:
    fill(store)
    with pytest.raises(WorkbenchError, match="cannot be written"):
        export_store(store, small_disk / "no" / "such" / "folder.jsonl")
    target = small_disk / "all.jsonl"
    target.write_text("old")
    (small_disk / "ballast").write_bytes(b"\0" * 2_000_000)
    for number in range(400):
        store.prompts.add(f"{number}" + "x" * 1000)
    with pytest.raises(WorkbenchError, match="cannot be written"):
        export_store(store, target)
    assert target.read_text() == "old"
    assert sorted(path.name for path in small_disk.iterdir()) == ["all.jsonl", "ballast"]
