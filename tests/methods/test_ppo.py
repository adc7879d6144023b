"""PPO on a tiny model, against what must hold by arithmetic and against its purpose."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch

from tests.conftest import FP32
from tests.methods import worlds
from workbench.errors import WorkbenchError
from workbench.events import Finished, Metrics, Sample, Saved, Started, Stopped, Warned
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef
from workbench.methods import ppo, reward
from workbench.methods.base import Data
from workbench.methods.guards import HUMAN

QUICK = {
    "steps": 3, "batch_size": 8, "max_new_tokens": 12, "rank": 4, "learning_rate": 2e-3, "temperature": 1.0,
    "device": "cpu", "dtype": "float32",
}  # fmt: skip


@pytest.fixture(scope="module")
def scorer(llama_folder, tmp_path_factory):
    """A trained reward model on the tiny Llama."""
    folder = tmp_path_factory.mktemp("reward-run")
    options = reward.Options(epochs=4, learning_rate=5e-3, rank=4, max_tokens=64, device="cpu", dtype="float32")
    list(reward.train(worlds.job(folder, llama_folder, data=Data(pairs=worlds.pairs())), options))
    return folder / "reward"


@pytest.fixture
def job(llama_folder, scorer, tmp_path):
    return worlds.job(tmp_path, llama_folder, data=Data(prompts=worlds.prompts()), reward=scorer)


def begin(job, **options):
    return ppo.Run(job, ppo.Options(**QUICK | options), FP32)


def run(job, **options):
    return list(ppo.train(job, ppo.Options(**QUICK | options)))


def test_the_first_ratio_is_one_with_log_probabilities_captured_while_sampling(job):
    """Not by construction: the old ones come from the decoding loop with its cache and left padding, the new ones
    from the update's own forward over right-padded rows."""
    run = begin(job, old_logprobs="sampled")
    rollout = run.roll_out()
    assert not run.recompute
    for batch, group in run.batches(rollout.rows, list(range(len(rollout.rows)))):
        with torch.no_grad():
            new = run.policy.read(batch).logp
        old = rollout.old[group, : batch.mask.shape[1]]
        ratio = (new - old).exp()[batch.mask]
        assert float((ratio - 1).abs().max()) < 1e-4
    assert rollout.drift < 1e-4
    assert run.learn(rollout)["val/ratio_first"] == pytest.approx(1.0, abs=1e-4)


def test_kl_is_zero_before_the_first_step(job):
    rollout = begin(job, old_logprobs="recomputed").roll_out()
    assert torch.equal(rollout.kl, torch.zeros_like(rollout.kl))


def test_sampled_kl_is_zero_within_rounding_before_the_first_step(job):
    rollout = begin(job, old_logprobs="sampled").roll_out()
    assert float(rollout.kl.sum(1).abs().max()) < 1e-3


def test_the_mask_covers_the_answers_and_nothing_else(job):
    rollout = begin(job).roll_out()
    assert rollout.mask.sum(1).tolist() == [len(row.answer) for row in rollout.rows]
    for tensor in (rollout.old, rollout.reference, rollout.values, rollout.entropy):
        assert not tensor[~rollout.mask].any()


def test_an_answer_that_does_not_end_is_penalised_and_scores_are_clipped(job):
    run = begin(job, missing_eos_penalty=2.0, reward_clip=0.5, kl_coef=0.0)
    rollout = run.roll_out()
    rollout.scores = torch.linspace(-3, 3, len(rollout.rows))
    rollout.ended = torch.tensor([index % 2 == 0 for index in range(len(rollout.rows))])
    scores, rewards = run.rewards(rollout)
    expected = rollout.scores.clamp(-0.5, 0.5) - torch.where(rollout.ended, 0.0, 2.0)
    assert torch.allclose(scores, expected)
    assert torch.allclose(rewards.sum(1), expected)


def test_the_kl_penalty_is_taken_from_every_token(job):
    run = begin(job, kl_coef=0.3)
    rollout = run.roll_out()
    rollout.reference = rollout.old - 0.2 * rollout.mask
    scores, rewards = run.rewards(rollout)
    lengths = rollout.mask.sum(1)
    assert torch.allclose(rewards.sum(1), scores - 0.3 * 0.2 * lengths, atol=1e-5)


