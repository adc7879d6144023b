"""Where rewards come from: rules, a function of one's own, a reward model, and their weighted sum."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import FP32
from tests.methods import worlds
from tests.methods.test_ppo import scorer  # noqa: F401
from tests.methods.test_resuming import assert_same_end
from workbench.errors import WorkbenchError
from workbench.events import Metrics, Saved
from workbench.feedback.base import Demonstration, Prompt
from workbench.methods import ppo
from workbench.methods.base import Data, NoScore, options_from
from workbench.methods.rewarding import (
    FUNCTION_FILE,
    Rewards,
    final_answer,
    finds,
    function_of,
    matches,
    near_length,
    needs_reward,
    right,
)

QUICK = {
    "steps": 2, "batch_size": 4, "max_new_tokens": 8, "rank": 4, "temperature": 1.0, "human_every": 0, "device": "cpu",
    "dtype": "float32",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("She has 3 apples and 4 pears, so 7 in all.", "7"),
        ("5 + 5 = 10\n#### 10", "10"),
        ("#### 1,250", "1250"),
        ("The price is $1,250.00.", "1250"),
        ("It is -3.50", "-3.5"),
        ("#### 18 (not 20)", "18"),
        ("Paris ", "paris"),
    ],
)  # fmt: skip
def test_what_an_answer_comes_to(text, answer):
    assert final_answer(text) == answer


def test_right_compares_final_answers_and_nothing_else():
    assert right("", "So it is 42.", "long reasoning with 7 steps\n#### 42") == 1
    assert right("", "So it is 41.", "#### 42") == 0
    assert right("", "42", None) == 0


def test_near_length_falls_with_the_distance_and_counts_characters_of_chinese():
    score = near_length(4)
    assert [score("", text, None) for text in ("a b c d", "a b", "", "a " * 40)] == [1.0, 0.5, 0.0, -1.0]
    assert score("", "\u4f60\u597d\u4e16\u754c", None) == 1.0


def test_a_pattern_is_found_anywhere():
    assert [finds("ki?nd")("", text, None) for text in ("so kind", "knd", "KIND")] == [1.0, 1.0, 0.0]


def test_a_pattern_that_is_to_match_matches_all_of_an_answer():
    assert [matches("ye?s|no")("", text, None) for text in ("yes", " no\n", "yes, no", "Yes")] == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"rule": "pattern"}, "there is none"), ({"rule": "match", "rule_pattern": "(a"}, "no regular expression")],
)
def test_a_rule_that_lacks_what_it_needs_is_refused_before_anything_loads(options, words):
    with pytest.raises(WorkbenchError, match=words):
        options_from(ppo.Options, options)


def test_a_reward_model_is_needed_only_where_nothing_else_gives_a_reward():
    assert needs_reward({}) and needs_reward({"rule": "none", "function": ""})
    assert not needs_reward({"rule": "length"}) and not needs_reward({"function": "mine.py"})
    assert needs_reward({"rule": "length", "rule_weight": 0.0})


# --- a function of one's own -----------------------------------------------------------------------------------------


def written(folder, text):
    path = folder / FUNCTION_FILE
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_function_sees_prompt_answer_and_reference(tmp_path):
    function = function_of(
        written(tmp_path, "def reward(prompt, answer, reference):\n    return len(prompt + answer + reference)")
    )
    assert function("ab", "c", "def") == 6.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def score(a): return 1", "no function called reward"),
        ("1 / 0", "ZeroDivisionError"),
        ("def reward(p, a, r): return float('nan')", "no number"),
        ("def reward(p, a, r): return 'good'", "no number"),
        ("def reward(p, a, r): return a[100]", "IndexError"),
        ("def reward(p, a, r): return 1j", "no number"),
        ("def reward(p, a, r): exit()", "SystemExit"),
    ],
)
def test_a_function_that_does_not_do_is_told_in_one_sentence(tmp_path, text, words):
    with pytest.raises(WorkbenchError, match=words) as caught:
        function_of(written(tmp_path, text))("a prompt", "an answer", None)
    assert isinstance(caught.value, NoScore) == ("'an answer' to the prompt 'a prompt'" in caught.value.text)


def test_a_function_may_give_any_real_number(tmp_path):
    text = "import numpy\ndef reward(p, a, r):\n    return numpy.float32(0.5) if a else True"
    function = function_of(written(tmp_path, text))
    assert [function("", "an answer", None), function("", "", None)] == [0.5, 1.0]


def test_a_function_that_fails_in_a_later_round_leaves_no_half_step_and_what_was_learned(llama_folder, tmp_path):
    text = "n = [0]\ndef reward(p, a, r):\n    n[0] += 1\n    return n[0] % 2 if n[0] <= {} else None"
    options = ppo.Options(**QUICK | {"function": "mine.py"})
    for name, last in (("whole", 4), ("cut", 6)):  # after the first round, and in the middle of the second
        written(tmp_path / name, text.format(last))
        events = ppo.train(worlds.job(tmp_path / name, llama_folder, data=Data(prompts=worlds.prompts())), options)
        seen: list[object] = []
        with pytest.raises(NoScore, match="no number"):
            seen.extend(iter(lambda: next(events), None))  # noqa: B023
        assert [event.step for event in seen if isinstance(event, Metrics)] == [1]
        assert [event.kind for event in seen if isinstance(event, Saved)] == ["adapter", "checkpoint"]
    assert_same_end(tmp_path / "whole", tmp_path / "cut")


def test_a_function_that_fails_in_the_first_round_leaves_nothing(llama_folder, tmp_path):
    written(tmp_path, "def reward(p, a, r): return None")
    events = ppo.train(
        worlds.job(tmp_path, llama_folder, data=Data(prompts=worlds.prompts())),
        ppo.Options(**QUICK | {"function": "mine.py"}),
    )
    with pytest.raises(NoScore):
        list(events)
    assert not (tmp_path / "adapter").exists()


# --- sums ------------------------------------------------------------------------------------------------------------


def test_the_reward_is_the_weighted_sum_and_each_part_is_told(llama_folder, scorer, tmp_path):  # noqa: F811
    written(tmp_path, "def reward(prompt, answer, reference):\n    return len(answer)")
    weights = {"model_weight": 0.5, "rule_weight": 2.0, "function_weight": -0.1}
    rules = {"rule": "pattern", "rule_pattern": "a", "function": "mine.py"}
    job = worlds.job(tmp_path, llama_folder, data=Data(prompts=worlds.prompts()), reward=scorer)
    trial = ppo.Run(job, ppo.Options(**QUICK | weights | rules), FP32)
    rollout = trial.roll_out()
    by_model = trial.model_scores(rollout.prompts, rollout.texts)
    found = torch.tensor([float("a" in text) for text in rollout.texts])
    lengths = torch.tensor([float(len(text)) for text in rollout.texts])
    assert torch.allclose(rollout.scores, 0.5 * by_model + 2.0 * found - 0.1 * lengths, atol=1e-5)
    values = trial.learn(rollout)
    assert values["reward/rule"] == pytest.approx(float(found.mean()))
    assert values["reward/function"] == pytest.approx(float(lengths.mean()))
    assert (values["weight/model"], values["weight/rule"], values["weight/function"]) == (0.5, 2.0, -0.1)


def test_the_exact_rule_asks_only_prompts_with_a_reference_answer(llama_folder, tmp_path):
    prompts = worlds.prompts()
    known = tuple(Demonstration(each.prompt_id, each.messages, "#### 4") for each in prompts[:3])
    options = ppo.Options(**QUICK | {"rule": "exact"})
    job = worlds.job(tmp_path, llama_folder, data=Data(prompts=prompts, demonstrations=known))
    assert [each.prompt_id for each in ppo.Run(job, options, FP32).prompts] == [each.prompt_id for each in prompts[:3]]
    with pytest.raises(WorkbenchError, match="No prompt has a reference answer"):
        ppo.Run(worlds.job(tmp_path, llama_folder, data=Data(prompts=prompts)), options, FP32)


@pytest.mark.parametrize("options", [{}, {"rule": "length", "rule_weight": 0.0}])
def test_without_any_reward_a_run_says_so_before_it_loads_a_model(tmp_path, options):
    job = worlds.job(tmp_path, tmp_path / "there is no model here", data=Data(prompts=worlds.prompts()))
    with pytest.raises(WorkbenchError, match="Nothing says what an answer is worth"):
        ppo.Run(job, ppo.Options(**QUICK | options), FP32)


def test_a_source_without_weight_is_told_of_and_changes_nothing(llama_folder, tmp_path):
    job = worlds.job(tmp_path, llama_folder, data=Data(prompts=worlds.prompts()))
    written(tmp_path, "def reward(prompt, answer, reference):\n    return 7")
    watched = {"rule": "length", "function": "mine.py", "function_weight": 0.0}
    trial = ppo.Run(job, ppo.Options(**QUICK | watched), FP32)
    rollout = trial.roll_out()
    assert torch.equal(rollout.scores, rollout.parts[:, 0])
    assert trial.learn(rollout)["reward/function"] == 7


def test_a_judge_and_a_function_read_what_was_said_before():
    seen = []

    def source(items, check):
        seen.extend(item.prompt for item in items)
        return [0.0] * len(items)

    turns = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "And now?"})
    prompts = [Prompt("a", ({"role": "user", "content": "Hello"},), "train"), Prompt("b", turns, "train")]
    Rewards({"judge": source}, {"judge": 1.0}).of_texts("judge", prompts, ["x", "y"], lambda: None)
    assert seen == ["Hello", "System: Be brief.\n\nUser: And now?"]
