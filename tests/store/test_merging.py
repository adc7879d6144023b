"""Merging projects that were made apart is a union: in whichever order, however often, and however grouped."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.store.apart import Projects, chance, content, derived, everything, lines, reckoned, run, steps
from workbench.errors import WorkbenchError
from workbench.store import Store, bulk, saved_filters
from workbench.store.exchange.exporting import export_store
from workbench.store.exchange.importing import import_file
from workbench.store.exchange.joining import join
from workbench.store.exchange.project import TABLES
from workbench.store.filtering import Filter
from workbench.store.rows import to_json

EXAMPLES = int(os.environ.get("WORKBENCH_MERGES", "25"))
LAWS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@contextmanager
def projects() -> Iterator[Projects]:
    with tempfile.TemporaryDirectory() as folder:
        made = Projects(Path(folder))
        try:
            yield made
        finally:
            made.close()


def told(made: Projects, store: Store) -> tuple[list[str], dict]:
    """What a project holds, in a form that does not depend on the order of its rows."""
    found = derived(store)
    assert {name: found[name] for name in reckoned(store)} == reckoned(store)
    assert store.value("PRAGMA integrity_check") == "ok"
    assert not store.rows("PRAGMA foreign_key_check")
    return content(store, made.file(store)), found


def apart(made: Projects, seed: int, before: list, *after: list) -> list[Store]:
    """Copies of one project, each taken further on its own."""
    with chance(seed):
        root = made.new()
        run(root, before)
    copies = [made.copy(root) for _ in after]
    for number, (store, program) in enumerate(zip(copies, after, strict=True)):
        with chance(seed + number + 1):
            run(store, program)
    return copies


SEED = st.integers(0, 2**20)


@LAWS
@given(seed=SEED, before=steps(8), one=steps(), other=steps())
def test_which_project_is_merged_into_which_does_not_matter(seed: int, before: list, one: list, other: list) -> None:
    with projects() as made:
        a, b = apart(made, seed, before, one, other)
        ab, ba = told(made, made.merged(a, b)), told(made, made.merged(b, a))
        assert ab == ba


@LAWS
@given(seed=SEED, one=steps(), other=steps())
@example(seed=0, one=[("ask", 0, 0)], other=[("ask", 0, 0), ("tag", 0, 0)])  # a record of tagging names the prompts
def test_a_second_merge_and_one_with_itself_change_nothing(seed: int, one: list, other: list) -> None:
    with projects() as made:
        a, b = apart(made, seed, [], one, other)
        before = made.file(a).read_bytes()
        report = import_file(a, made.file(a))
        assert (sum(report.added.values()), report.changed) == (0, 0)
        assert made.file(a).read_bytes() == before
        import_file(a, made.file(b))
        merged = made.file(a).read_bytes()
        for again in (b, a):
            report = import_file(a, made.file(again))
            assert (sum(report.added.values()), report.changed) == (0, 0)
        assert made.file(a).read_bytes() == merged


@LAWS
@given(seed=SEED, before=steps(6), programs=st.tuples(steps(8), steps(8), steps(8)), order=st.permutations(range(3)))
def test_three_projects_may_be_merged_in_any_order_and_grouping(
    seed: int, before: list, programs: tuple[list, list, list], order: list[int]
) -> None:
    with projects() as made:
        a, b, c = apart(made, seed, before, *programs)
        expected = told(made, made.merged(a, b, c))
        assert told(made, made.merged(a, made.merged(b, c))) == expected
        first, *rest = ([a, b, c][place] for place in order)
        assert told(made, made.merged(first, *rest)) == expected


@LAWS
@given(seed=SEED, one=steps(16), other=steps(8))
def test_an_empty_project_becomes_the_same_byte_for_byte(seed: int, one: list, other: list) -> None:
    with projects() as made:
        a, b = apart(made, seed, [], one, other)
        for store in (a, made.merged(a, b)):
            file = made.file(store)
            back = made.new()
            import_file(back, file)
            assert made.file(back).read_bytes() == file.read_bytes()
            assert told(made, back) == told(made, store)


def test_what_is_new_is_not_said_to_be_here_already(store: Store, tmp_path: Path) -> None:
    store.set_setting("rules", {"min_gap": 2})
    store.models.add(name="m", kind="base", source="local", location="/m")
    store.prompts.add("Hi")
    rows = export_store(store, tmp_path / "all.jsonl")
    other = Store.open(tmp_path / "other")
    first, again = (import_file(other, tmp_path / "all.jsonl").already_there for _ in range(2))
    other.close()
    assert (first, again) == (0, rows)


def test_nothing_is_lost_in_a_merge() -> None:
    with projects() as made:
        a, b = apart(made, 1, [("ask", 0, 0), ("answer", 0, 0)], [], [])
        with chance(2):
            everything(a)
        with chance(3):
            everything(b)
        whole = made.merged(a, b)
        for table in ("feedback", "responses", "guidelines", "runs", "models"):
            held = [{row["id"] for row in store.rows(f"SELECT id FROM {table}")} for store in (a, b, whole)]
            if table in ("guidelines", "runs", "models"):
                assert held[0] | held[1] == held[2]
        texts = [{row["text"] for row in store.rows("SELECT text FROM responses")} for store in (a, b, whole)]
        assert texts[0] | texts[1] == texts[2]


def test_every_table_travels_or_has_a_reason_not_to(store: Store) -> None:
    """A table that is added later must be decided about."""
    left_out = {
        "drafts": "unsent text, of the window that it was typed in",
        "features": "a cache, read again from the model",
        "reward_scores": "a cache, asked of the reward model again",
        "shown": "in the lines of feedback",
        **dict.fromkeys(("run_queue", "run_wishes", "owners"), "what this machine does now"),
        **dict.fromkeys(("queue", "judged", "prompt_tags", "search"), "worked out from the rest"),
        **dict.fromkeys(("passages", "passage_words"), "worked out from documents"),
    }
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'search_*' AND name NOT GLOB '*lite*'"
    sql += " AND name NOT GLOB 'passage_words_*'"
    assert {row["name"] for row in store.rows(sql)} == set(TABLES) | set(left_out)


# ---- how two versions of a row become one ----

MOMENTS = st.sampled_from(["2026-01-01", "2026-01-02", "2026-01-03"])
MAYBE = st.none() | MOMENTS
WORD = st.sampled_from(["a", "b", "é"])
VALUE = st.none() | st.booleans() | st.integers(0, 3) | WORD | st.lists(WORD, max_size=2)
ROWS = {
    "project": {"key": st.just("rules"), "value": VALUE, "changed_at": MOMENTS},
    "models": {"name": WORD, "removed_at": MAYBE, "created_at": MOMENTS},
    "runs": {
        "status": st.sampled_from(["interrupted", "failed", "stopped", "finished"]),
        "step": st.integers(0, 3), "created_at": MOMENTS, "started_at": MAYBE, "ended_at": MAYBE, "summary": VALUE,
    },
    "prompts": {"tags": st.lists(WORD), "source": WORD, "created_at": MOMENTS},
    "responses": {"queued": st.integers(0, 1), "source": WORD, "created_at": MOMENTS},
    "guidelines": {"text": WORD, "created_at": MOMENTS},
    "feedback": {
        "value": VALUE, "seconds": st.floats(0, 9), "created_at": MOMENTS, "annotator": WORD, "renamed_at": MAYBE,
    },
    "run_feedback": {"run_id": WORD},
    "run_warnings": {"step": st.integers(0, 3), "text": WORD},
    "documents": {"name": WORD, "removed_at": MAYBE, "created_at": MOMENTS},
    "fillings": {"template": WORD, "variables": VALUE, "given": VALUE, "key": WORD, "created_at": MOMENTS},
}  # fmt: skip
RETRACTED = st.tuples(MOMENTS, st.sampled_from(["undo", "undone", "person"])) | st.just((None, None))
FILTERS = st.lists(st.fixed_dictionaries({"id": WORD, "name": WORD}), max_size=3, unique_by=lambda item: item["id"])


@st.composite
def versions(draw: st.DrawFn) -> tuple[str, list[dict]]:
    """Three versions of one row."""
    table = draw(st.sampled_from(sorted(ROWS)))
    rows = [draw(st.fixed_dictionaries(ROWS[table])) for _ in range(3)]
    if table == "feedback":
        rows = [row | dict(zip(("retracted_at", "retracted_by"), draw(RETRACTED), strict=True)) for row in rows]
    if table == "project" and draw(st.booleans()):
        rows = [row | {"key": "saved_filters", "value": draw(FILTERS)} for row in rows]
    return table, rows


@settings(max_examples=300)
@given(versions())
def test_joining_versions_of_a_row_has_no_order(drawn: tuple[str, list[dict]]) -> None:
    table, (a, b, c) = drawn
    ab = join(table, a, b)
    assert to_json(ab) == to_json(join(table, b, a))
    assert join(table, a, a) == a
    assert join(table, ab, b) == ab
    assert to_json(join(table, ab, c)) == to_json(join(table, a, join(table, b, c)))


def test_the_earliest_retraction_wins() -> None:
    stands = {"retracted_at": None, "retracted_by": None, "annotator": "Noor", "renamed_at": None}
    early, late = (
        stands | {"retracted_at": moment, "retracted_by": "person"} for moment in ("2026-01-01", "2026-01-02")
    )
    assert join("feedback", stands, late) == late
    assert join("feedback", late, early) == early
    undone = stands | {"retracted_at": "2026-01-01", "retracted_by": "undone"}
    assert join("feedback", undone | {"retracted_by": "undo"}, undone) == undone


def test_the_newer_setting_stays_and_saved_filters_are_all_kept() -> None:
    with projects() as made:
        a, b = made.new(), made.new()
        a.set_setting("rules", {"min_gap": 3})
        b.set_setting("rules", {"min_gap": 1})
        saved_filters.save(a, "mine", Filter(), "you")
        saved_filters.save(b, "theirs", Filter(), "Noor")
        for whole in (made.merged(a, b), made.merged(b, a)):
            assert whole.setting("rules") == {"min_gap": 1}
            assert {each.name for each in saved_filters.saved(whole)} == {"mine", "theirs"}


# ---- the same thing under two ids ----


def two_ids(made: Projects) -> tuple[Store, Store]:
    """Two projects in which the same prompt, answer and judgement were imported under ids of their own."""
    stores = [made.new(), made.new()]
    for seed, store in enumerate(stores):
        with chance(seed):
            prompt, _ = store.prompts.add("Where is the kettle?", tags=["one" if seed else "two"])
            answer = store.responses.add(prompt.id, "On the shelf.", import_key="k")
            said = {"annotator": "crowd", "import_key": "said"}
            judged = store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [3]}, **said)
            mine = store.responses.add(prompt.id, f"answer {seed}")
            store.feedback.add("comparison", prompt.id, [answer.id, mine.id], {"choice": "a"}, annotator="you")
            saved_filters.save(store, f"of {seed}", Filter(prompt_ids=(prompt.id,)), "you")
            bulk.tag(store, [prompt.id], "bulk", "you")
            a_run = store.runs.add(name="r", method="reward", options={})
            store.runs.freeze(a_run.id, [judged.id], "h")
    return stores[0], stores[1]


def test_the_smaller_id_is_kept_and_everything_that_pointed_to_the_other_follows() -> None:
    with projects() as made:
        a, b = two_ids(made)
        tables = {"prompts": "hash", "responses": "import_key", "feedback": "import_key"}
        first = {table: f"SELECT id FROM {table} WHERE {key} NOT NULL" for table, key in tables.items()}
        ids = {table: [store.value(sql) for store in (a, b)] for table, sql in first.items()}
        assert all(first != second for first, second in ids.values())
        for whole in (made.merged(a, b), made.merged(b, a)):
            told(made, whole)
            (prompt,) = whole.prompts.list()
            assert (prompt.id, prompt.tags) == (min(ids["prompts"]), ("bulk", "one", "two"))
            assert len(whole.responses.of_prompt(prompt.id)) == 3
            imported = next(item for item in whole.feedback.list() if item.import_key)
            assert (imported.id, imported.response_ids) == (min(ids["feedback"]), (min(ids["responses"]),))
            assert [len(whole.runs.feedback_of(each.id)) for each in whole.runs.list()] == [1, 1]
            gone = {id_ for pair in ids.values() for id_ in pair if id_ != min(pair)}
            assert not [line for line in content(whole, made.file(whole)) if any(id_ in line for id_ in gone)]
            assert [each.details["prompt_ids"] for each in bulk.tagging(whole, prompt.id)] == [[prompt.id]] * 2
            assert bulk.undo(whole, "you") is not None


def test_prompts_and_imports_have_the_same_ids_in_every_project() -> None:
    with projects() as made:
        ids = []
        for store in (made.new(), made.new()):
            prompt, _ = store.prompts.add("Hi")
            answer = store.responses.add(prompt.id, "Ho", import_key="k")
            said = store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [3]}, import_key="f")
            ids.append((prompt.id, answer.id, said.id))
        assert ids[0] == ids[1]


# ---- runs ----


@pytest.mark.parametrize("status", ["finished", "stopped", "failed"])
def test_a_run_that_went_on_elsewhere_is_told_of_with_all_its_curve(status: str) -> None:
    with projects() as made:
        a = made.new()
        a_run = a.runs.add(name="ppo 1", method="ppo", options={})
        a.runs.update(a_run.id, status="running", pid=os.getpid(), started_at="2026-01-01")
        a.runs.add_metrics(a_run.id, 1, {"kl": 0.5})
        early = made.file(a)
        a.runs.add_metrics(a_run.id, 2, {"kl": 0.25})
        a.runs.update(a_run.id, status=status, ended_at="2026-01-02", summary={"reward": 2})
        late = made.file(a)
        for order in ([early, late], [late, early]):
            b = made.new()
            for file in order:
                import_file(b, file)
            found = b.runs.find(a_run.id)
            assert (found.status, found.step, found.summary, found.pid) == (status, 2, {"reward": 2}, 0)
            assert b.runs.metrics(a_run.id) == {"kl": [(1, 0.5), (2, 0.25)]}


def test_a_run_that_is_going_here_goes_on_whatever_an_old_export_says() -> None:
    with projects() as made:
        a = made.new()
        a_run = a.runs.add(name="ppo 1", method="ppo", options={})
        a.runs.update(a_run.id, status="stopped", started_at="2026-01-01", ended_at="2026-01-02")
        old = made.file(a)
        a.runs.update(a_run.id, status="running", pid=os.getpid(), started_at="2025-12-31", ended_at=None)
        assert import_file(a, old).changed == 0
        assert a.runs.find(a_run.id).status == "running"


def test_a_sample_that_stands_twice_stands_twice_and_not_four_times() -> None:
    with projects() as made:
        a, b = apart(made, 3, [("run", 0, 0)], [("run", 0, 2)], [("run", 0, 5), ("run", 0, 5)])
        counts = [store.value("SELECT COUNT(*) FROM run_samples") for store in (a, b, made.merged(a, b))]
        assert counts == [2, 4, 4]


# ---- as a person meets it ----


def test_a_folder_of_another_project_is_merged_and_not_changed(tmp_path: Path) -> None:
    theirs, ours = Store.open(tmp_path / "theirs"), Store.open(tmp_path / "ours")
    everything(theirs)
    theirs.close()
    before = {path: path.read_bytes() for path in (tmp_path / "theirs").rglob("*") if path.is_file()}
    report = import_file(ours, tmp_path / "theirs")
    assert report.added["feedback"] > 0
    assert {path: path.read_bytes() for path in (tmp_path / "theirs").rglob("*") if path.is_file()} == before
    again = import_file(ours, tmp_path / "theirs")
    assert (sum(again.added.values()), again.changed) == (0, 0)
    ours.close()


def test_a_project_that_is_open_elsewhere_is_merged_with_its_newest_judgement(tmp_path: Path) -> None:
    theirs, ours = Store.open(tmp_path / "theirs"), Store.open(tmp_path / "ours")
    prompt, _ = theirs.prompts.add("Hi")
    answer = theirs.responses.add(prompt.id, "Ho")
    theirs.feedback.add("rating", prompt.id, [answer.id], {"ratings": [4]}, annotator="Noor")
    assert import_file(ours, tmp_path / "theirs").added == {"prompts": 1, "responses": 1, "feedback": 1}
    assert theirs.feedback.undo("Noor") is not None
    assert import_file(ours, tmp_path / "theirs").changed == 1
    assert ours.feedback.list() == []
    theirs.close(), ours.close()


def test_a_folder_with_a_strangers_file_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "project.db").write_bytes(b"no database at all " * 100)
    with pytest.raises(WorkbenchError, match="not a database"):
        import_file(store, tmp_path / "strange")
    with pytest.raises(WorkbenchError, match="no file"):
        import_file(store, tmp_path / "nothing here")


def test_an_export_of_the_first_version_is_read(store: Store, tmp_path: Path) -> None:
    everything(store)
    path = tmp_path / "all.jsonl"
    export_store(store, path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    old = [row for row in rows if row.get("table") not in ("metrics", "run_samples", "run_warnings")]
    for row in old:
        row.pop("changed_at", None)
        row |= {"workbench": 1} if "workbench" in row else {"pid": 4} if row["table"] == "runs" else {}
    path.write_text("".join(json.dumps(row) + "\n" for row in old), encoding="utf-8")
    other = Store.open(tmp_path / "other")
    import_file(other, path)
    assert other.feedback.counts() == store.feedback.counts()
    assert {run.pid for run in other.runs.list()} == {0}
    import_file(store, path)
    assert store.setting("kettle") == other.setting("kettle")
    other.close()


def test_an_export_sees_one_moment(store: Store, tmp_path: Path) -> None:
    """A judgement that arrives while the file is written is in it with its answer, or not at all."""
    everything(store)
    beside = Store.beside(store.folder)
    with store.reading():
        before = store.feedback.counts()
        prompt, _ = beside.prompts.add("Late")
        late = beside.responses.add(prompt.id, "Too late")
        beside.feedback.add("rating", prompt.id, [late.id], {"ratings": [1]})
        assert store.feedback.counts() == before
    export_store(store, tmp_path / "all.jsonl")
    assert lines(tmp_path / "all.jsonl", "feedback")[-1]["shown"] == [late.id]
    beside.close()