def test_adaptive_control_pulls_towards_the_target(job):
    run = begin(job, kl_control="adaptive", target_kl=2.0)
    assert run._correction(4.0) > 1
    assert run._correction(1.0) < 1
    assert run._correction(2.0) == 1
    assert run._correction(2.2) == pytest.approx(1.01)  # a tenth too high: 1 + 0.1 x 0.1
    assert run._correction(99.0) == pytest.approx(1.02)  # held at 0.2


def test_one_base_serves_all_four_roles(job):
    run = begin(job)
    assert run.reward.loaded is run.loaded
    names = [key for key, _ in run.loaded.model.named_parameters()]
    assert sum("embed_tokens" in key for key in names) == 1
    base = {key: weight.clone() for key, weight in run.loaded.model.named_parameters() if "lora" not in key}
    scorer = {key: weight.clone() for key, weight in run.loaded.model.named_parameters() if ".reward." in key}
    policy = {key: weight.clone() for key, weight in run.loaded.model.named_parameters() if ".policy." in key}
    list(run.round())
    now = dict(run.loaded.model.named_parameters())
    assert all(torch.equal(now[key], weight) for key, weight in (base | scorer).items())
    assert any(not torch.equal(now[key], weight) for key, weight in policy.items())


def test_it_raises_the_reward_and_reports_the_usual_names(job):
    events = run(job, steps=40, batch_size=16, kl_coef=0.01, epochs=3)
    assert isinstance(events[-1], Finished)
    metrics = [event.values for event in events if isinstance(event, Metrics)]
    names = {
        "objective/kl", "objective/scores", "objective/rlhf_reward", "objective/entropy", "policy/approxkl_avg",
        "policy/clipfrac_avg", "loss/policy_avg", "loss/value_avg", "val/ratio", "val/num_eos_tokens",
    }  # fmt: skip
    assert names <= set(metrics[0])
    assert all(math.isfinite(value) for values in metrics for value in values.values())
    first = sum(values["objective/scores"] for values in metrics[:5]) / 5
    last = sum(values["objective/scores"] for values in metrics[-5:]) / 5
    assert last > first + 0.2
    assert metrics[0]["objective/kl"] == pytest.approx(0.0, abs=1e-3)
    assert metrics[-1]["objective/kl"] > 0


def test_events_samples_and_the_saved_adapter(job, llama_folder):
    events = run(job)
    kinds = [type(event) for event in events if isinstance(event, Started | Metrics | Saved | Finished)]
    assert kinds == [Started, Metrics, Metrics, Metrics, Saved, Saved, Finished]
    assert [event.kind for event in events if isinstance(event, Saved)] == ["adapter", "checkpoint"]
    assert {"reward", "kl", "tokens"} <= set(next(e for e in events if isinstance(e, Sample)).scores)
    saved = next(event for event in events if isinstance(event, Saved))
    loaded = load(ModelRef(str(llama_folder), adapter=saved.path, kind="adapter"), FP32)
    with torch.no_grad():
        tuned = loaded.causal(torch.tensor([[1, 40, 41]])).logits
        with loaded.model.disable_adapter():
            base = loaded.causal(torch.tensor([[1, 40, 41]])).logits
    assert not torch.equal(tuned, base)
    assert json.loads((job.folder / "adapter" / "workbench.json").read_text())["method"] == "ppo"


def test_the_same_seed_gives_the_same_run(llama_folder, scorer, tmp_path):
    runs = [
        run(worlds.job(tmp_path / name, llama_folder, data=Data(prompts=worlds.prompts()), reward=scorer))
        for name in "ab"
    ]
    values = [
        [{k: v for k, v in e.values.items() if not k.startswith("perf/")} for e in events if isinstance(e, Metrics)]
        for events in runs
    ]
    assert values[0] == values[1]


def test_training_goes_on_from_an_adapter(job, llama_folder, scorer, tmp_path):
    run(job)
    ref = ModelRef(str(llama_folder), adapter=str(tmp_path / "adapter"), kind="adapter", name="first")
    second = type(job)(tmp_path / "second", ref, job.data, job.reward)
    events = list(ppo.train(second, ppo.Options(**QUICK)))
    assert isinstance(events[-1], Finished)
    first = next(event for event in events if isinstance(event, Metrics))
    assert first.values["objective/kl"] != 0  # the reference is the base, not the adapter it began with


