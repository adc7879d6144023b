"""`bench queue`: do the judgements that the "Most uncertain" order asks for teach more than randomly chosen ones?

A simulated judge answers what the project's own queue asks for. After 8, 16, 32, ... judgements the instant head is
measured on prompts of which nothing was judged. What is asked next is decided by the app's own code: the heads, their
order of prompts and the queue behind the Feedback pane, over a copy of a project on disk.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..evaluation.intervals import bootstrap_mean
from ..jobs.instant_head import InstantHead, Reading
from ..jobs.ordering import Asked, upcoming
from ..store import Store
from ..store.features import FEWEST_PAIRS
from ..store.queueing import Item, next_items, set_aside
from ..store.store import DATABASE
from . import models, plotting, queue_data, report
from .alternating import Tell
from .queue_data import Pool, Verdicts

RANDOM, UNCERTAIN = "random", "uncertain"
ORDERS = {RANDOM: 0.0, UNCERTAIN: 1.0, "half of each": 0.5}
"""How many of the items are asked for because the heads are unsure of them; the others by chance."""
SMALLEST, KIND, JUDGE = 8, "comparison", "simulated judge"


@dataclass(frozen=True)
class Options:
    """The work: whose judgements, how many, how often."""

    data: str = ""
    """A file of people's comparisons; without one only the rule judges."""
    model: str = ""
    seeds: int = 10
    most: int = 256
    samples: int = 4
    new_tokens: int = 64
    folder: str = ""


def compare(options: Options, tell: Tell) -> dict[str, Any]:
    """Every order on every source, `seeds` times."""
    model = models.model_folder(options.model)
    folder = Path(options.folder) if options.folder else queue_data.usual_folder()
    pools = [queue_data.people(Path(options.data), model, folder, tell)] if options.data else []
    pools.append(queue_data.rule(model, options.samples, options.new_tokens, folder, tell))
    sources = {pool.name: _compared(pool, options, tell) for pool in pools}
    return {"job": asdict(options) | {"model": model.name, "begins": FEWEST_PAIRS}, "sources": sources}


