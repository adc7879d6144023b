"""`bench preferences`: a reward model and DPO on people's own comparisons, beside TRL's trainers at equal settings."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..evaluation.intervals import wilson
from ..feedback.base import Pair
from ..feedback.converting import convert
from ..jobs import frozen
from ..lm.refs import ModelRef
from ..methods.base import Data
from ..methods.baselines import longer_wins
from ..store import Store
from ..store.exchange.importing import import_file
from . import models, report
from .alternating import Plan, Tell, peak, running

RATES = {"reward": 1e-4, "dpo": 5e-5}
BETA = 0.1
FEWEST = 16
"""Held-out pairs below which an accuracy says nothing."""


@dataclass(frozen=True)
class Options:
    """What is learned from, and by whom."""

    data: str = ""
    methods: tuple[str, ...] = tuple(RATES)
    model: str = ""
    pairs: int = 0
    """Pairs to learn from; 0: all that fit."""
    held_out: int = 0
    batch: int = 16
    limit: int = 256
    """Longest prompt and answer together, in tokens: longer pairs are left out, so that nobody cuts anything."""
    rank: int = 16
    device: str = "auto"
    dtype: str = "auto"
    threads: int = 0
    trl: bool = False


def compare(options: Options, tell: Tell) -> dict[str, Any]:
    """One pass over the pairs by each side, alone on the machine, then its held-out accuracy.

    Raises WorkbenchError for a file without comparisons, and when too few of them fit.
    """
    file = Path(options.data).expanduser()
    if not file.is_file():
        raise WorkbenchError(f"There is no file {options.data or 'of comparisons'}.", "Name one with --data.")
    folder = models.model_folder(options.model)
    train, held = _pairs(options, file, folder)
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        scratch = Path(name)
        frozen.write(Data(pairs=(*train, *held)), scratch / "pairs.jsonl")
        config = _config(options, folder, scratch / "pairs.jsonl", len(train))
        found = {
            method: [
                _measured(plan, method, options, len(held), scratch, tell)
                for plan in _plans(method, options, scratch, config)
            ]
            for method in options.methods
        }
    for sides in found.values():
        if len({side["pairs_digest"] for side in sides}) != 1:
            raise WorkbenchError("The sides do not learn from the same tokens.", "Please report this.")
    return {
        "job": {"pairs": len(train), "held_out": len(held), "held_out_prompts": len({pair.prompt_id for pair in held})}
        | {"batch": options.batch, "limit": options.limit, "rank": options.rank, "longer_wins": longer_wins(held)},
        "methods": found,
    }


def _config(options: Options, model: Path, data: Path, pairs: int) -> dict[str, Any]:
    keys = ("batch", "limit", "rank", "device", "dtype")
    return {key: getattr(options, key) for key in keys} | {
        "model": str(model),
        "data": str(data),
        "pairs": pairs,
        "warm_start": True,
        "beta": BETA,
    }


def _pairs(options: Options, file: Path, model: Path) -> tuple[list[Pair], list[Pair]]:
    """Merged pairs of the file that fit, of prompts to learn from and of others."""
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        store = Store.open(Path(name))
        try:
            import_file(store, file)
            pairs = convert(store.feedback.judgements()).pairs
        finally:
            store.close()
    template = _template_of(model)
    fitting = [pair for pair in pairs if _tokens(pair, template) <= options.limit]
    train = [pair for pair in fitting if pair.split == "train"]
    held = [pair for pair in fitting if pair.split == "held_out"]
    train, held = train[: options.pairs or None], held[: options.held_out or None]
    train = train[: len(train) // options.batch * options.batch]
    if not train or len(held) < FEWEST:
        raise WorkbenchError(
            f"{options.data} has {len(train)} pairs to learn from and {len(held)} held-out ones within "
            f"{options.limit} tokens, and {options.batch} and {FEWEST} are needed.",
            "Allow longer ones with --limit, or name a larger file.",
        )
    return train, held


def _template_of(model: Path) -> Any:
    from ..lm.loading import load_tokenizer
    from ..lm.templates import Template

    return Template(load_tokenizer(ModelRef(str(model))))


def _tokens(pair: Pair, template: Any) -> int:
    answers = (template.answer_ids(text) for text in (pair.chosen, pair.rejected))
    return len(template.prompt_ids(pair.messages)) + max(map(len, answers))


def _plans(method: str, options: Options, scratch: Path, config: dict[str, Any]) -> list[Plan]:
    """The sides of a method: ours, and TRL's trainer with LoRA in float32, which favours its accuracy."""
    own = config | {"rate": RATES[method], "folder": str(scratch / method)}
    plans = [Plan("ours", method, own)]
    if options.trl:
        theirs = {"dtype": "float32", "lora": True, "autocast": False, "checkpointing": False}
        plans.append(Plan("trl", f"trl-{method}", own | theirs))
    return plans


def _measured(plan: Plan, method: str, options: Options, held: int, scratch: Path, tell: Tell) -> dict[str, Any]:
    """A side's one pass, and how often it is right after it."""
    tell(f"{method}:")
    with running([plan], options.threads, scratch, tell) as (side,):
        spent = side.go()
        tell(f"{plan.name} took {spent['seconds']:.0f} s")
        accuracy = side.measure()["accuracy"]
    low, high = wilson(accuracy * held, held)
    facts = {key: side.ready[key] for key in ("pairs_digest", "tokens", "dtype", "device", "trains")}
    return {
        "name": plan.name,
        "accuracy": accuracy,
        "low": low,
        "high": high,
        "seconds": spent["seconds"],
        "peak_bytes": peak(spent),
        "head_accuracy": side.ready.get("head_accuracy"),
    } | facts


def words(result: dict[str, Any]) -> str:
    """The comparison as a table."""
    job = result["job"]
    title = (
        f"One pass over {job['pairs']} pairs in batches of {job['batch']}, each answer with its prompt at most "
        f"{job['limit']} tokens, LoRA r={job['rank']}; then {job['held_out']} pairs on {job['held_out_prompts']} other "
        f"prompts, where the longer answer wins in {job['longer_wins']:.1%}."
    )
    rows = [
        (
            f"{method}, {side['name']}",
            side["dtype"],
            f"{side['accuracy']:.1%}",
            f"{side['low']:.1%} to {side['high']:.1%}",
            f"{side['seconds']:.0f}",
            report.mib(side["peak_bytes"]),
        )
        for method, sides in result["methods"].items()
        for side in sides
    ]
    table = report.table(("method", "weights", "right", "95 % interval", "s", "peak MiB"), rows)
    starts = [side["head_accuracy"] for side in result["methods"].get("reward", []) if side["head_accuracy"]]
    note = [f"Our reward model's fitted start alone is right in {starts[0]:.1%}."] if starts else []
    return "\n".join([title, "", table, *note])
