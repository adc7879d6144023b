"""Reward training from whole rankings: they reach the loss as lists, and a pair is a list of two."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from tests.methods import worlds
from workbench.events import Event, Finished, Metrics
from workbench.feedback.base import Pair, Ranking
from workbench.feedback.listing import of_pair
from workbench.lm.batching import Row
from workbench.methods import reward, reward_lists
from workbench.methods.base import Data

QUICK: dict[str, Any] = {
    "epochs": 6,
    "learning_rate": 5e-3,
    "rank": 4,
    "max_tokens": 64,
    "device": "cpu",
    "dtype": "float32",
}


def run(job: Any, **options: Any) -> list[Event]:
    return list(reward.train(job, reward.Options(**QUICK | options)))


def ranked(count: int, held: int) -> Data:
    """Rankings of three and the pairs that a conversion makes of them: the more often "kind", the better."""
    draw = random.Random(3)
    rankings, pairs = [], []
    for index in range(count + held):
        a, b = draw.sample([word for word in worlds.WORDS if word != "kind"], 2)
        texts = (f"kind {a} kind", f"{a} kind {b}", f"{a} {b} {a}")
        split = "held_out" if index >= count else "train"
        about: dict[str, Any] = {"prompt_id": f"p{index}", "messages": worlds.messages(f"say {a}"), "split": split}
        sources = (f"r{index}",)
        rankings.append(Ranking(groups=tuple((text,) for text in texts), sources=sources, **about))
        pairs += [
            Pair(chosen=texts[i], rejected=texts[j], margin=float(j - i), sources=sources, **about)
            for i in range(3)
            for j in range(i + 1, 3)
        ]
    return Data(pairs=tuple(pairs), rankings=tuple(rankings))


@pytest.mark.parametrize("loss", ["logistic", "hinge", "listwise_hinge", "plackett_luce"])
@pytest.mark.parametrize("use_margin", [False, True])
def test_every_loss_learns_from_rankings(llama_folder, tmp_path, loss, use_margin):
    events = run(worlds.job(tmp_path, llama_folder, data=ranked(24, 8)), loss=loss, use_margin=use_margin)
    summary = events[-1].summary  # type: ignore[attr-defined]
    assert summary["accuracy"] > 0.9
    assert summary["lists"] == (24 if loss in reward.LISTWISE else 72)
    assert (summary["pairs"], summary["held_out_pairs"]) == (72, 24)


@pytest.mark.parametrize(("whole", "pairwise"), [("plackett_luce", "logistic"), ("listwise_hinge", "hinge")])
@pytest.mark.parametrize("use_margin", [False, True])
def test_on_pairs_alone_a_listwise_loss_is_the_pairwise_one(llama_folder, tmp_path, whole, pairwise, use_margin):
    data = Data(pairs=worlds.pairs(8, 4))
    runs = [
        run(worlds.job(tmp_path / loss, llama_folder, data=data), loss=loss, epochs=2, use_margin=use_margin)
        for loss in (whole, pairwise)
    ]
    curves = [[event.values for event in events if isinstance(event, Metrics)] for events in runs]
    for ours, theirs in zip(*curves, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_micro_batches_change_memory_and_not_the_step(llama_folder, tmp_path):
    data = ranked(8, 4)
    pair = Pair("p0", worlds.messages("say fox"), "kind dog", "dog", sources=("f",))
    data = Data(pairs=(*data.pairs, pair), rankings=data.rankings)
    curves = []
    for micro in (1024, 32):
        job = worlds.job(tmp_path / str(micro), llama_folder, data=data)
        events = run(job, loss="plackett_luce", epochs=1, batch_size=9, micro_tokens=micro)
        curves.append([event.values for event in events if isinstance(event, Metrics) and event.step])
        assert isinstance(events[-1], Finished)
    assert len(curves[0]) == 1
    for name in ("loss/train", "accuracy/train", "margin/train", "reward/std", "grad/norm"):
        assert curves[0][0][name] == pytest.approx(curves[1][0][name], rel=1e-3), name


def test_micro_batches_hold_similar_lengths_and_no_more_tokens_than_asked():
    """What answers share counts once: list 2 is list 0 with another second answer."""

    class Lengths:
        def length(self, item):
            return len(item)

    lists = [of_pair(Pair(prompt, (), "a", "b")) for prompt in "pqpr"]
    prompt = (1, 2, 3)
    items = {
        0: [Row(prompt, (4,) * 5), Row(prompt, (5,) * 2)],
        1: [Row((7,), (8,)), Row((7,), (9,))],
        2: [Row(prompt, (4,) * 5), Row(prompt, (6,) * 3)],
        3: [[1, 2], [3]],  # a classifier's tokens share nothing
    }
    model: Any = Lengths()
    assert list(reward_lists.micro_batches(lists, items, model, 13)) == [[1, 3], [0, 2]]
    assert list(reward_lists.micro_batches(lists, items, model, 12)) == [[1, 3], [0], [2]]
    assert list(reward_lists.micro_batches(lists, items, model, 1)) == [[1], [3], [0], [2]]


def test_scores_and_ranks_stand_where_the_lists_say():
    class Counting:
        """Scores an item by its own number, and remembers what it was asked to read."""

        read: list[int] = []

        def scores(self, items: list[int]) -> torch.Tensor:
            self.read = list(items)
            return torch.tensor(items, dtype=torch.float32)

    lists = [Ranking("p", (), (("a",), ("b", "c"))), of_pair(Pair("p", (), "c", "a"))]
    model: Any = Counting()
    scores, ranks = reward_lists.scores_of(model, lists, [[7, 5, 3], [3, 7]])
    assert model.read == [7, 5, 3]  # the answers that two lists share are read once
    assert ranks.tolist() == [[0, 1, 1], [0, 1, -1]]
    assert scores[0].tolist() == [7, 5, 3]
    assert scores[1, :2].tolist() == [3, 7]


def test_a_margin_grows_with_the_ranks_between():
    options = reward.Options(loss="listwise_hinge", use_margin=True, center=0.0)
    lists = [Ranking("p", (), (("a",), ("b",), ("c",)))]
    scores, ranks = torch.tensor([[2.0, 1.0, 0.5]]), torch.tensor([[0, 1, 2]])
    # gaps 1, 0.5 and 1.5 where 1, 1 and 2 are asked
    assert float(reward_lists.loss_of(options, lists, scores, ranks)) == pytest.approx(0.0 + 0.5 + 0.5)