def sizes_up_to(most: int) -> list[int]:
    """After how many judgements the head is measured: 8, and twice as many each time, up to `most`."""
    if most < SMALLEST:
        raise WorkbenchError(f"{most} judgements teach nothing.", f"Choose {SMALLEST} or more.")
    return [SMALLEST << power for power in range((most // SMALLEST).bit_length())]


def _compared(pool: Pool, options: Options, tell: Tell) -> dict[str, Any]:
    sizes = sizes_up_to(min(options.most, len(pool.verdicts)))
    curves: dict[str, list[list[float]]] = {order: [] for order in ORDERS}
    for seed in range(1, options.seeds + 1):
        for order, share in ORDERS.items():
            curves[order].append(walk(pool, share, seed, sizes))
            tell(f"{pool.name}, seed {seed} of {options.seeds}, {order}: {curves[order][-1][-1]:.1%} right at the end")
    return {
        "judge": pool.judge,
        "pool": {"prompts": pool.prompts, "pairs": len(pool.verdicts), "ties": list(pool.verdicts.values()).count("")},
        "held_out_pairs": len(pool.held_out),
        "sizes": sizes,
        "accuracy": curves,
        "mean": {order: [spread(each) for each in zip(*runs, strict=True)] for order, runs in curves.items()},
        "gain": {order: _gains(runs, curves[RANDOM]) for order, runs in curves.items() if order != RANDOM},
    }


def _gains(runs: Sequence[Sequence[float]], base: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    """How far above random at each size; a seed begins with the same judgements in every order."""
    apart = [[one - other for one, other in zip(*pair, strict=True)] for pair in zip(runs, base, strict=True)]
    return [spread(each) for each in zip(*apart, strict=True)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """The mean over seeds with its bootstrap interval at 95 %."""
    low, high = bootstrap_mean(values)
    return {"mean": sum(values) / len(values), "low": low, "high": high}


# --- one walk through a queue


def walk(pool: Pool, share: float, seed: int, sizes: Sequence[int]) -> list[float]:
    """How often the head is right on held-out pairs after each number of judgements.

    share: of items that are asked for because they are uncertain, once the app would offer that order.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        shutil.copy(pool.folder / DATABASE, name)
        store = Store.open(name)
        try:
            return _walk(store, pool, share, seed, sizes)
        finally:
            store.close()


def _walk(store: Store, pool: Pool, share: float, seed: int, sizes: Sequence[int]) -> list[float]:
    head, reading, found, judged, asked = InstantHead(), Reading(), [], 0, 0
    draw = random.Random(seed)
    while judged < sizes[-1]:
        unsure = draw.random() < share and reading.ready
        item = _next(store, reading, UNCERTAIN if unsure else RANDOM, seed * 1_000_003 + asked)
        if item is None:
            raise WorkbenchError(f"There are no more than {judged} judgements to make.", "Choose a smaller --most.")
        asked += 1
        if not _say(store, item, pool.verdicts):
            continue
        judged += 1
        if share:
            reading = head.refresh(store)
        if judged in sizes:  # by heads that know nothing of when they were fitted before
            found.append(accuracy(InstantHead(fewest=1).refresh(store), pool.held_out))
    return found


def _next(store: Store, reading: Reading, order: str, seed: int) -> Item | None:
    """What the Feedback pane would show next in an order, see jobs/ordering.py and store/queueing.py."""
    first = (
        upcoming(store, Asked(KIND, JUDGE, order), reading.uncertain.get(KIND)).first if order == UNCERTAIN else None
    )
    return next(iter(next_items(store, KIND, JUDGE, order=order, seed=seed, ranked=first)), None)


def _say(store: Store, item: Item, verdicts: Verdicts) -> bool:
    """Judge an item, or set it aside where the judge cannot say: False then."""
    better = verdicts.get(frozenset(item.response_ids))
    if better is None:
        set_aside(store, item, JUDGE, "cannot")
        return False
    choice = "ab"[item.response_ids.index(better)] if better else "tie"
    store.feedback.add(KIND, item.prompt.id, item.response_ids, {"choice": choice}, annotator=JUDGE)
    return True


def accuracy(reading: Reading, held_out: Sequence[tuple[str, str]]) -> float:
    """The share of (better, worse) pairs that the head has in this order; half for a draw, and for no head."""
    right = 0.0
    for pair in held_out:
        better, worse = (reading.prediction(id_) for id_ in pair)
        gap = better.score - worse.score if better and worse else 0.0
        right += 1.0 if gap > 0 else 0.5 if gap == 0 else 0.0
    return right / len(held_out)


# --- what it says


def words(found: Mapping[str, Any]) -> str:
    """The result as tables."""
    job = found["job"]
    parts = [
        f"What the instant head on {job['model']} has learned after so many comparisons, by how they were chosen: "
        f"right on held-out pairs, mean over {job['seeds']} seeds, with 95 % bootstrap intervals over the seeds. "
        f"Uncertain items are asked for from {job['begins']} pairs on."
    ]
    for name, source in found["sources"].items():
        pool = source["pool"]
        parts.append(
            f"\n{name}: judged by {source['judge']}\n{pool['pairs']:,} pairs ({pool['ties']:,} ties) of "
            f"{pool['prompts']:,} prompts to choose from, {source['held_out_pairs']:,} pairs of others held out.\n"
        )
        parts.append(_table(source))
    return "\n".join(parts)


def _table(source: Mapping[str, Any]) -> str:
    rows = [("judgements", *map(str, source["sizes"]))]
    rows += [(order, *(f"{each['mean']:.1%}" for each in line)) for order, line in source["mean"].items()]
    for order, line in source["gain"].items():
        cells = [f"{100 * each['mean']:+.1f} ({100 * each['low']:+.1f} to {100 * each['high']:+.1f})" for each in line]
        rows.append((f"{order} less random, points", *cells))
    return report.table(rows[0], rows[1:])


def drawing(found: Mapping[str, Any]) -> str:
    """Accuracy against judgements as SVG."""
    series, most = [], SMALLEST
    for name, source in found["sources"].items():
        most = max(most, source["sizes"][-1])
        for order in (RANDOM, UNCERTAIN):
            line = source["mean"][order]
            runs = [
                [(size, each[end]) for size, each in zip(source["sizes"], line, strict=True)] for end in ("low", "high")
            ]
            mean = [(size, each["mean"]) for size, each in zip(source["sizes"], line, strict=True)]
            series.append(plotting.Series(f"{name}, {order}", runs, mean))
    title = "Right on held-out pairs (thin lines: 95 % interval over seeds)"
    return plotting.svg(title, "judgements", "share that is right", series, least=0.5, doubling=True)
