"""Our loop takes the steps that TRL's own loop takes on the same batches, with the same optimiser."""

from __future__ import annotations

import pytest
import torch
from datasets import Dataset

from tests.conftest import FP32
from tests.methods import stored, worlds
from workbench.events import Metrics
from workbench.methods import METHODS

CHOSEN = stored.OPTIONS | {
    "epochs": 1, "scheduler": "constant", "warmup": 0.0, "micro_tokens": 4096, "evaluations": 1, "learning_rate": 1e-2,
}  # fmt: skip


@pytest.mark.parametrize("name", stored.NAMES)
def test_losses_and_weights_are_those_of_trls_own_train(llama_folder, tmp_path, name):
    options = METHODS[name].Options(**CHOSEN)
    job = worlds.job(tmp_path / "ours", llama_folder, data=stored.data())
    ours = METHODS[name].Run(job, options, FP32)
    losses = [event.values["loss/train"] for event in ours.steps() if isinstance(event, Metrics) and event.step]

    theirs = METHODS[name].Run(worlds.job(tmp_path / "theirs", llama_folder, data=stored.data()), options, FP32)
    list(theirs._begin())  # reads the reference
    trainer = theirs.trl.trainer
    in_order = [dict(theirs.train[index].fields) for batch in theirs.batches for index in batch]
    trainer.train_dataset = Dataset.from_list(in_order)
    args = trainer.args
    args.num_train_epochs, args.logging_steps, args.learning_rate = 1, 1, options.learning_rate
    args.adam_beta2, args.lr_scheduler_type, args.train_sampling_strategy = 0.95, "constant", "sequential"
    args.per_device_train_batch_size = trainer._train_batch_size = options.batch_size
    trainer.train()
    told = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses == pytest.approx(told, rel=2e-4)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        torch.testing.assert_close(mine, other, rtol=5e-3, atol=2e-4)
