"""What judges said stays apart from what people said, in everything that counts, learns or leaves, until it is asked
for. Each promise is a look at the project before and after judges have judged all of it."""

from __future__ import annotations

import json

import pytest

from tests.jobs import worlds
from tests.jobs.test_judging import carry_out
from workbench.errors import WorkbenchError
from workbench.feedback.converting import convert
from workbench.jobs import people, preparing, rounds
from workbench.jobs.judge_report import report_of as judges_of
from workbench.jobs.judging import Order
from workbench.jobs.reporting import readiness_of, report_of
from workbench.methods.whose import chosen_people
from workbench.store import Store, browsing, listing
from workbench.store.exchange.exporting import export, export_store, export_table
from workbench.store.exchange.importing import import_file
from workbench.store.filtering import Filter
from workbench.store.people import add
from workbench.store.people import people as everybody
from workbench.store.queueing import counts_left, next_items
from workbench.ui.window_counts import count as window_counts


@pytest.fixture
def store(tmp_path, llama_folder):
    """Two people, of whom the second judged half; and answers that nobody judged."""
    made = worlds.project(tmp_path / "project", llama_folder, prompts=12)
    for item in made.feedback.list()[:6]:
        made.feedback.add("rating", item.prompt_id, item.response_ids, {"ratings": [4, 3]}, annotator="Noor")
    prompt, _ = made.prompts.add("a new one")
    for text in ("kind hello", "one that nobody judged"):
        made.responses.add(prompt.id, text)
    yield made
    made.close()


def judge_all(store):
    for compares in (False, True):
        carry_out(store, Order("rule", rule="pattern", rule_pattern="lazy over dog", compares=compares))
    return store.judges.list()[0].name


def exported(store, folder, name, write):
    write(folder / name)
    return (folder / name).read_bytes()


def queue_rows(store):
    return store.rows("SELECT * FROM queue ORDER BY prompt_id"), store.rows("SELECT * FROM judged ORDER BY seq, kind")


LOOKS = {
    "the queue's rows": lambda store, folder: queue_rows(store),
    "what waits": lambda store, folder: [
        [counts_left(store, kind, who) for who in ("you", "Noor", "Bo")] for kind in ("rating", "comparison")
    ],
    "the next items": lambda store, folder: [item.prompt.id for item in next_items(store, "rating", "Bo", limit=50)],
    "training data": lambda store, folder: preparing.data_of(store),
    "conversion": lambda store, folder: convert(store.feedback.judgements()),
    "people's progress": lambda store, folder: people.progress(store, "rating"),
    "who there is": lambda store, folder: (everybody(store), store.feedback.annotators()),
    "counts": lambda store, folder: store.feedback.counts(),
    "the report, with agreement and biases": lambda store, folder: json.dumps(report_of(store).to_json()),
    "readiness": lambda store, folder: readiness_of(store),
    "the instant head's judgements": lambda store, folder: store.features.judgements(-1),
    "the counts beside the panes": lambda store, folder: window_counts(store, "you"),
    "the Data pane's rows": lambda store, folder: [browsing.entries(store), browsing.facets(store)],
    "the Data pane's lists": lambda store, folder: [
        listing.page(store, lists, Filter()) for lists in ("judgements", "prompts", "answers")
    ],
    "pairs": lambda store, folder: exported(store, folder, "a.jsonl", lambda path: export(store, path, "pairs")),
    "labels": lambda store, folder: exported(store, folder, "a.jsonl", lambda path: export(store, path, "labels")),
    "judgements": lambda store, folder: exported(
        store, folder, "a.jsonl", lambda path: export(store, path, "judgements")
    ),
    "the table": lambda store, folder: exported(store, folder, "a.csv", lambda path: export_table(store, path)),
}


@pytest.mark.parametrize("about", LOOKS)
def test_judges_change_nothing_of(about, store, tmp_path):
    before = LOOKS[about](store, tmp_path)
    judge_all(store)
    assert LOOKS[about](store, tmp_path) == before
    assert sum(store.judges.counts().values()) == 39


