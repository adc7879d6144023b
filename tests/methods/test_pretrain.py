"""Pretraining makes a model that says what comes next better than counts do, and goes on bit for bit."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import FP32
from tests.methods import texts
from tests.methods.test_resuming import StopsAt, assert_same_tensors, cut_off, told
from workbench.errors import WorkbenchError
from workbench.events import Finished, FirstBatch, Metrics, Sample, Saved, Started, Stopped, Warned
from workbench.lm import checkpoints
from workbench.lm.fresh import learn_tokenizer
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef
from workbench.methods import pretrain
from workbench.methods.base import Data, Job

OFTEN = 1e-9
"""Minutes between checkpoints so short that each step has one."""


def last(events, kind):
    return next(event for event in reversed(events) if isinstance(event, kind))


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrain")
    return folder, list(texts.begin(folder, count=50, epochs=5, evaluations=2))


def test_it_beats_counting_tokens_and_pairs_on_held_out_text(learned):
    _, events = learned
    summary = last(events, Finished).summary
    assert summary["perplexity"] < summary["bigram"] < summary["unigram"] < summary["perplexity_before"]
    assert summary["perplexity"] == pytest.approx(math.exp(summary["held_out_loss"]))
    measured = [event.values for event in events if isinstance(event, Metrics) and "loss/held_out" in event.values]
    assert len(measured) >= 3
    assert {each["perplexity/bigram"] for each in measured} == {summary["bigram"]}
    assert ["perplexity/held_out" in each for each in measured] == [False] + [True] * (len(measured) - 1)
    assert not [event for event in events if isinstance(event, Warned)]


def test_it_shows_tokens_vocabulary_samples_and_what_the_model_writes(learned):
    _, events = learned
    first = next(event for event in events if isinstance(event, FirstBatch))
    assert [read for _, read, _ in first.rows[0]["tokens"]] == [False] + [True] * 16
    shown = [event for event in events if isinstance(event, Sample)]
    assert [sample.prompt.split(":")[0] for sample in shown[:3]] == ["1. Tokens", "2. Vocabulary", "3. Samples"]
    assert shown[0].text.replace("|", "") == shown[2].text
    assert "the|" in shown[0].text
    assert shown[-1].step > 0
    assert shown[-1].text


def test_the_model_is_whole_and_reads_as_it_was_measured(learned):
    _, events = learned
    saved = last(events, Saved)
    assert saved.kind == "model"
    loaded = load(ModelRef(saved.path), FP32)
    assert loaded.tokenizer.decode(loaded.tokenizer("Grüße, 世界 \x00")["input_ids"]) == "Grüße, 世界 \x00"
    end = loaded.tokenizer.eos_token_id
    held = [each.text for each in texts.documents(50) if each.split == "held_out"]
    stream = [id_ for text in held for id_ in [*loaded.tokenizer(text)["input_ids"], end]]
    nats = 0.0
    with torch.no_grad():
        for start in range(0, len(stream) - 1, 16):
            ids = torch.tensor([stream[start : start + 17]])
            logp = loaded.causal(ids[:, :-1]).logits.log_softmax(-1)
            nats -= float(logp.gather(-1, ids[:, 1:, None]).sum())
    assert nats / (len(stream) - 1) == pytest.approx(saved.info["held_out_loss"], abs=1e-4)


def test_the_same_text_gives_the_same_tokens_and_a_small_one_fewer():
    pages = [texts.page(seed) for seed in range(5)]
    first, second = (learn_tokenizer(pages, 290).get_vocab() for _ in range(2))
    assert first == second
    assert len(first) <= 290
    assert {"<|endoftext|>", "<|pad|>"} < set(first)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    return folder, list(texts.begin(folder, checkpoint_minutes=OFTEN))


@pytest.mark.parametrize("k", [1, 4, 9])
def test_k_steps_and_the_rest_are_as_good_as_all_at_once(straight, tmp_path, k):
    folder, whole = straight
    cut_off(texts.begin(tmp_path, checkpoint_minutes=OFTEN), k)
    torch.manual_seed(99)
    events = list(texts.begin(tmp_path, fields={"resumes": True}, checkpoint_minutes=OFTEN))
    assert last(events, Started).info["resumed"] == k
    assert told(events, after=k) == told(whole, after=k)
    assert_same_tensors(*(load_file(each / "model" / "model.safetensors") for each in (folder, tmp_path)))
    about = [json.loads((each / "model" / "workbench.json").read_text()) for each in (folder, tmp_path)]
    assert about[0] == about[1]
    assert not (tmp_path / "checkpoints").exists()


def test_a_stop_keeps_what_was_learned_and_goes_on_from_there(straight, tmp_path):
    folder, whole = straight
    events = list(texts.begin(tmp_path, fields={"stopping": StopsAt(14)}))
    assert isinstance(events[-1], Stopped)
    assert last(events, Saved).kind == "model"
    rest = list(texts.begin(tmp_path, fields={"resumes": True}))
    step = next(event.step for event in events if isinstance(event, Saved) and event.kind == "checkpoint")
    assert told(rest, after=step) == told(whole, after=step)
    assert_same_tensors(
        load_file(folder / "model" / "model.safetensors"), load_file(f"{last(rest, Saved).path}/model.safetensors")
    )


def test_other_text_does_not_go_on_from_it(tmp_path):
    cut_off(texts.begin(tmp_path, checkpoint_minutes=OFTEN), 2)
    assert checkpoints.newest(tmp_path).step == 2
    with pytest.raises(WorkbenchError, match="made with other data"):
        list(texts.begin(tmp_path, count=25, fields={"resumes": True}))


def test_a_loss_that_is_no_number_ends_the_run_before_the_step(tmp_path, monkeypatch):
    right = pretrain.NextToken.loss
    calls = []

    def wrong(self, examples):
        loss, figures = right(self, examples)
        calls.append(loss.requires_grad)
        return (loss * math.nan if calls.count(True) == 6 else loss), figures

    monkeypatch.setattr(pretrain.NextToken, "loss", wrong)
    with pytest.raises(WorkbenchError, match="The loss is no longer a number at step 6") as failed:
        list(texts.begin(tmp_path, evaluations=20))
    assert "are saved" in failed.value.hint
    weights = load_file(tmp_path / "model" / "model.safetensors")
    assert all(bool(torch.isfinite(weight).all()) for weight in weights.values())


def test_the_tokenizer_of_a_model_can_be_taken(llama_folder, tmp_path):
    events = list(texts.begin(tmp_path, tokenizer=str(llama_folder)))
    theirs = load(ModelRef(str(llama_folder)), FP32).tokenizer.get_vocab()
    assert load(ModelRef(last(events, Saved).path), FP32).tokenizer.get_vocab() == theirs
    with pytest.raises(WorkbenchError, match="Tokenizer not found"):
        list(texts.begin(tmp_path / "other", tokenizer=str(tmp_path / "nowhere")))


def test_too_little_text_for_a_sample_is_refused(tmp_path):
    with pytest.raises(WorkbenchError, match="Text has only"):
        list(texts.begin(tmp_path, count=6, context_length=2048))
    job = Job(tmp_path, None, Data())
    with pytest.raises(WorkbenchError, match="no text"):
        list(pretrain.train(job, pretrain.Options()))


def test_heads_that_do_not_share_the_width_are_refused():
    with pytest.raises(WorkbenchError, match="Width 100 cannot be shared out among 3 heads"):
        pretrain.Options(width=100, heads=3)


def test_rows_follow_one_another_and_every_held_out_token_is_measured_once(tmp_path):
    from workbench.methods.pretrain_text import Tokens

    job = Job(tmp_path, None, Data(documents=texts.documents(10)))
    text = Tokens.of(job, pretrain.Options(**texts.OPTIONS))
    held, train = text.samples("held_out"), text.samples("train")
    assert np.array_equal(np.concatenate([row.fields["ids"][1:] for row in held]), text.streams["held_out"][1:])
    assert all(len(row.fields["ids"]) == 17 for row in train)
    assert all(a.fields["ids"][-1] == b.fields["ids"][0] for a, b in itertools.pairwise(train))