def test_stop_is_heard_in_the_middle_of_a_round_and_keeps_the_adapter(llama_folder, scorer, tmp_path):
    calls = iter(range(10_000))
    job = worlds.job(
        tmp_path, llama_folder, data=Data(prompts=worlds.prompts()), reward=scorer, stopping=lambda: next(calls) > 40
    )
    events = run(job, steps=1000)
    assert isinstance(events[-1], Stopped)
    assert 0 < events[-1].step < 1000
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()


def test_a_loss_that_is_no_number_ends_the_run_before_the_step(job):
    run = begin(job)
    rollout = run.roll_out()
    rollout.old[rollout.mask] = torch.nan
    before = [weight.clone() for weight in run.policy.adapter_parameters()]
    with pytest.raises(WorkbenchError, match="no longer a number"):
        run.learn(rollout)
    assert all(torch.equal(one, other) for one, other in zip(before, run.policy.adapter_parameters(), strict=True))


def test_a_classifier_on_another_tokenizer_can_be_the_reward(llama_folder, bert_folder, tmp_path):
    options = reward.Options(epochs=1, max_tokens=64, device="cpu", dtype="float32", learning_rate=1e-3)
    list(reward.train(worlds.job(tmp_path / "r", bert_folder, data=Data(pairs=worlds.pairs(8, 4))), options))
    ref = ModelRef(str(bert_folder), adapter=str(tmp_path / "r" / "reward"), kind="reward")
    job = worlds.job(tmp_path, llama_folder, data=Data(prompts=worlds.prompts()))
    events = list(ppo.train(type(job)(job.folder, job.model, job.data, ref), ppo.Options(**QUICK)))
    assert isinstance(events[-1], Finished)


def test_gpt2_without_a_chat_template_trains_too(gpt2_folder, tmp_path):
    options = reward.Options(epochs=1, max_tokens=64, rank=2, device="cpu", dtype="float32")
    list(reward.train(worlds.job(tmp_path / "r", gpt2_folder, data=Data(pairs=worlds.pairs(8, 4))), options))
    job = worlds.job(tmp_path, gpt2_folder, data=Data(prompts=worlds.prompts()), reward=tmp_path / "r" / "reward")
    assert isinstance(run(job)[-1], Finished)


def test_no_prompts_is_refused_in_words(llama_folder, scorer, tmp_path):
    with pytest.raises(WorkbenchError, match="Needs prompts"):
        run(worlds.job(tmp_path, llama_folder, data=Data(), reward=scorer))


def test_what_goes_off_course_is_said_once_by_the_guards(job, monkeypatch):
    begun = begin(job, human_every=0)
    far = {"objective/kl": 99.0, "objective/entropy": 0.0, "policy/clipfrac_avg": 0.1, "objective/scores": 0.0}
    monkeypatch.setattr(begun, "learn", lambda rollout: dict(far))
    said = [event for _ in range(3) for event in begun.round() if isinstance(event, Warned)]
    assert [(event.step, event.topic) for event in said] == [(1, "kl"), (1, "entropy")]
    assert "Raise the KL coefficient" in said[0].text


def test_a_policy_is_measured_on_held_out_pairs_now_and_then(job):
    held = worlds.pairs(0, 40)
    judged = dataclasses.replace(job, data=dataclasses.replace(job.data, pairs=held))
    begun = begin(judged, human_every=2)
    rounds = [event.values for _ in range(4) for event in begun.round() if isinstance(event, Metrics)]
    assert [HUMAN in values for values in rounds] == [False, True, False, True]
    assert all(0 <= values[HUMAN] <= 1 for values in rounds if HUMAN in values)
    assert len(begun.judged) == 32
    few = dataclasses.replace(job, data=dataclasses.replace(job.data, pairs=held[:7]))
    assert begin(few, human_every=1).human() == {}


