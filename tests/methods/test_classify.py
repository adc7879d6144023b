"""Classification tells labels of held-out prompts, with bases that generate and with encoders, also once saved."""

from __future__ import annotations

import json
import random

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import FP32
from tests.methods import worlds
from tests.methods.test_resuming import assert_same_tensors, cut_off, told
from workbench.errors import WorkbenchError
from workbench.events import Finished, FirstBatch, Metrics, Sample, Saved
from workbench.feedback.base import Demonstration, Prompt
from workbench.lm.classifying import Classifier
from workbench.methods import classify
from workbench.methods.base import Data

OPTIONS = {
    "epochs": 6, "batch_size": 8, "learning_rate": 1e-2, "rank": 4, "max_tokens": 48, "evaluations": 3, "shown": 2,
    "device": "cpu", "dtype": "float32",
}  # fmt: skip


def rows(count=40, held=12):
    draw = random.Random(0)
    made = []
    for place in range(count + held):
        words = draw.sample([word for word in worlds.WORDS if word not in ("fox", "dog")], 3)
        label = ("fox", "dog")[place % 2]
        words.insert(place % 3, label)
        made.append((f"p{place}", worlds.messages(" ".join(words)), f"about a {label}", place >= count))
    return made


def data(**sizes):
    found = rows(**sizes)
    return Data(
        demonstrations=tuple(Demonstration(i, m, label, "held_out" if h else "train") for i, m, label, h in found),
        prompts=tuple(Prompt(i, m, "held_out" if h else "train", (label, "other")) for i, m, label, h in found),
    )


def begin(folder, model, *, fields=None, **chosen):
    job = worlds.job(folder, model, **{"data": data()} | (fields or {}))
    return classify.train(job, classify.Options(**OPTIONS | chosen))


def last(events, kind):
    return next(event for event in reversed(events) if isinstance(event, kind))


@pytest.mark.parametrize(
    ("base", "chosen"),
    [
        ("llama_folder", {}),
        ("llama_folder", {"labels": "tags", "train": "full", "learning_rate": 3e-3}),
        ("gpt2_folder", {"epochs": 12}),
        ("bert_folder", {"train": "full", "learning_rate": 3e-3, "epochs": 12}),
    ],
)
def test_held_out_labels_are_told_and_the_saved_model_tells_them_too(request, tmp_path, base, chosen):
    events = list(begin(tmp_path, request.getfixturevalue(base), **chosen))
    summary = last(events, Finished).summary
    assert summary["accuracy"] >= 0.9 > summary["commonest"]
    assert summary["f1"] >= 0.9
    measured = last(
        [event for event in events if isinstance(event, Metrics) and "f1/held_out" in event.values], Metrics
    )
    assert {"precision/held_out", "recall/held_out", "accuracy/commonest"} < set(measured.values)
    confusion = torch.tensor(summary["confusion"])
    assert int(confusion.sum()) == 12
    assert float(confusion.diag().sum()) / 12 == pytest.approx(summary["accuracy"])
    saved = last(events, Saved)
    assert saved.kind == "model"
    again = Classifier.trained(tmp_path / "model", FP32)
    assert again.labels == ("about a dog", "about a fox")
    held = [(messages, label) for _, messages, label, out in rows() if out]
    right = [next(iter(again.tell(messages))) == label for messages, label in held]
    assert sum(right) / len(right) == pytest.approx(summary["accuracy"])
    assert sum(again.tell(held[0][0]).values()) == pytest.approx(1.0, abs=1e-5)


def test_it_shows_the_first_batch_and_what_it_says(llama_folder, tmp_path):
    events = list(begin(tmp_path, llama_folder, epochs=1))
    batch = next(event for event in events if isinstance(event, FirstBatch))
    assert {row["title"] for row in batch.rows} == {"about a dog", "about a fox"}
    assert any(label in last(events, Sample).text for label in ("about a dog", "about a fox"))


def test_k_steps_and_the_rest_are_as_good_as_all_at_once(llama_folder, tmp_path):
    small = {"epochs": 2, "dropout": 0.2, "checkpoint_minutes": 1e-9}
    whole = list(begin(tmp_path / "whole", llama_folder, **small))
    cut_off(begin(tmp_path / "cut", llama_folder, **small), 5)
    torch.manual_seed(99)
    rest = list(begin(tmp_path / "cut", llama_folder, fields={"resumes": True}, **small))
    assert told(rest, after=5) == told(whole, after=5)
    assert_same_tensors(*(load_file(tmp_path / each / "model" / "model.safetensors") for each in ("whole", "cut")))
    about = [json.loads((tmp_path / each / "model" / "workbench.json").read_text()) for each in ("whole", "cut")]
    assert about[0] == about[1]


def labelled(*pairs):
    return Data(demonstrations=tuple(Demonstration(f"p{n}", (), text, split) for n, (text, split) in enumerate(pairs)))


TWO = [("yes", "train"), ("no", "train")] * 3


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (labelled(*TWO[:2]), "at least 4"),
        (labelled(*[("yes", "train")] * 6), "same label"),
        (labelled(*[(f"A long answer {n}", "train") for n in range(6)]), "6 different answers"),
        (labelled(*TWO), "No held-out prompt"),
        (labelled(*TWO, ("perhaps", "held_out")), "No held-out prompt"),
        (labelled(*TWO, ("yes", "held_out")), ""),
    ],
)
def test_what_the_labels_lack_is_said(found, words, tmp_path, llama_folder):
    assert words in classify.lacks(found)
    assert bool(classify.lacks(found)) == bool(words)
    if words:
        with pytest.raises(WorkbenchError, match=words):
            list(begin(tmp_path, llama_folder, fields={"data": found}))


def test_tags_alone_suffice():
    found = data()
    assert classify.lacks(Data(prompts=found.prompts)) == ""
    assert "at least" in classify.missing(Data(prompts=found.prompts), "answers")


def test_a_model_that_tells_no_labels_is_refused(llama_folder, tmp_path):
    with pytest.raises(WorkbenchError, match="holds no model that tells labels"):
        Classifier.trained(llama_folder, FP32)
