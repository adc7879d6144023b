"""A few things that only a real model shows. Skipped where the starter was not fetched."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import FP32
from workbench import paths
from workbench.feedback.base import Prompt
from workbench.jobs.adding import STARTER, STARTER_ID
from workbench.lm import llama_cpp_engine
from workbench.lm.devices import Compute
from workbench.lm.generating import Sampler, sample_all
from workbench.lm.gguf_writing import About, write_gguf
from workbench.lm.loading import POLICY, add_new_adapter, load, merge_adapter
from workbench.lm.refs import LLAMA_CPP, ModelRef
from workbench.lm.scoring import AdapterReward
from workbench.methods import ppo
from workbench.methods.base import Data, Job

FOLDERS = [paths.shared_models() / name for name in (STARTER_ID.replace("/", "--"), STARTER)]
FOUND = next((folder for folder in FOLDERS if (folder / "model.safetensors").is_file()), None)
BF16 = Compute(torch.device("cpu"), torch.bfloat16, "CPU", 0)

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.skipif(FOUND is None, reason="the starter is not here: workbench models fetch-starter"),
]
QUESTION = ({"role": "user", "content": "What is the capital of France?"},)


def test_the_starter_knows_the_capital_of_france():
    loaded = load(ModelRef(str(FOUND)), FP32)
    (draft,) = sample_all(
        loaded, [loaded.template.prompt_ids(QUESTION)], Sampler(temperature=0, max_new_tokens=24), [0]
    )
    assert "Paris" in loaded.template.text_of(draft.ids)
    assert loaded.template.own
    assert loaded.tokenizer.pad_token_id != loaded.tokenizer.eos_token_id


def with_adapter(loaded):
    """A LoRA adapter strong enough to change what is written."""
    torch.manual_seed(5)
    add_new_adapter(loaded, POLICY, rank=8, alpha=16)
    with torch.no_grad():
        for name, weight in loaded.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.04)
    loaded.model.eval()
    return loaded


def answer(loaded):
    greedy = Sampler(temperature=0, top_p=1.0, top_k=0, max_new_tokens=24)
    (draft,) = sample_all(loaded, [loaded.template.prompt_ids(QUESTION)], greedy, [0], keep_logprobs=True)
    return draft


def logits_of(loaded, draft):
    ids = torch.tensor([loaded.template.prompt_ids(QUESTION) + draft.ids])
    with torch.no_grad():
        return loaded.model(input_ids=ids).logits[0]


def test_a_merged_adapter_is_an_applied_one_and_goes_through_gguf(tmp_path):
    """Applied, merged, as transformers generates it, and read again from float16 and 8 bits: one answer."""
    loaded = load(ModelRef(str(FOUND)), FP32)
    plain = answer(loaded)
    before = logits_of(loaded, plain)
    applied = answer(with_adapter(loaded))
    assert (logits_of(loaded, plain) - before).abs().max() > 1
    expected = logits_of(loaded, applied)
    theirs = loaded.model.generate(
        input_ids=torch.tensor([loaded.template.prompt_ids(QUESTION)]), do_sample=False, max_new_tokens=24,
        eos_token_id=list(loaded.stop_ids), pad_token_id=loaded.pad_id,
    )  # fmt: skip
    assert theirs[0, -len(applied.ids) :].tolist() == applied.ids
    merge_adapter(loaded)
    assert answer(loaded).ids == applied.ids
    assert torch.allclose(logits_of(loaded, applied), expected, atol=2e-3)
    assert answer(loaded).logprobs == pytest.approx(applied.logprobs, abs=1e-3)

    for dtype in ("float16", "q8_0"):
        list(write_gguf(loaded, tmp_path / f"{dtype}.gguf", dtype, About("tuned", "apache-2.0")))
    with torch.no_grad():
        for weight in loaded.causal.parameters():
            if weight.ndim > 1:
                weight.copy_(weight.half().float())
    half = load(ModelRef(str(tmp_path / "float16.gguf"), "gguf"), FP32)
    assert half.template.text == loaded.template.text and half.stop_ids == loaded.stop_ids
    assert answer(half).ids == answer(loaded).ids
    coarse = load(ModelRef(str(tmp_path / "q8_0.gguf"), "gguf"), FP32)
    difference = (logits_of(coarse, applied) - expected).abs().mean()
    assert 0 < difference < 0.05 * expected.abs().mean()  # 3.3 % here


def test_llama_cpp_runs_the_starter_in_8_bits_and_knows_its_tokens(tmp_path):
    pytest.importorskip("xllamacpp")
    path, loaded = tmp_path / "q8_0.gguf", load(ModelRef(str(FOUND)), FP32)
    list(write_gguf(loaded, path, "q8_0", About("starter", "apache-2.0")))
    running = llama_cpp_engine.load(ModelRef(str(path), "gguf", name="starter", engine=LLAMA_CPP), FP32)
    text, ids = running.template.prompt_text(QUESTION), loaded.template.prompt_ids(QUESTION)
    asked = {"content": text, "parse_special": True, "add_special": False}
    assert running.model.ask(0, asked, "/tokenize")["tokens"] == ids == running.template.prompt_ids(QUESTION)
    assert running.stop_ids == loaded.stop_ids and running.numbers == "Q8_0"
    list(sample_all(running, [ids], Sampler(temperature=0, max_new_tokens=4), [0]))
    first = next(iter(running.remembered.values()))[0]
    with torch.no_grad():
        p = loaded.causal(torch.tensor([ids])).logits[0, -1].softmax(-1)
    assert {id_ for id_, _ in first.others[:3]} == set(p.topk(3).indices.tolist())
    assert all(abs(chance - float(p[id_])) < 0.06 for id_, chance in first.others)


@pytest.mark.parametrize("compute", [FP32, BF16], ids=["fp32", "bf16"])
def test_ratio_and_kl_floor_before_the_first_step(compute, tmp_path):
    """In fp32 sampled log-probabilities give a first ratio of 1; in bf16 they drift, so the update's path is used."""
    loaded = load(ModelRef(str(FOUND)), compute)
    AdapterReward.fresh(loaded, rank=2, alpha=4, dropout=0.0, limit=128).save(tmp_path / "reward", {})
    ref = ModelRef(str(FOUND))
    prompts = (Prompt("a", QUESTION), Prompt("b", ({"role": "user", "content": "Say hello to a baker."},)))
    job = Job(
        tmp_path, ref, Data(prompts=prompts), ModelRef(str(FOUND), adapter=str(tmp_path / "reward"), kind="reward")
    )
    options = ppo.Options(batch_size=4, max_new_tokens=16, rank=4, device="cpu", dtype=compute.dtype_name)
    run = ppo.Run(job, options, compute)
    rollout = run.roll_out()
    if compute is FP32:
        assert rollout.drift < 1e-4
    else:
        assert run.recompute
        assert torch.equal(rollout.kl, torch.zeros_like(rollout.kl))
        assert 0 < rollout.drift < 0.2
    assert run.learn(rollout)["val/ratio_first"] == pytest.approx(1.0, abs=1e-4)