def test_a_run_says_what_it_was_estimated_to_take_beside_what_it_took(job):
    events = run(job)
    (started,) = [event for event in events if isinstance(event, Started)]
    summary = events[-1].summary
    assert summary["estimate_bytes"] == started.info["estimate_bytes"] > 0
    assert summary["peak_bytes"] > 100 * 2**20


@pytest.mark.parametrize(("minibatches", "micro_tokens"), [(1, 0), (2, 0), (4, 0), (3, 48), (8, 0), (1, 1)])
def test_a_row_is_updated_in_the_batch_it_was_read_in(job, minibatches, micro_tokens, monkeypatch):
    """In bf16 a row's log-probabilities depend on the rows beside it: another batch would look like a step."""
    run = begin(job, minibatches=minibatches, micro_tokens=micro_tokens, old_logprobs="recomputed")
    seen = []
    plain = run.batches

    def watched(rows, part):
        for batch, group in plain(rows, part):
            seen.append(tuple(group))
            yield batch, group

    monkeypatch.setattr(run, "batches", watched)
    rollout = run.roll_out()
    read = set(seen)
    assert sorted(index for group in read for index in group) == list(range(8))
    seen.clear()
    run.learn(rollout)
    assert set(seen) == read


def test_stop_before_the_first_round_is_over_keeps_nothing(llama_folder, scorer, tmp_path):
    job = worlds.job(tmp_path, llama_folder, data=Data(prompts=worlds.prompts()), reward=scorer, stopping=lambda: True)
    last = run(job)[-1]
    assert isinstance(last, Stopped)
    assert last.step == last.summary["step"] == 0
    assert "objective/scores" not in last.summary
    assert not (tmp_path / "adapter").exists()


def test_gradient_checkpointing_changes_nothing_but_what_is_kept(llama_folder, scorer, tmp_path, monkeypatch):
    """The same run with activations kept and with them formed again; in the second every layer runs once more."""
    found = {}
    for choice in ("off", "on"):
        data = Data(prompts=worlds.prompts())
        run = begin(worlds.job(tmp_path, llama_folder, data=data, reward=scorer), checkpointing=choice)
        calls = []
        for layer in run.loaded.layers:
            layer.self_attn.register_forward_hook(lambda *_, calls=calls: calls.append(torch.is_grad_enabled()))
        list(run.round())
        found[choice] = [weight.clone() for weight in run.policy.adapter_parameters()], sum(calls)
        assert not any(layer.training for layer in run.loaded.layers)
    assert found["on"][1] == 2 * found["off"][1] > 0
    for one, other in zip(found["on"][0], found["off"][0], strict=True):
        assert torch.equal(one, other)


def tight(run, monkeypatch, tokens):
    """A device that cannot learn from more than so many tokens at once, and fails after the forward pass."""
    plain = run.policy.read

    def read(batch, **kwargs):
        reading = plain(batch, **kwargs)
        if torch.is_grad_enabled() and batch.ids.numel() > tokens:
            reading.logp.sum().backward()
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return reading

    monkeypatch.setattr(run.policy, "read", read)


def test_out_of_memory_goes_on_with_less_and_says_so(job, monkeypatch):
    run = begin(job, minibatches=1)
    tight(run, monkeypatch, 80)
    events = list(run.round())
    warned = [event for event in events if isinstance(event, Warned) and event.topic == "memory"]
    assert "formed again" in warned[0].text
    assert "64 tokens" in warned[-1].text
    assert run.saving
    assert run.micro_tokens == 64
    again = list(run.round())
    assert not [event for event in again if isinstance(event, Warned) and event.topic == "memory"]


def test_reading_again_in_smaller_batches_may_run_out_too_and_keeps_the_drift(job, monkeypatch):
    run = begin(job, minibatches=2, old_logprobs="recomputed")
    rollout = run.roll_out()
    drift, plain, failed = rollout.drift, run.read, []

    def read(found):
        if not failed:
            failed.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return plain(found)

    tight(run, monkeypatch, 40)
    monkeypatch.setattr(run, "read", read)
    run.learn(rollout)
    assert failed
    assert rollout.drift == drift > 0


