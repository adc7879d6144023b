"""People with opposite tastes: a model that knows who judged is right for both, one that does not cannot be."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import FP32
from tests.methods import worlds
from tests.methods.test_resuming import OFTEN, assert_same_tensors, cut_off, told
from workbench.errors import WorkbenchError
from workbench.events import Finished, Metrics, Saved, Warned
from workbench.feedback.base import Pair
from workbench.lm.refs import ModelRef
from workbench.lm.scoring import AdapterReward, encode_all, load_reward, score_all
from workbench.lm.tastes import Tastes
from workbench.methods import reward
from workbench.methods.base import Data
from workbench.methods.reward_people import people_words
from workbench.methods.whose import chosen_people

QUICK = {"epochs": 3, "learning_rate": 5e-3, "rank": 4, "max_tokens": 64, "device": "cpu", "dtype": "float32"}


def opposite(count: int = 32, held: int = 12) -> tuple[Pair, ...]:
    """Ada likes the answers that hold "kind", Bo likes the others: each judged every pair."""
    ada = [dataclasses.replace(pair, who="Ada") for pair in worlds.pairs(count, held)]
    bo = [dataclasses.replace(pair, chosen=pair.rejected, rejected=pair.chosen, who="Bo") for pair in ada]
    return tuple(pair for both in zip(ada, bo, strict=True) for pair in both)


def run(folder, model, data=None, **options):
    data = data or Data(pairs=opposite())
    return list(reward.train(worlds.job(folder, model, data=data), reward.Options(**QUICK | options)))


def ended(events) -> dict[str, Any]:
    assert isinstance(events[-1], Finished)
    return events[-1].summary


def loaded(folder, model) -> AdapterReward:
    found = load_reward(ModelRef(str(model), adapter=str(folder), kind="reward"), FP32)
    assert isinstance(found, AdapterReward)
    return found


@pytest.fixture(scope="module")
def outcome(llama_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tastes")
    return folder, run(folder, llama_folder, tastes=2)


def test_both_are_right_with_a_taste_each_and_half_are_without(outcome, llama_folder, tmp_path):
    summary = ended(outcome[1])
    assert summary["accuracy"] > 0.9
    assert {each["name"]: (each["accuracy"] > 0.9, each["pairs"]) for each in summary["people"]} == {
        "Ada": (True, 12),
        "Bo": (True, 12),
    }
    assert summary["accuracy_without_person"] == pytest.approx(0.5)
    assert sum(each["without_person"] for each in summary["people"]) == pytest.approx(1.0)
    plain = ended(run(tmp_path, llama_folder))
    assert plain["accuracy"] == pytest.approx(0.5)
    assert "people" not in plain


def test_the_curves_show_both(outcome):
    values = [
        event.values for event in outcome[1] if isinstance(event, Metrics) and "accuracy/held_out" in event.values
    ]
    assert all(each["accuracy/without_person"] == pytest.approx(0.5) for each in values)
    assert (values[-1]["accuracy/held_out"] or 0) > 0.9


def test_what_was_found_is_said_a_line_a_person(outcome):
    lines = people_words(ended(outcome[1]))
    assert [line.split(":")[0].strip() for line in lines] == ["Ada", "Bo"]
    assert all("if it does not know who judged" in line for line in lines)
    assert people_words({}) == []


def test_the_saved_model_knows_the_people_and_scores_by_their_tastes(outcome, llama_folder):
    folder, events = outcome
    saved = next(event for event in events if isinstance(event, Saved))
    assert json.loads((folder / "reward" / "reward.json").read_text())["knows"] == ["Ada", "Bo"]
    model = loaded(saved.path, llama_folder)
    held = [pair for pair in opposite() if pair.split == "held_out" and pair.who == "Ada"]
    items = encode_all(model, [(p.messages, text) for p in held for text in (p.chosen, p.rejected)])
    right = {}
    for who in ("", "Ada", "Bo"):
        model.lean_to(who)
        scores = score_all(model, items)
        right[who] = float((scores[0::2] > scores[1::2]).float().mean())
    assert right["Ada"] > 0.9
    assert right["Bo"] < 0.1
    with pytest.raises(WorkbenchError, match="does not know Cy") as caught:
        model.lean_to("Cy")
    assert "Ada, Bo" in caught.value.hint


def test_a_model_that_knows_one_taste_says_so(llama_folder, tmp_path):
    run(tmp_path, llama_folder, epochs=1)
    with pytest.raises(WorkbenchError, match="does not tell people apart"):
        loaded(tmp_path / "reward", llama_folder).lean_to("Ada")


@pytest.mark.parametrize("k", [1, 3])
def test_a_run_with_tastes_goes_on_bit_for_bit(llama_folder, tmp_path, k):
    chosen = {"tastes": 2, "epochs": 1, "batch_size": 8, "evaluations": 2, "checkpoint_minutes": OFTEN, "dropout": 0.2}
    data = Data(pairs=opposite(16, 6))

    def begin(name, **fields):
        job = worlds.job(tmp_path / name, llama_folder, data=data, **fields)
        return reward.train(job, reward.Options(**QUICK | chosen))

    whole = list(begin("whole"))
    cut_off(begin("cut"), k)
    torch.manual_seed(99)
    rest = list(begin("cut", resumes=True))
    assert told(rest, after=k) == told(whole, after=k)
    assert rest[-1] == whole[-1]
    first, second = (load_file(tmp_path / name / "reward" / "reward_head.safetensors") for name in ("whole", "cut"))
    assert_same_tensors(first, second)
    assert {"places", "directions"} <= set(first)


def test_rankings_are_learned_by_person_too(llama_folder, tmp_path):
    events = run(tmp_path, llama_folder, tastes=1, loss="plackett_luce")
    assert ended(events)["accuracy"] > 0.9


def test_one_person_alone_has_no_taste_to_tell_apart(llama_folder, tmp_path):
    alone = tuple(pair for pair in opposite(8, 4) if pair.who == "Ada")
    with pytest.raises(WorkbenchError, match="two people or more"):
        run(tmp_path, llama_folder, Data(pairs=alone), tastes=2)


def test_an_encoder_knows_one_taste_and_says_so(bert_folder, tmp_path):
    events = run(tmp_path, bert_folder, Data(pairs=opposite(8, 4)), tastes=2, epochs=1)
    assert next(event.topic for event in events if isinstance(event, Warned)) == "tastes"
    assert "people" not in ended(events)


def test_a_few_judgements_move_a_person_little_from_everybody():
    """The fitted places: somebody with hardly a judgement stands near zero, somebody who is apart stands apart."""
    torch.manual_seed(0)
    differences = torch.randn(200, 6) + torch.tensor([2.0, 0, 0, 0, 0, 0])
    differences[100:198, 1] += 2.0  # Bo also wants the second feature, Ada does not care
    who = ["Ada"] * 100 + ["Bo"] * 98 + ["Cy"] * 2
    tastes = Tastes(["Ada", "Bo", "Cy"], 2, 6)
    tastes.fit(differences.numpy(), who, 0.1)
    leanings = (tastes.places @ tastes.directions).detach()
    assert leanings[1, 1] > 0.05
    assert float(leanings[2].norm()) < 0.5 * float(leanings[1].norm())
    assert torch.equal(tastes.of(["Nobody"])[0], torch.zeros(2))


@pytest.mark.parametrize(
    ("whose", "found"),
    [("", None), (" , ", None), ("Ada", ["Ada"]), (" Ada, Bo", ["Ada", "Bo"]), ("Cy, the first", ["Cy, the first"])],
)
def test_people_are_named_with_commas_between(whose, found):
    assert chosen_people(whose, ["Ada", "Bo", "Cy, the first", ""]) == found


def test_a_stranger_is_refused_with_the_names_that_there_are():
    with pytest.raises(WorkbenchError, match="Dee has judged nothing") as caught:
        chosen_people("Ada, Dee", ["Ada", "Bo"])
    assert caught.value.hint == "Judged have: Ada, Bo."
