"""What breaks first in an app that carries its own Python: run one by one in a job's process, a JSON line each.

`python -m workbench.jobs.deep_checks FOLDER` prints {"name", "ok", "text"} a check; the exit status is 0 when all work.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

TEXTS = ["the quick brown fox jumps over the lazy dog", "a kind word costs nothing", "rain falls on the quiet town"]


def main(folder: Path) -> int:
    """Run every check. Nothing but their lines goes to standard output."""
    out, sys.stdout = sys.stdout, sys.stderr
    fine = True
    for told in results(folder):
        fine = fine and told["ok"]
        out.write(json.dumps(told) + "\n")
        out.flush()
    return 0 if fine else 1


def results(folder: Path) -> Iterator[dict[str, Any]]:
    """Each check's name, whether it went well, and what it found or why not."""
    for name, check in CHECKS.items():
        try:
            yield {"name": name, "ok": True, "text": check(folder)}
        except Exception as error:
            log.exception("the check failed: %s", name)
            yield {"name": name, "ok": False, "text": f"{type(error).__name__}: {error}"[:400]}


def _tiny(folder: Path) -> Any:
    """A Llama of two layers with a tokenizer of a few hundred tokens, on the CPU."""
    import torch

    from ..lm.devices import Compute
    from ..lm.fresh import learn_tokenizer, new_llama

    words = learn_tokenizer(TEXTS, 300)
    compute = Compute(torch.device("cpu"), torch.float32, "CPU", 0)
    return new_llama(words, compute, folder, layers=2, width=32, heads=2, context=64, seed=1)


def _backward(folder: Path) -> str:
    import torch

    weight = torch.ones(4, 4, requires_grad=True)
    (weight @ torch.ones(4, 4)).sum().backward()
    assert weight.grad is not None and float(weight.grad.sum()) == 64.0
    return f"PyTorch {torch.__version__}"


def _generate(folder: Path) -> str:
    import torch
    import transformers

    loaded = _tiny(folder)
    ids = torch.tensor([[3, 4, 5]])
    found = loaded.model.generate(ids, max_new_tokens=4, min_new_tokens=4, do_sample=False)
    assert found.shape == (1, 7), found.shape
    return f"transformers {transformers.__version__}"


def _save(folder: Path) -> str:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = _tiny(folder)
    loaded.model.save_pretrained(folder / "tiny")
    loaded.tokenizer.save_pretrained(folder / "tiny")
    again = AutoModelForCausalLM.from_pretrained(folder / "tiny")
    assert len(AutoTokenizer.from_pretrained(folder / "tiny")) == len(loaded.tokenizer)
    return f"{sum(weight.numel() for weight in again.parameters())} weights read back"


def _chat_template(folder: Path) -> str:
    loaded = _tiny(folder)
    loaded.tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    text = loaded.tokenizer.apply_chat_template([{"role": "user", "content": "hello"}], tokenize=False)
    assert text == "hello", text
    return "rendered"


def _adapter(folder: Path) -> str:
    import peft
    import torch

    model = peft.get_peft_model(_tiny(folder).model, peft.LoraConfig(r=2, target_modules=["q_proj"]))
    ids = torch.tensor([[3, 4, 5, 6]])
    model(ids, labels=ids).loss.backward()
    grads = [weight.grad for weight in model.parameters() if weight.requires_grad]
    assert grads and all(grad is not None for grad in grads)
    return f"peft {peft.__version__}"


def _trl(folder: Path) -> str:
    import trl
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    loaded = _tiny(folder)
    rows = Dataset.from_list([{"text": text} for text in TEXTS * 2])
    arguments = SFTConfig(
        output_dir=str(folder / "trl"), max_steps=1, per_device_train_batch_size=2, report_to=[], use_cpu=True,
        bf16=False, save_strategy="no", disable_tqdm=True, max_length=32,
    )  # fmt: skip
    trainer = SFTTrainer(loaded.model, args=arguments, train_dataset=rows, processing_class=loaded.tokenizer)
    trainer.train()
    assert trainer.state.global_step == 1
    return f"trl {trl.__version__}, one step"


def _datasets(folder: Path) -> str:
    from datasets import Dataset

    rows = Dataset.from_list([{"number": number} for number in range(8)]).map(_double, num_proc=2)
    assert rows["number"][:3] == [0, 2, 4]
    return "mapped in two processes"


def _double(row: dict[str, int]) -> dict[str, int]:
    return {"number": 2 * row["number"]}


def _spawn(folder: Path) -> str:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
    return "two processes answered"


def _loader(folder: Path) -> str:
    import torch
    from torch.utils.data import DataLoader

    loader = DataLoader(TEXTS, batch_size=1, num_workers=2, multiprocessing_context="spawn")  # type: ignore[arg-type]
    assert sum(1 for _ in loader) == len(TEXTS)
    return f"{torch.get_num_threads()} threads"


def _gguf(folder: Path) -> str:
    import gguf
    import numpy as np

    path = folder / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tensor("weight", np.ones((2, 2), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert float(gguf.GGUFReader(path).tensors[0].data.sum()) == 4.0
    return "written and read"


def _parquet(folder: Path) -> str:
    import pyarrow
    import pyarrow.parquet as parquet

    parquet.write_table(pyarrow.table({"number": [1, 2]}), folder / "rows.parquet")
    assert parquet.read_table(folder / "rows.parquet").num_rows == 2
    return f"pyarrow {pyarrow.__version__}"


def _metrics(folder: Path) -> str:
    from rouge_score import rouge_scorer
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(effective_order=True).sentence_score("a kind word", ["a kind word"]).score
    rouge = rouge_scorer.RougeScorer(["rougeL"]).score("a kind word", "a kind word")["rougeL"].fmeasure
    assert round(bleu) == 100 and rouge == 1.0
    return "BLEU and ROUGE agree"


def _sqlite(folder: Path) -> str:
    from ..store import Store

    store = Store.open(folder / "project")
    try:
        store.prompts.add("Is the full text found?")
        return f"SQLite {store.rows('SELECT sqlite_version() AS version')[0]['version']}"
    finally:
        store.close()


def _certificates(folder: Path) -> str:
    from huggingface_hub.utils import get_session

    get_session()  # what asks the hub, with the certificates that it brings
    return ssl.OPENSSL_VERSION


def _compile(folder: Path) -> str:
    """torch.compile needs a C++ compiler on the CPU. Where there is none its function must still give the result."""
    import torch

    def rooted(values: torch.Tensor) -> torch.Tensor:
        return torch.sqrt(values) + 1

    values, said = torch.arange(4.0), "torch.compile works"
    try:
        found = torch.compile(rooted)(values)
    except Exception as error:
        log.info("torch.compile does not work here", exc_info=True)
        torch._dynamo.reset()
        torch._dynamo.config.suppress_errors = True
        found = torch.compile(rooted)(values)
        why = "there is no C++ compiler" if "compiler" in str(error) else type(error).__name__
        said = f"Models run without torch.compile: {why}. Nothing else changes."
    assert torch.equal(found, rooted(values))
    return said


CHECKS: dict[str, Callable[[Path], str]] = {
    "gradients": _backward,
    "generate": _generate,
    "safetensors": _save,
    "chat template": _chat_template,
    "adapter": _adapter,
    "TRL trainer": _trl,
    "datasets": _datasets,
    "multiprocessing": _spawn,
    "data loader": _loader,
    "GGUF": _gguf,
    "Parquet": _parquet,
    "text metrics": _metrics,
    "SQLite": _sqlite,
    "certificates": _certificates,
    "torch.compile": _compile,
}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
