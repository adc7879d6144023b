"""The first batch as the model sees it: all tokens in their order, and what the loss reads of them."""

import pytest

from tests.conftest import FP32
from tests.methods import worlds
from workbench.events import Finished, FirstBatch, Metrics, Started, from_line, to_line
from workbench.feedback.base import Ranking
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef
from workbench.methods import METHODS, reward
from workbench.methods.base import Data
from workbench.methods.seeing import MOST_ROWS, first_batch, tokens_of

QUICK = {"epochs": 1, "rank": 4, "max_tokens": 64, "device": "cpu", "dtype": "float32", "batch_size": 3}


def texts(row, read=None):
    return "".join(text for text, learned, _ in row["tokens"] if read is None or learned == read)


def test_a_reward_run_tells_the_batch_that_its_first_step_takes(llama_folder, tmp_path):
    pairs = worlds.pairs(9, 4)
    job = worlds.job(tmp_path, llama_folder, data=Data(pairs=pairs))
    events = list(reward.train(job, reward.Options(**QUICK)))
    kinds = [type(event) for event in events]
    assert kinds.index(Started) < kinds.index(FirstBatch) < kinds.index(Metrics)
    batch = next(event for event in events if isinstance(event, FirstBatch))
    assert [row["title"] for row in batch.rows] == ["chosen", "rejected"] * 3
    run = reward.Run(job, reward.Options(**QUICK), FP32)
    expected = [pairs[index] for index in run._batches()[0]]
    for place, pair in enumerate(expected):
        chosen, rejected = batch.rows[2 * place : 2 * place + 2]
        assert texts(chosen, read=True).startswith(pair.chosen) and texts(rejected, read=True).startswith(pair.rejected)
        assert pair.messages[0]["content"] in texts(chosen, read=False)
        assert chosen["tokens"][-1][1:] == [True, True]  # the end token is read, and special


def test_a_look_ends_before_anything_is_learned(llama_folder, tmp_path):
    job = worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs(9, 4)), only_looks=True)
    events = list(reward.train(job, reward.Options(**QUICK)))
    assert isinstance(events[-2], FirstBatch) and events[-1] == Finished()
    assert not any(isinstance(event, Metrics) for event in events)
    assert not (tmp_path / "reward").exists()


def test_ranks_of_a_list_are_told(llama_folder, tmp_path):
    ranking = Ranking("p0", worlds.messages("say fox"), (("fox dog",), ("lazy", "quick"), ("over",)), sources=("r",))
    data = Data(pairs=worlds.pairs(4, 4), rankings=(ranking,))
    job = worlds.job(tmp_path, llama_folder, data=data, only_looks=True)
    events = list(reward.train(job, reward.Options(**QUICK | {"loss": "plackett_luce", "batch_size": 9})))
    titles = [row["title"] for event in events if isinstance(event, FirstBatch) for row in event.rows]
    assert ["rank 1", "rank 2", "rank 2", "rank 3"] in [titles[at : at + 4] for at in range(len(titles))]


def test_an_encoder_reads_the_whole(bert_folder, tmp_path):
    job = worlds.job(tmp_path, bert_folder, data=Data(pairs=worlds.pairs(9, 4)), only_looks=True)
    batch = list(reward.train(job, reward.Options(**QUICK)))[-2]
    assert isinstance(batch, FirstBatch)
    assert all(read for row in batch.rows for _, read, _ in row["tokens"])
    assert "whole" in batch.note


def test_tokens_that_hold_a_character_together_are_told_as_the_character(gpt2_folder):
    tokenizer = load(ModelRef(str(gpt2_folder)), FP32).tokenizer
    ids = tokenizer("a 漢 b", add_special_tokens=False)["input_ids"]
    assert "".join(text for text, _, _ in tokens_of(tokenizer, ids, [True] * len(ids))) == "a 漢 b"
    cut = ids[: next(at for at in range(len(ids)) if "\ufffd" in tokenizer.decode(ids[: at + 1])) + 1]
    shown = [text for text, _, _ in tokens_of(tokenizer, cut, [True] * len(cut))]
    assert len(shown) == len(cut) and shown[-1] and "\ufffd" not in "".join(shown)


def test_a_large_batch_is_told_in_part_and_travels_as_a_line(llama_folder):
    tokenizer = load(ModelRef(str(llama_folder)), FP32).tokenizer
    batch = first_batch(tokenizer, [("prompt", [1, 2], [False, True])] * (MOST_ROWS + 5), "what the loss reads")
    assert (len(batch.rows), batch.left_out) == (MOST_ROWS, 5)
    assert from_line(to_line(batch)) == batch


@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_an_on_policy_run_tells_the_prompts_of_its_first_round(llama_folder, tmp_path, name):
    prompts = worlds.prompts()
    job = worlds.job(tmp_path, llama_folder, data=Data(prompts=prompts), only_looks=True)
    method = METHODS[name]
    options = method.Options(rule="length", batch_size=4, device="cpu", dtype="float32", rank=4)
    events = list(method.train(job, options))
    batch = next(event for event in events if isinstance(event, FirstBatch))
    assert events[-1] == Finished() and not any(isinstance(event, Metrics) for event in events)
    trial = method.Run(job, options, FP32)  # type: ignore[attr-defined]
    trial.first_batch()
    first = dict.fromkeys(prompt.messages[0]["content"] for prompt in trial.next_prompts())
    assert len(batch.rows) == len(first)
    assert all(words in texts(row, read=False) for words, row in zip(first, batch.rows, strict=True))
