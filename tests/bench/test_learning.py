"""Learning beside TRL: the arithmetic on hand numbers, and whole comparisons with a tiny model."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
import torch

from workbench.bench import learning, learning_curves, learning_rule, learning_side, learning_words, plotting
from workbench.errors import WorkbenchError

SIZES = {
    "seeds": 1,
    "iterations": 2,
    "every": 1,
    "samples": 8,
    "new_tokens": 4,
    "rank": 2,
    "evaluation_samples": 1,
    "device": "cpu",
    "dtype": "float32",
}
ALL = (learning.OURS, learning.GRPO, learning.RLOO)


def quiet(text: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def finished(llama_folder, tmp_path_factory):
    """A whole comparison of all three sides, with its options."""
    folder = tmp_path_factory.mktemp("learn")
    options = learning.Options(str(llama_folder), sides=ALL, folder=str(folder), jobs=2, **SIZES)
    return options, learning.compare(options, quiet)


def test_a_glad_word_counts_once_and_whatever_its_case():
    assert learning_rule.score("Happy happy HAPPY, happy!") == 1
    assert learning_rule.score("A lovely, warm day: unhappy people smile.") == 3
    assert learning_rule.score("") == 0


def test_the_held_out_prompts_are_others():
    assert not set(learning_rule.TRAIN) & set(learning_rule.HELD_OUT)
    assert len(set(learning_rule.TRAIN)) == 32
    assert len(set(learning_rule.HELD_OUT)) == 16


def points(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [
        {"kl": kl, "reward": reward, "samples": 16 * place, "seconds": 2.0 * place, "cpu_seconds": 1.0 * place}
        for place, (kl, reward) in enumerate(pairs)
    ]


def test_a_curve_is_in_the_order_of_kl():
    assert learning_curves.curve(points((0, 1), (4, 3), (2, 2), (4, 5))) == [(0, 1), (2, 2), (4, 4)]


def test_reward_lies_straight_between_two_points():
    line = [(0.0, 1.0), (2.0, 2.0), (6.0, 6.0)]
    assert [learning_curves.reward_at(kl, line) for kl in (0, 1, 2, 3, 6)] == [1, 1.5, 2, 3, 6]
    assert math.isnan(learning_curves.reward_at(6.1, line))


def test_sides_are_compared_where_all_of_them_have_been():
    runs = [
        {"side": "ours", "points": points((0, 0), (4, 8))},
        {"side": "ours", "points": points((0, 0), (8, 8))},
        {"side": "grpo", "points": points((0, 0), (10, 5))},
    ]
    table = learning_curves.at_equal_kl(runs)
    assert [row["kl"] for row in table["ours"]] == [0.5 * step for step in range(1, 9)]
    assert table["ours"][-1] == {"kl": 4.0, "mean": 6.0, "low": 4.0, "high": 8.0}
    assert table["grpo"][-1] == {"kl": 4.0, "mean": 2.0, "low": 2.0, "high": 2.0}
    gap = learning_curves.advantage(table, "ours")["grpo"]
    assert gap == pytest.approx({"mean": 2.25, "least": 0.5, "most": 4.0})
    after = learning_curves.at_equal_samples(runs)["ours"][1]
    assert after == {"samples": 16, "mean": 8.0, "low": 8.0, "high": 8.0, "kl": 6.0, "seconds": 2.0, "cpu_seconds": 1.0}


def test_kl_of_an_untouched_adapter_is_zero_and_of_a_changed_one_what_samples_say(llama):
    from workbench.lm.batching import Row
    from workbench.lm.generating import Sampler, sample_all
    from workbench.lm.policy import PolicyModel
    from workbench.lm.reading import gather

    policy = PolicyModel(llama, rank=2, alpha=4.0, dropout=0.0, temperature=0.7)
    ids = [llama.template.prompt_ids(({"role": "user", "content": "the quick fox"},))] * 800

    def rows():
        drafts = sample_all(llama, ids, Sampler(0.7, 1.0, 0, max_new_tokens=3), list(range(len(ids))))
        return [Row(tuple(prompt), tuple(draft.ids)) for prompt, draft in zip(ids, drafts, strict=True)]

    assert learning_side.kl_of(llama, rows()[:4], 0.7) == pytest.approx([0.0] * 4, abs=1e-6)
    torch.manual_seed(0)
    for weight in policy.adapter_parameters():
        weight.data.normal_(std=0.3)
    answers = rows()
    batch = gather(llama, answers)
    with torch.no_grad():
        gaps = (policy.read(batch).logp - policy.reference(batch)).sum(1)
    found = torch.tensor(learning_side.kl_of(llama, answers, 0.7))
    assert (found >= 0).all()
    assert found.mean() > 0.05
    assert abs(float(found.mean() - gaps.mean())) < 4 * float(gaps.std()) / len(ids) ** 0.5
    assert found.std() < gaps.std()


def test_all_sides_run_and_are_measured_alike(finished):
    options, found = finished
    assert [(run["side"], run["seed"]) for run in found["runs"]] == [(side, 1) for side in ALL]
    for run in found["runs"]:
        assert [point["samples"] for point in run["points"]] == [0, 8, 16]
        assert run["points"][0]["kl"] == 0
        # The tiny model knows no glad word: what moves ours is its KL penalty, and TRL's sides see nothing to learn.
        assert all((point["kl"] > 0) == (run["side"] == learning.OURS) for point in run["points"][1:])
        assert all(0 <= point["reward"] <= options.new_tokens for point in run["points"])
        assert len(run["rewards_while_learning"]) == 2
    assert found["ours"]["trains"]["LoRA r=2"] == found["theirs"]["grpo"]["trains"]["LoRA r=2"]
    for side in ("grpo", "rloo"):
        about = found["theirs"][side]["about"]
        assert (about["beta"], about["learning_rate"], about["gradient_checkpointing"]) == (0.05, 3e-4, False)
    assert "loss_type dapo" in learning_words.words(found)
    assert "TRL RLOO at equal KL" in learning_words.words(found)


def test_finished_runs_are_not_repeated(finished):
    options, found = finished
    said: list[str] = []
    again = learning.compare(options, said.append)
    assert again == found
    assert said == ["starting reward"]
    more = learning.compare(replace(options, sides=(learning.OURS,), seeds=2), quiet)
    assert [run["seed"] for run in more["runs"]] == [1, 2]
    assert more["runs"][0] == found["runs"][0]


def test_a_report_runs_nothing(finished, tmp_path):
    options, _ = finished
    said: list[str] = []
    report = learning.compare(replace(options, only_report=True, sides=ALL[:2], seeds=3), said.append)
    assert [run["side"] for run in report["runs"] if run["seed"] == 1] == list(ALL[:2])
    assert report["theirs"]["grpo"]["seeds"] == [1]
    assert said == []
    with pytest.raises(WorkbenchError, match="No run of ours"):
        learning.compare(replace(options, only_report=True, folder=str(tmp_path)), quiet)


def test_two_processes_lose_no_run_of_each_other(tmp_path):
    one, other = learning.Book(tmp_path, {"beta": 0.05}), learning.Book(tmp_path, {"beta": 0.05})
    one.keep("base", {"reward": 1.0})
    one.keep("ours-1", {"seed": 1})
    other.keep("grpo-1", {"seed": 1})
    one.keep("ours-2", {"seed": 2})
    assert set(learning.Book(tmp_path, {"beta": 0.05}).found["runs"]) == {"ours-1", "grpo-1", "ours-2"}


def test_another_rate_for_one_side_leaves_the_others_alone(finished):
    options, _ = finished
    other = replace(options, rate_ours=1e-3, knobs=("lam=1",))
    assert other.name(learning.OURS, 1) != options.name(learning.OURS, 1)
    assert other.name(learning.GRPO, 1) == options.name(learning.GRPO, 1)
    with pytest.raises(WorkbenchError, match="No run of ours"):
        learning.compare(replace(other, only_report=True), quiet)


def test_other_settings_are_not_mixed_in(finished):
    options, _ = finished
    with pytest.raises(WorkbenchError, match="other settings"):
        learning.compare(replace(options, beta=0.5), quiet)


def test_sizes_that_cannot_be_shared_are_refused():
    with pytest.raises(WorkbenchError, match="groups of 4"):
        learning.compare(learning.Options(samples=6), quiet)
    with pytest.raises(WorkbenchError, match="would not be measured"):
        learning.compare(learning.Options(iterations=7), quiet)


def test_a_stopped_run_is_not_kept(llama_folder, tmp_path):
    options = learning.Options(str(llama_folder), folder=str(tmp_path), **SIZES)

    def interrupt(text: str) -> None:
        if "iteration 1" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learning.compare(options, interrupt)
    kept = json.loads((tmp_path / "results.json").read_text())
    assert kept["base"]["kl"] == 0
    assert kept["runs"] == {}


def test_the_drawing_has_a_line_for_every_run(finished):
    _, found = finished
    root = ET.fromstring(learning.drawing(found))
    lines = root.findall("{*}polyline")
    assert len([line for line in lines if line.get("class") == "run"]) == len(found["runs"])
    assert len([line for line in lines if line.get("class") == "mean"]) == len(ALL)
    texts = {text.text for text in root.findall("{*}text")}
    assert {"ours (PPO), 1 seed", "TRL GRPO, 1 seed", "TRL RLOO, 1 seed", "KL to the base, nats an answer"} <= texts


def test_a_drawing_places_points_on_its_axes():
    drawn = plotting.svg("a < b", "x", "y", [plotting.Series("one", [[(0, 0), (10, 4)]], [])])
    root = ET.fromstring(drawn)
    (line,) = root.findall("{*}polyline")
    left, right = plotting.LEFT, plotting.WIDTH - plotting.RIGHT
    assert line.get("points") == f"{left}.0,{plotting.HEIGHT - plotting.BOTTOM}.0 {right}.0,{plotting.TOP}.0"
    assert root.findtext("{*}title") == "a < b"