def test_the_project_s_file_has_people_s_work_and_the_judges_only_when_they_are_asked_for(store, tmp_path):
    name = judge_all(store)
    text = "Answers in one line."
    store.judges.add_rubric(text)
    export_store(store, tmp_path / "people.jsonl")
    export_store(store, tmp_path / "all.jsonl", judges=True)
    held = {file: (tmp_path / f"{file}.jsonl").read_text("utf-8") for file in ("people", "all")}
    tables = {file: {json.loads(line).get("table") for line in lines.splitlines()} for file, lines in held.items()}
    assert not {"judges", "judge_verdicts"} & tables["people"] and {"judges", "judge_verdicts"} <= tables["all"]
    for file, verdicts in (("people", {}), ("all", {name: 39})):
        other = Store.open(tmp_path / file)
        import_file(other, tmp_path / f"{file}.jsonl")
        import_file(other, tmp_path / f"{file}.jsonl")
        assert other.judges.counts() == verdicts
        assert text in [rubric.text for rubric in other.judges.rubrics()]  # a person wrote it
        assert other.feedback.annotators() == store.feedback.annotators()
        if verdicts:
            assert judges_of(other).to_json()["judges"] == judges_of(store).to_json()["judges"]
        other.close()


def test_a_run_learns_from_a_judge_only_where_whose_names_it(store):
    name = judge_all(store)
    base = store.models.list("base")[0].id
    quick = worlds.REWARD

    def learned(whose):
        run, spec = preparing.prepare(store, "reward", quick | {"whose": whose}, model_id=base)
        with open(spec.data, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        chosen = {row["chosen"].split(" ", 1)[1] for row in rows if row["kind"] == "pairs"}
        return run, chosen

    run, chosen = learned("")
    assert store.judges.learned_by(run.id) == {} and "lazy over dog" not in chosen
    assert store.runs.count_feedback(run.id) == 18
    run, chosen = learned("you, Noor")
    assert store.judges.learned_by(run.id) == {} and "lazy over dog" not in chosen
    run, chosen = learned(name)
    assert chosen == {"lazy over dog"} and store.runs.count_feedback(run.id) == 0
    assert store.judges.learned_by(run.id) == {name: 12}
    run, chosen = learned(f"you, Noor, {name}")  # two people outvote it where both judged, and one does not
    assert "lazy over dog" not in chosen and store.runs.count_feedback(run.id) == 12
    assert store.judges.learned_by(run.id) == {name: 6}


def test_everybody_is_all_people_and_a_judge_is_a_name_among_those_known():
    assert chosen_people("", ["you", "judge: m (rubric 3f2a)"]) is None
    assert chosen_people("judge: m (rubric 3f2a)", ["you", "judge: m (rubric 3f2a)"]) == ["judge: m (rubric 3f2a)"]


def test_a_round_counts_only_what_people_said_since(store):
    base = store.models.list("base")[0]
    about = {"source": "run", "location": str(store.folder), "parent_id": base.id}
    teacher, _ = preparing.prepare(store, "reward", worlds.REWARD, model_id=base.id)
    reward = store.models.add(name="r", kind="reward", run_id=teacher.id, **about)
    made = store.models.add(name="p", kind="adapter", **about)
    run = store.runs.add(name="ppo", method="ppo", options={}, model_id=base.id, reward_id=reward.id)
    store.runs.update(run.id, result_id=made.id, status="finished")
    judge_all(store)
    assert rounds.next_round(store, store.runs.find(run.id)) is None


def test_judges_are_exported_with_people_only_when_they_are_named(store, tmp_path):
    name = judge_all(store)
    export(store, tmp_path / "with.jsonl", "judgements", judges=[name])
    export(store, tmp_path / "without.jsonl", "judgements")
    with_them, without = (
        [json.loads(line) for line in (tmp_path / f"{file}.jsonl").read_text("utf-8").splitlines()]
        for file in ("with", "without")
    )
    assert len(with_them) == len(without) + 39
    report = import_file(store, tmp_path / "with.jsonl")
    assert len(report.skipped) == 39 and "A judge said this" in report.skipped[0]["reason"]
    assert store.feedback.annotators() == {"you": 12, "Noor": 6}


def test_no_person_is_called_as_a_judge_is(store):
    with pytest.raises(WorkbenchError, match="judges"):
        add(store, "judge: me")


def test_what_judges_said_is_listed_apart_and_filtered_as_what_people_said(store):
    name = judge_all(store)
    found = browsing.entries(store, judges=True)
    assert browsing.count(store, judges=True) == len(found) == 39
    assert {entry.annotator for entry in found} == {name}
    assert {len(entry.answers) for entry in found if entry.kind == "comparison"} == {2}
    only = Filter(judges=True, kinds=("comparison",), search="nobody")
    assert [entry.value["choice"] for entry in browsing.entries(store, **only.to_query())] == ["tie"]
    assert browsing.ids(store, judges=True, order="oldest")[0] == found[-1].id
    assert Filter.of(only.to_json()) == only
    assert {entry.annotator for entry in browsing.entries(store)} == {"you", "Noor"}
