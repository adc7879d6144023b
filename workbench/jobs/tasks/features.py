"""Read the answers that have no vector yet (imports, answers of older versions), or score answers by a reward model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import StopRequested, WorkbenchError
from ...events import Event, Features, Finished, Progress, Started, Stopped
from ...lm.refs import ModelRef
from ...lm.vectors import spaces_of, to_text
from ...methods.base import Data, Job, knob
from .. import frozen

if TYPE_CHECKING:
    from ...store import Store

name = "features"
title = "Read answers"
text = "Reads what the instant head needs of each answer, or scores answers by a reward model."
WANTS: tuple[type, ...] = ()


@dataclass(frozen=True)
class Options:
    """Knobs of reading."""

    batch_size: int = knob(16, "Answers read at once; they are kept after each batch.", low=1, high=1024)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the weights.", choices=("auto", "bfloat16", "float32"))


def lacks(data: Data) -> str:
    """It reads answers and not examples, so it lacks none."""
    return ""


def waiting(store: Store, base_hash: str, location: str, reward_id: str | None) -> list[str]:
    """The answers that have still to be read, without those that were before a stop."""
    if reward_id is not None:
        return store.features.unscored(reward_id)
    return store.features.missing(spaces_of(base_hash, location))


def gather(store: Store, model: ModelRef | None, reward: ModelRef | None) -> list[dict[str, Any]]:
    """The answers to read, with their conversations. Raises WorkbenchError when there is none."""
    if model is None:
        raise WorkbenchError("No model was chosen to read the answers.", "Choose a base.")
    found = waiting(store, model.base_hash, model.base, reward.id if reward else None)
    if not found:
        raise WorkbenchError("Every answer has been read already.", "Generate or import more.")
    return store.features.texts(found)


def train(job: Job, options: Options) -> Iterator[Event]:
    """Yields Features for each batch, so that what was read is kept when it is stopped."""
    from ...lm.devices import choose

    rows = frozen.read_answers(job.folder)
    compute = choose(options.device, options.dtype)
    yield Progress(0, 0, "Loading the model")
    reader = _Scores(job, compute) if job.reward else _Vectors(job, compute)
    yield Started(len(rows), compute.name, compute.dtype_name)
    done = 0
    try:
        # Longest first: if memory is short, it shows at once and not after an hour.
        rows.sort(key=lambda row: -len(row["text"]))
        for start in range(0, len(rows), options.batch_size):
            group = rows[start : start + options.batch_size]
            yield reader.read(group)
            done += len(group)
            yield Progress(done, len(rows), "Reading answers")
    except StopRequested:
        yield Stopped(done, {"answers": done})
        return
    yield Finished({"answers": done})


class _Vectors:
    """Reads what a linear head reads."""

    def __init__(self, job: Job, compute: Any) -> None:
        from ...lm.features import space_of
        from ...lm.loading import load

        assert job.model is not None
        self.loaded, self.check = load(job.model, compute), job.check
        self.space = space_of(self.loaded)

    def read(self, rows: Sequence[dict[str, Any]]) -> Features:
        """The vectors of some answers."""
        from ...lm.features import read

        found = read(self.loaded, [(row["messages"], row["text"]) for row in rows], self.check)
        return Features(self.space, {row["id"]: to_text(vector) for row, vector in zip(rows, found, strict=True)})


class _Scores:
    """Asks a reward model."""

    def __init__(self, job: Job, compute: Any) -> None:
        from ...lm.scoring import load_reward

        assert job.reward is not None
        self.id, self.check = job.reward.id, job.check
        self.model = load_reward(job.reward, compute)

    def read(self, rows: Sequence[dict[str, Any]]) -> Features:
        """The standardised scores of some answers, and how unsure the model is of them if it has several heads."""
        from ...lm.scoring import AdapterReward, encode_all, score_all

        items = encode_all(self.model, [(row["messages"], row["text"]) for row in rows])
        scores = score_all(self.model, items, check=self.check).tolist()
        spreads: list[float | None] = [None] * len(items)
        if isinstance(self.model, AdapterReward) and self.model.ensemble is not None:
            spreads = self.model.spread(items, self.check).tolist()
        ids = [row["id"] for row in rows]
        found = (dict(zip(ids, values, strict=True)) for values in (scores, spreads))
        return Features("", {}, self.id, *found)