@pytest.mark.parametrize("options", [{}, {"value": "adapter"}, {"entropy_coef": 0.01}, {"checkpointing": "on"}])
def test_the_first_update_takes_the_reading_that_the_round_began_with(
    llama_folder, scorer, tmp_path, monkeypatch, options
):
    """The policy has not moved since: with that reading and with one of its own the run is the same, bit for bit."""
    found = {}
    for keeps in (True, False):
        data = Data(prompts=worlds.prompts())
        run = begin(worlds.job(tmp_path, llama_folder, data=data, reward=scorer), minibatches=1, epochs=3, **options)
        plain, taken = run.policy.read, []
        monkeypatch.setattr(
            run.policy, "read", lambda *a, plain=plain, taken=taken, **k: taken.append(k) or plain(*a, **k)
        )
        run.rollout = run.roll_out()
        if not keeps:
            run.kept = None
        list(run.round())
        assert run.kept is None
        found[keeps] = [weight.clone() for weight in run.policy.adapter_parameters()], len(taken)
    assert found[True][1] == 3
    assert found[False][1] == 4
    for one, other in zip(found[True][0], found[False][0], strict=True):
        assert torch.equal(one, other)


def test_running_out_over_the_kept_reading_reads_again(job, monkeypatch):
    run = begin(job, minibatches=1)
    plain, failed = run.descend, []

    def descend(loss):
        plain(loss)
        if not failed:
            failed.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(run, "descend", descend)
    events = list(run.round())
    assert failed
    assert [event for event in events if isinstance(event, Warned) and event.topic == "memory"]
    (metrics,) = [event for event in events if isinstance(event, Metrics)]
    assert metrics.values["val/ratio_first"] == pytest.approx(1.0, abs=1e-5)


def test_out_of_memory_leaves_no_half_applied_step(llama_folder, scorer, tmp_path, monkeypatch):
    """The run that met its limit ends where a run ends that held less from the beginning."""
    found = []
    for limit, options in ((80, {}), (10**6, {"micro_tokens": 64, "checkpointing": "on"})):
        data = Data(prompts=worlds.prompts())
        run = begin(worlds.job(tmp_path, llama_folder, data=data, reward=scorer), minibatches=1, **options)
        tight(run, monkeypatch, limit)
        list(run.round())
        found.append([weight.clone() for weight in run.policy.adapter_parameters()])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_out_of_memory_with_nothing_left_to_give_up_ends_in_words(job, monkeypatch):
    run = begin(job)
    tight(run, monkeypatch, 0)
    with pytest.raises(WorkbenchError, match="ran out of memory") as caught:
        list(run.round())
    assert "shorter answers" in caught.value.hint


def test_running_out_while_writing_answers_writes_fewer_at_once(job, monkeypatch):
    run = begin(job)
    sizes = []
    plain = run.write.__func__

    def write(self, ids):
        if self.rows_at_once > 4:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
        sizes.append(self.rows_at_once)
        return plain(self, ids)

    monkeypatch.setattr(type(run), "write", write)
    list(run.round())
    assert sizes == [4]
    assert len(run.waiting) == 4  # of twelve prompts eight were answered: none was lost


def test_another_error_is_not_taken_for_memory(job, monkeypatch):
    run = begin(job)
    monkeypatch.setattr(run.policy, "reference", lambda batch: (_ for _ in ()).throw(RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        list(run.round())


def test_several_answers_to_a_prompt_share_its_reading(job, monkeypatch):
    run = begin(job, samples=4, micro_tokens=10_000)
    rollout = run.roll_out()
    assert len({id(prompt) for prompt in rollout.prompts}) == 2
    assert rollout.prompts[:4] == [rollout.prompts[0]] * 4
    assert len({tuple(draft.ids) for draft in rollout.drafts}) > 2  # each has its own seed
    (batch, _) = next(run.batches(rollout.rows, list(range(8))))
    shared = {row.prompt for row in rollout.rows}
    assert batch.ids.numel() < sum(map(len, shared)) + sum(len(row.answer) for row in rollout.rows) + 1
    values = run.learn(rollout)
    assert values["val/ratio_first"] == pytest.approx(1.0, abs=1e-4)


def test_a_batch_that_the_samples_do_not_divide_is_refused():
    with pytest.raises(WorkbenchError, match="8 answers in a round cannot be 3"):
        ppo.Options(batch_size=8, samples=3)
