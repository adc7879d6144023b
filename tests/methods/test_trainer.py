"""SFT, DPO, KTO, ORPO and CPO: each improves on its own objective, and keeps what it has whatever happens."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch
from safetensors.torch import load_file

from tests import tiny
from tests.conftest import FP32
from tests.methods import stored, worlds
from tests.methods.test_resuming import StopsAt
from workbench.errors import WorkbenchError
from workbench.events import Finished, FirstBatch, Metrics, Progress, Sample, Saved, Started, Stopped, Warned
from workbench.feedback.base import Demonstration
from workbench.lm.drift import implicit_accuracy, kl_to_base, likelihoods
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef
from workbench.methods import METHODS, dpo, kto, sft, trainer
from workbench.methods.base import Data
from workbench.methods.trainer_options import SCHEDULERS, rate_at
from workbench.methods.trainer_trl import Source


@pytest.fixture(scope="module")
def runs(llama_folder, tmp_path_factory):
    """runs(name) is the folder and the events of a usual run of a method."""
    done = {}

    def run(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            done[name] = folder, list(stored.begin(name, folder, llama_folder, shown=2))
        return done[name]

    return run


def curve(events, name):
    return [event.values[name] for event in events if isinstance(event, Metrics) and name in event.values]


def saved(events, kind="adapter"):
    return next(event for event in events if isinstance(event, Saved) and event.kind == kind)


@pytest.mark.parametrize("name", stored.NAMES)
def test_the_objective_improves_on_held_out_prompts(runs, name):
    _, events = runs(name)
    loss = curve(events, "loss/held_out")
    assert loss[-1] < 0.95 * loss[0]
    if name == "sft":
        assert curve(events, "perplexity/held_out")[-1] < 0.2 * curve(events, "perplexity/held_out")[0]
    else:
        assert curve(events, "margin/held_out")[-1] > curve(events, "margin/held_out")[0]
    if name in ("dpo", "orpo", "cpo"):
        assert curve(events, "accuracy/held_out")[-1] > max(0.9, curve(events, "accuracy/held_out")[0])


@pytest.mark.parametrize("name", stored.NAMES)
def test_a_run_tells_what_it_does_from_beginning_to_end(runs, name):
    folder, events = runs(name)
    kinds = [type(event) for event in events]
    assert kinds[0] is Progress
    assert kinds.index(Started) < kinds.index(Metrics)
    steps = [event.step for event in events if isinstance(event, Metrics)]
    total = next(event.total for event in events if isinstance(event, Started))
    assert steps == list(range(total + 1))
    assert isinstance(events[-1], Finished)
    assert events[-1].summary["best_step"] > 0
    last = next(event for event in reversed(events) if isinstance(event, Metrics))
    assert {"grad/norm", "rate/now", "tokens/step", "loss/train"} <= set(last.values)
    shown = [event for event in events if isinstance(event, Sample)]
    assert {event.step for event in shown} == {0, total}
    assert len(shown) == 4
    assert not (folder / "checkpoints").exists()


@pytest.mark.parametrize("name", stored.NAMES)
def test_a_look_at_the_first_batch_ends_before_anything_is_learned(llama_folder, tmp_path, name):
    events = list(stored.begin(name, tmp_path, llama_folder, fields={"only_looks": True}))
    assert events[-1] == Finished()
    batch = events[-2]
    assert isinstance(batch, FirstBatch)
    assert len(batch.rows) == (4 if name in ("sft", "kto") else 8)
    for row in batch.rows:
        read = "".join(text for text, learned, _ in row["tokens"] if learned)
        assert ("kind" in read) == (row["title"] in ("answer", "chosen", "good"))
        assert read.endswith("<|im_end|>")
        assert "say" in "".join(text for text, learned, _ in row["tokens"] if not learned)


@pytest.mark.parametrize("name", stored.NAMES)
def test_data_that_do_not_suffice_are_refused_before_a_model_is_loaded(tmp_path, name):
    with pytest.raises(WorkbenchError, match="at least 4"):
        list(stored.begin(name, tmp_path, tmp_path / "no model", fields={"data": Data()}))


@pytest.mark.parametrize("name", stored.NAMES)
def test_every_panel_has_its_curves(runs, name):
    _, events = runs(name)
    told = {key for event in events if isinstance(event, Metrics) for key in event.values}
    always = [panel for panel in METHODS[name].PANELS if not panel.optional]
    assert {metric for panel in always for metric in panel.metrics} <= told


@pytest.mark.parametrize("name", stored.NAMES)
def test_the_adapter_loads_and_has_the_held_out_loss_that_was_told(runs, llama_folder, tmp_path, name):
    _, events = runs(name)
    path = saved(events).path
    again = list(
        METHODS[name].train(
            dataclasses.replace(
                worlds.job(tmp_path, llama_folder, data=stored.data()),
                model=ModelRef(str(llama_folder), adapter=path, kind="adapter"),
            ),
            METHODS[name].Options(**stored.OPTIONS | {"epochs": 1, "learning_rate": 1e-8}),
        )
    )
    if name in ("sft", "orpo", "cpo"):  # the others measure from where they begin
        assert curve(again, "loss/held_out")[0] == pytest.approx(events[-1].summary["held_out_loss"], rel=1e-5)
    else:
        assert curve(again, "margin/held_out")[0] == 0.0
    assert load(ModelRef(str(llama_folder), adapter=path), FP32).model.active_adapter == "policy"


@pytest.mark.parametrize("name", stored.NAMES)
def test_a_model_without_a_chat_template_learns_too(gpt2_folder, tmp_path, name):
    events = list(stored.begin(name, tmp_path, gpt2_folder, learning_rate=2e-2, shown=1))
    assert events[-1].summary["held_out_loss"] < curve(events, "loss/held_out")[0]
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("loss", ["sigmoid", "ipo", "hinge"])
def test_each_loss_of_dpo_is_its_formula(llama_folder, tmp_path, loss):
    """At first the log-ratios are 0: log 2, (1 / 2 beta)^2 and 1."""
    events = list(stored.begin("dpo", tmp_path, llama_folder, loss=loss, beta=0.2))
    first = {"sigmoid": math.log(2), "ipo": (1 / 0.4) ** 2, "hinge": 1.0}[loss]
    found = curve(events, "loss/held_out")
    assert found[0] == pytest.approx(first, rel=1e-6)
    assert found[-1] < found[0]
    assert curve(events, "accuracy/held_out")[0] == 0.5


@pytest.mark.parametrize("loss", ["sigmoid", "simpo", "hinge", "ipo"])
def test_each_loss_of_cpo_learns(llama_folder, tmp_path, loss):
    events = list(stored.begin("cpo", tmp_path, llama_folder, loss=loss, epochs=2))
    assert events[-1].summary["held_out_loss"] < events[-1].summary["loss_before"]


def test_the_figures_of_dpo_and_sft_are_those_of_our_own_reader(runs, llama_folder):
    """Read again by other code: packed, and with its own log-probabilities."""
    held = stored.data().split("held_out")
    _, events = runs("dpo")
    tuned = load(ModelRef(str(llama_folder), adapter=saved(events).path), FP32)
    texts = [(pair.messages, text) for pair in held.pairs for text in (pair.chosen, pair.rejected)]
    raised = kl_to_base(tuned, texts)
    margin = 0.1 * (sum(raised[0::2]) - sum(raised[1::2])) / len(held.pairs)
    assert events[-1].summary["margin"] == pytest.approx(margin, rel=1e-3)
    assert events[-1].summary["accuracy"] == implicit_accuracy(tuned, held.pairs)
    _, events = runs("sft")
    tuned = load(ModelRef(str(llama_folder), adapter=saved(events).path), FP32)
    texts = [(each.messages, each.text) for each in held.demonstrations]
    tokens = sum(len(tuned.template.answer_ids(text)) for _, text in texts)
    assert events[-1].summary["perplexity"] == pytest.approx(
        math.exp(-sum(likelihoods(tuned, texts)) / tokens), rel=1e-4
    )


@pytest.mark.parametrize("name", stored.NAMES)
def test_sums_of_log_probabilities_keep_their_digits_in_16_bits(llama_folder, tmp_path, name):
    found = {}
    for form in ("float32", "bfloat16"):
        events = list(stored.begin(name, tmp_path / form, llama_folder, dtype=form, epochs=1))
        found[form] = curve(events, "loss/train" if name in ("dpo", "kto") else "loss/held_out")[-1]
    assert found["bfloat16"] == pytest.approx(found["float32"], rel=2e-2)
    assert torch.tensor(found["bfloat16"]).bfloat16().item() != found["bfloat16"]


def test_micro_batches_give_the_step_of_the_whole_batch(llama_folder, tmp_path):
    """SFT counts by tokens and DPO by pairs, however the batch is cut."""
    for name in ("sft", "dpo"):
        found = []
        for tokens in (32, 4096):
            folder = tmp_path / f"{name}-{tokens}"
            events = list(stored.begin(name, folder, llama_folder, micro_tokens=tokens, epochs=1))
            found.append((curve(events, "loss/train"), load_file(f"{saved(events).path}/adapter_model.safetensors")))
        assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
        for key, weight in found[0][1].items():
            torch.testing.assert_close(weight, found[1][1][key], rtol=1e-2, atol=1e-4)


# --- kinds of training ------------------------------------------------------------------------------------------------


def test_a_model_trained_whole_is_saved_as_a_model(llama_folder, tmp_path):
    events = list(stored.begin("dpo", tmp_path, llama_folder, train="full", learning_rate=1e-3, epochs=2))
    place = saved(events, "model").path
    before, after = (load(ModelRef(str(each)), FP32).causal for each in (llama_folder, place))
    moved = {key for key, value in after.state_dict().items() if not torch.equal(value, before.state_dict()[key])}
    assert moved
    assert all(".layers." in key and "norm" not in key for key in moved)
    assert events[-1].summary["held_out_loss"] < math.log(2)


@pytest.mark.parametrize(
    "fields", [{"target_modules": "attention"}, {"rslora": True}, {"dora": True}, {"dropout": 0.3}]
)
@pytest.mark.parametrize("name", ["llama_folder", "gpt2_folder"])
def test_adapters_of_every_kind_learn_and_load(request, tmp_path, name, fields):
    model = request.getfixturevalue(name)
    events = list(stored.begin("sft", tmp_path, model, epochs=2, **fields))
    assert events[-1].summary["held_out_loss"] < events[-1].summary["loss_before"]
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    if "target_modules" in fields:
        assert all("attn." in each for each in config["target_modules"])
    again = load(ModelRef(str(model), adapter=str(tmp_path / "adapter")), FP32)
    kept = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert ("dora" in fields) == any("magnitude" in key for key in kept)
    assert config["use_rslora"] == ("rslora" in fields)
    assert again.model.peft_config["policy"].use_dora == ("dora" in fields)


@pytest.mark.parametrize("train", ["lora", "full"])
def test_a_gguf_file_learns_and_what_comes_of_it_loads(llama_folder, tmp_path, train):
    ref = ModelRef(str(tiny.gguf(tmp_path, llama_folder)), "gguf", name="tiny")
    job = dataclasses.replace(worlds.job(tmp_path / "run", llama_folder, data=stored.data()), model=ref)
    events = list(sft.train(job, sft.Options(**stored.OPTIONS | {"train": train, "epochs": 2})))
    assert events[-1].summary["held_out_loss"] < events[-1].summary["loss_before"]
    made = tmp_path / "run" / ("model" if train == "full" else "adapter")
    load(ModelRef(str(made)) if train == "full" else dataclasses.replace(ref, adapter=str(made)), FP32)


def test_ppo_goes_on_from_what_dpo_made(runs, llama_folder, tmp_path):
    _, events = runs("dpo")
    ref = ModelRef(str(llama_folder), adapter=saved(events).path, kind="adapter", name="tuned")
    scorer = tmp_path / "scorer"
    quick = {"epochs": 1, "rank": 4, "max_tokens": 64, "device": "cpu", "dtype": "float32"}
    made = list(
        METHODS["reward"].train(
            worlds.job(scorer, llama_folder, data=stored.data()), METHODS["reward"].Options(**quick)
        )
    )
    reward_path = next(event.path for event in made if isinstance(event, Saved) and event.kind == "reward")
    job = worlds.job(tmp_path / "ppo", llama_folder, data=Data(prompts=worlds.prompts(4)), reward=reward_path)
    options = METHODS["ppo"].Options(steps=1, batch_size=4, max_new_tokens=8, device="cpu", dtype="float32")
    assert isinstance(list(METHODS["ppo"].train(dataclasses.replace(job, model=ref), options))[-1], Finished)


def test_checkpointing_changes_nothing_but_memory(llama_folder, tmp_path):
    losses = [
        curve(list(stored.begin("dpo", tmp_path / each, llama_folder, checkpointing=each, epochs=1)), "loss/train")
        for each in ("on", "off")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_weights_in_few_bits_need_a_card_and_say_so(llama_folder, tmp_path):
    with pytest.raises(WorkbenchError, match="8-bit weights need an NVIDIA or AMD card"):
        list(stored.begin("sft", tmp_path, llama_folder, quantize="8bit"))
    with pytest.raises(WorkbenchError, match="in 4 bits cannot be trained themselves"):
        sft.Options(train="full", quantize="4bit")


# --- when it does not go well -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "call"), [("sft", 1), ("sft", 20), ("sft", 60), ("dpo", 1), ("kto", 1), ("kto", 150)])
def test_a_stop_is_heard_between_micro_batches_and_keeps_what_it_has(llama_folder, tmp_path, name, call):
    fields = {"stopping": StopsAt(call)}
    events = list(stored.begin(name, tmp_path, llama_folder, micro_tokens=64, fields=fields))
    assert isinstance(events[-1], Stopped)
    if call > 1:
        assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
        assert events[-1].summary["step"] == events[-1].step
    else:
        assert not (tmp_path / "adapter").exists()


def test_a_stop_before_training_was_measured_keeps_the_newest_weights(llama_folder, tmp_path):
    asked, events = [], []
    fields = {"stopping": lambda: bool(asked)}
    for event in stored.begin("sft", tmp_path, llama_folder, evaluations=1, fields=fields):
        events.append(event)
        if isinstance(event, Metrics) and event.step == 3:
            asked.append(True)
    assert events[-1].summary["best_step"] == 3
    kept = load_file(saved(events).path + "/adapter_model.safetensors")
    assert any(weight.abs().sum() > 0 for key, weight in kept.items() if "lora_B" in key)


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_a_loss_that_is_no_number_ends_the_run_with_the_best_before_saved(llama_folder, tmp_path, monkeypatch, name):
    honest, calls = trainer.Trl.loss, [0]

    def loss(self, examples):
        found, figures = honest(self, examples)
        calls[0] += torch.is_grad_enabled()
        return (found * math.nan if calls[0] > 9 else found), figures

    monkeypatch.setattr(trainer.Trl, "loss", loss)
    with pytest.raises(WorkbenchError, match="no longer a number at step 10") as caught:
        list(stored.begin(name, tmp_path, llama_folder, micro_tokens=4096))
    assert "those of step 6, are saved" in caught.value.hint
    kept = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert all(torch.isfinite(weight).all() for weight in kept.values())


def test_a_gradient_that_is_no_number_changes_no_weight(llama_folder, tmp_path, monkeypatch):
    honest, calls = trainer.Trl.loss, [0]

    def loss(self, examples):
        found, figures = honest(self, examples)
        calls[0] += torch.is_grad_enabled()
        if calls[0] > 9:  # finite forward, and a gradient that is not
            found = found + (found * 0).abs().sqrt().sum()
        return found, figures

    monkeypatch.setattr(trainer.Trl, "loss", loss)
    with pytest.raises(WorkbenchError, match="gradient is no longer a number at step 10"):
        list(stored.begin("sft", tmp_path, llama_folder, micro_tokens=4096))
    assert (tmp_path / "adapter").is_dir()


def test_early_stopping_keeps_the_best_weights(llama_folder, tmp_path):
    chosen = {"learning_rate": 0.1, "evaluations": 24, "patience": 2, "clip_norm": 0.0}
    events = list(stored.begin("sft", tmp_path, llama_folder, **chosen))
    assert events[-1].summary["stopped_early"]
    held = curve(events, "loss/held_out")
    assert events[-1].summary["held_out_loss"] == min(held)
    assert held[-1] > min(held)
    assert any(isinstance(event, Warned) and event.topic == "stopped_early" for event in events)


def test_a_run_that_never_improves_says_so(llama_folder, tmp_path):
    events = list(stored.begin("dpo", tmp_path, llama_folder, fields={"data": backwards()}))
    assert any(isinstance(event, Warned) and event.topic == "nothing_learned" for event in events)
    assert events[-1].summary["best_step"] == 0


def backwards():
    """Held-out pairs of people who want the opposite."""
    pairs = tuple(
        dataclasses.replace(pair, chosen=pair.rejected, rejected=pair.chosen) if pair.split == "held_out" else pair
        for pair in worlds.pairs(24, 8)
    )
    return Data(pairs=pairs)


def test_out_of_memory_halves_the_tokens_and_goes_on(llama_folder, tmp_path, monkeypatch):
    honest, calls = trainer.Trl.loss, [0]

    def loss(self, examples):
        calls[0] += torch.is_grad_enabled()
        if calls[0] in (3, 4):
            calls[0] += 10 if calls[0] == 4 else 0
            raise torch.OutOfMemoryError("CUDA out of memory")
        return honest(self, examples)

    monkeypatch.setattr(trainer.Trl, "loss", loss)
    events = list(stored.begin("dpo", tmp_path, llama_folder, micro_tokens=512))
    words = [event.text for event in events if isinstance(event, Warned)]
    assert "formed again" in words[0]
    assert "256 tokens" in words[1]
    assert events[-1].summary["held_out_loss"] < math.log(2)


def test_out_of_memory_while_the_reference_is_read_reads_the_rest_in_smaller_groups(
    llama_folder, tmp_path, monkeypatch
):
    honest, calls = trainer.Trl.reference, [0]

    def reference(self, examples):
        calls[0] += 1
        if calls[0] in (3, 4):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return honest(self, examples)

    monkeypatch.setattr(trainer.Trl, "reference", reference)
    events = list(stored.begin("dpo", tmp_path, llama_folder, micro_tokens=512, epochs=1))
    read = [event.done for event in events if isinstance(event, Progress) and event.text.startswith("Reading")]
    assert read[0] == 0
    assert read[:4] == sorted(read[:4])
    assert curve(events, "margin/held_out")[0] == pytest.approx(0.0, abs=1e-5)
    assert events[-1].summary["held_out_loss"] < math.log(2)


def test_examples_that_are_too_long_are_cut_and_counted(llama_folder, tmp_path):
    asked, answer = worlds.messages("hello " * 40), "kind answer " * 40
    splits = ["train"] * 4 + ["held_out"]
    long = tuple(Demonstration(f"q{index}", asked, answer, split) for index, split in enumerate(splits))
    fields = {"data": Data(demonstrations=long)}
    events = list(stored.begin("sft", tmp_path, llama_folder, max_tokens=32, fields=fields))
    assert any(isinstance(event, Warned) and event.text.startswith("4 of 4 examples") for event in events)
    assert curve(events, "tokens/step")[0] == 4 * 32


def test_a_trl_without_the_trainer_is_one_clear_sentence(llama_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(METHODS["orpo"].Run, "source", Source("NoSuchTrainer", "NoSuchConfig", ("trl.no_such", "trl")))
    with pytest.raises(WorkbenchError, match=r"needs TRL's NoSuchTrainer, and TRL .* is installed"):
        list(stored.begin("orpo", tmp_path, llama_folder))


def test_nobody_is_told_of_a_run(llama_folder, tmp_path, monkeypatch):
    from trl.trainer import base_trainer

    def told(*args, **kwargs):
        raise AssertionError("telemetry")

    monkeypatch.setattr(base_trainer, "send_telemetry", told)
    monkeypatch.delenv("CI", raising=False)
    assert isinstance(list(stored.begin("sft", tmp_path, llama_folder, epochs=1))[-1], Finished)


# --- what the data lack -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", stored.NAMES)
def test_what_is_missing_is_said_with_counts(name):
    method = METHODS[name]
    assert "at least 4" in method.lacks(Data())
    assert "has 0" in method.lacks(Data())
    assert method.lacks(stored.data()) == ""
    assert "held-out" in method.lacks(stored.data(24, 0))


def test_kto_needs_both_sides_and_reads_stars():
    labels = stored.data().labels
    good = Data(labels=tuple(each for each in labels if each.value))
    assert "no bad answer" in kto.lacks(good)
    stars = tuple(dataclasses.replace(each, scale="stars", value=3.0) for each in labels)
    assert "has 0" in kto.lacks(Data(labels=stars))
    assert kto.lacks(Data(labels=stars), good_from=3, bad_to=2).startswith("Has no bad answer")
    assert [kto.is_good(dataclasses.replace(stars[0], value=each)) for each in (1, 2, 3, 4, 5)] == [
        False, False, None, True, True,
    ]  # fmt: skip


def test_the_rating_from_which_sft_imitates_is_a_knob():
    from workbench.feedback.base import Rules

    rules, whose = sft.reads(sft.Options(good_rating=4), Rules(), [])
    assert rules.good_rating == 4
    assert whose is None


def test_the_rate_rises_and_falls_as_its_name_says():
    for name in SCHEDULERS:
        rates = [rate_at(step, 100, name, 0.1) for step in range(100)]
        assert rates[0] == 0.1
        assert rates[9] == rates[10] == 1.0
        assert rates == sorted(rates[:10]) + sorted(rates[10:], reverse=True)
    assert rate_at(55, 100, "linear", 0.1) == pytest.approx(0.5)
    assert rate_at(55, 100, "cosine", 0.1) == pytest.approx(0.5)
    assert dpo.Options().learning_rate < sft.Options().learning_rate
