"""A run that was told to read a judge's verdicts says so wherever it is told of: on the command line, in its frozen
specification, its bundle, its model's card, its lineage, and when it is run again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.jobs import worlds
from tests.jobs.test_judging import carry_out
from workbench.cli import cli
from workbench.errors import WorkbenchError
from workbench.jobs import bundling, comparing, preparing, running, unbundling
from workbench.jobs.judging import Order
from workbench.jobs.learned import judges_of
from workbench.jobs.model_cards import card
from workbench.methods.whose import chosen_people
from workbench.ui.models_library import lineage


@pytest.fixture(scope="module")
def judged(tmp_path_factory, llama_folder):
    """A person judged, and a rule the other way round, of whose verdicts a reward model was made."""
    folder = tmp_path_factory.mktemp("learned")
    store = worlds.project(folder / "project", llama_folder, prompts=12)
    for compares in (False, True):
        carry_out(store, Order("rule", rule="pattern", rule_pattern="lazy over dog", compares=compares))
    name = store.judges.list()[0].name
    base = store.models.list("base")[0].id
    knobs = worlds.REWARD | {"epochs": 1, "whose": name}
    run = running.run_to_end(store, *preparing.prepare(store, "reward", knobs, model_id=base, name="r"))
    assert run.status == "finished"
    yield store, name, base
    store.close()


@pytest.mark.parametrize("method", ["dpo", "orpo", "cpo", "kto", "sft"])
def test_methods_on_stored_judgements_learn_from_a_judge_only_where_it_is_named(judged, method):
    store, name, base = judged

    def counts(whose):
        run, spec = preparing.prepare(store, method, {"whose": whose}, model_id=base)
        return store.runs.count_feedback(run.id), judges_of(store, run), spec.extra

    assert counts("")[1:] == ({}, {}) and counts("you")[1:] == ({}, {})
    people, judges, told = counts(name)
    assert people == 0 and sum(judges.values()) > 0
    assert told == {"judges": judges} and set(judges) == {name}
    with pytest.raises(WorkbenchError, match="Bo has judged nothing here"):
        preparing.prepare(store, method, {"whose": "Bo"}, model_id=base)


def test_the_command_line_names_a_judge_and_says_that_no_person_gave_its_verdicts(judged):
    store, name, _ = judged
    words = ["--epochs", "1", "--rank", "4", "--max-tokens", "64", "--device", "cpu", "--project", str(store.folder)]
    done = CliRunner().invoke(cli, ["train", "reward", "--whose", name, *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert f"verdicts of {name} are in what it learned from; no person gave them." in done.stdout
    done = CliRunner().invoke(cli, ["train", "reward", "--whose", name, "--queue", "--json", *words])
    assert json.loads(done.stdout)["judges"] == {name: 12}
    done = CliRunner().invoke(cli, ["train", "reward", "--queue", "--json", *words])
    assert json.loads(done.stdout)["judges"] == {}


def test_a_run_that_is_run_again_or_goes_on_keeps_what_it_learned_from(judged):
    store, name, _ = judged
    old = store.runs.find("r")
    again = preparing.repeat(store, old.id)
    assert judges_of(store, again) == judges_of(store, old) == {name: 12}
    assert again.spec["extra"] == old.spec["extra"] == {"judges": {name: 12}}


def test_a_bundle_says_it_where_no_row_does_and_nonsense_in_it_is_not_repeated(judged, tmp_path):
    store, name, _ = judged
    bundle = bundling.write(store, "r", tmp_path / "r.zip", with_models=True)
    other, made = unbundling.unbundle(bundle, tmp_path / "fresh")
    assert other.judges.list() == [] and judges_of(other, made.run) == {name: 12}
    for nonsense in ({"a": "b", "\x1b[2J": 3, "m": -1, "n": True}, ["x"], 4):
        other.runs.update(made.run.id, spec={"extra": {"judges": nonsense}})
        assert judges_of(other, other.runs.find(made.run.id)) == {}
    other.close()


def test_the_card_counts_verdicts_of_the_run_and_of_its_reward_model_and_names_no_judge(judged, tmp_path):
    store, name, base = judged
    reward = store.models.find(store.runs.find("r").result_id)
    run = store.runs.add(name="p", method="ppo", options={}, model_id=base, reward_id=reward.id)
    made = store.models.add(
        name="p", kind="adapter", source="run", location=str(tmp_path), parent_id=base, run_id=run.id, hash="p"
    )
    assert "- Judgements by models or rules: 12, not by people" in card(store, reward)
    told = card(store, made)
    assert "- Judgements by models or rules in its reward model: 12, not by people" in told
    assert name not in told and "rule pattern" not in told


def test_lineage_draws_a_judge_as_no_person_and_runs_side_by_side_differ_by_it(judged):
    store, name, base = judged
    nodes = lineage(store, store.models.find(store.runs.find("r").result_id))
    (said,) = (node for node in nodes if node.kind == "people")
    assert said.who == (name,) and said.people == () and not said.human
    plain, _ = preparing.prepare(store, "reward", worlds.REWARD, model_id=base)
    found = dict(comparing.compare(store, [store.runs.find("r").id, plain.id]).settings)
    assert found[f"verdicts of {name}"] == (12, None)


def test_names_with_commas_in_them_are_found():
    known = ["Doe, Jane", "you", "judge: m (rubric 3f2a)"]
    assert chosen_people("you,Doe, Jane, judge: m (rubric 3f2a)", known) == ["you", "Doe, Jane", known[2]]
    assert chosen_people(" , ", known) is None
