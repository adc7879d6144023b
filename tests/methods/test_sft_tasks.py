"""SFT can measure a task: what the model writes to held-out prompts, beside the right answers."""

from __future__ import annotations

import pytest
import sacrebleu
import torch
from safetensors.torch import load_file

from tests.conftest import FP32
from tests.methods import stored, worlds
from tests.methods.test_resuming import assert_same_tensors, cut_off, told
from workbench.evaluation.text_metrics import exact_match, rouge, token_f1
from workbench.events import Finished, Metrics
from workbench.feedback.base import Demonstration
from workbench.lm.generating import Sampler, sample_all
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef
from workbench.methods import sft_tasks
from workbench.methods.base import Data

ANSWERS = {"fox": "quick dog", "dog": "lazy fox", "hello": "hello world", "over": "over the dog"}


def demonstrations():
    words = list(ANSWERS) * 6
    return tuple(
        Demonstration(f"p{n}", worlds.messages(f"say {word}"), ANSWERS[word], "held_out" if n >= 20 else "train")
        for n, word in enumerate(words)
    )


def begin(folder, model, **chosen):
    fields = {"data": Data(demonstrations=demonstrations())} | chosen.pop("fields", {})
    return stored.begin("sft", folder, model, fields=fields, **{"epochs": 8, "learning_rate": 1e-2} | chosen)


def written(folder, model):
    """What the trained model writes to the held-out prompts, and what is right."""
    loaded = load(ModelRef(str(model), adapter=str(folder / "adapter")), FP32)
    held = [item for item in demonstrations() if item.split == "held_out"]
    prompts = [loaded.template.prompt_ids(item.messages) for item in held]
    longest = max(len(loaded.template.answer_ids(item.text)) for item in held)
    sampler = Sampler(temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=longest)
    drafts = sample_all(loaded, prompts, sampler, [0] * len(held))
    return [loaded.template.text_of(draft.ids).strip() for draft in drafts], [item.text for item in held]


def test_answers_to_questions_become_better_and_are_measured_as_the_libraries_do(llama_folder, tmp_path):
    events = list(begin(tmp_path, llama_folder, task="question answering", epochs=20, rank=8))
    summary = events[-1].summary
    assert isinstance(events[-1], Finished)
    assert summary["f1"] > 0.3 > summary["f1_before"]
    assert summary["rougeL"] > summary["rougeL_before"]
    measured = [event.values for event in events if isinstance(event, Metrics) and "loss/held_out" in event.values]
    assert len(measured) > 2
    assert all({"exact_match/held_out", "f1/held_out", "rougeL/held_out"} < set(values) for values in measured)
    said, right = written(tmp_path, llama_folder)
    assert summary["exact_match"] == sum(exact_match(a, [b]) for a, b in zip(said, right, strict=True)) / 4
    assert summary["f1"] == pytest.approx(sum(token_f1(a, [b]) for a, b in zip(said, right, strict=True)) / 4)
    assert summary["rougeL"] == pytest.approx(rouge(said, right)["rougeL"])


def test_translations_are_measured_as_sacrebleu_does(llama_folder, tmp_path):
    summary = list(begin(tmp_path, llama_folder, task="translation"))[-1].summary
    said, right = written(tmp_path, llama_folder)
    assert summary["bleu"] == sacrebleu.corpus_bleu(said, [right]).score
    assert summary["chrf"] == sacrebleu.corpus_chrf(said, [right]).score > summary["chrf_before"]
    assert "exact_match" not in summary


def test_a_prompt_with_several_right_answers_is_asked_once():
    found = sft_tasks.figures("question answering", ["the fox"], [["dog", "fox"]])
    assert found["exact_match"] == 1.0
    assert found["rougeL"] == 0.0


def test_k_steps_and_the_rest_are_as_good_as_all_at_once(llama_folder, tmp_path):
    chosen = {"task": "question answering", "epochs": 1, "task_prompts": 2, "checkpoint_minutes": stored.OFTEN}
    whole = list(begin(tmp_path / "whole", llama_folder, **chosen))
    cut_off(begin(tmp_path / "cut", llama_folder, **chosen), 2)
    torch.manual_seed(99)
    rest = list(begin(tmp_path / "cut", llama_folder, fields={"resumes": True}, **chosen))
    assert told(rest, after=2) == told(whole, after=2)
    adapters = (tmp_path / each / "adapter" / "adapter_model.safetensors" for each in ("whole", "cut"))
    assert_same_tensors(*(load_file(each) for each in adapters))
