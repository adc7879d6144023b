"""A few things that only a real model shows. Skipped where the starter was not fetched."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import FP32
from workbench import paths
from workbench.feedback.base import Prompt
from workbench.jobs.adding import STARTER, STARTER_ID
from workbench.lm.devices import Compute
from workbench.lm.generating import Sampler, sample_all
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef
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
