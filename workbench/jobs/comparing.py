"""Runs side by side: what was set otherwise, what each came to, and their curves as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..store import Run, Store
from ..store.exchange.writing import csv_line, replacing, write_lines
from .learned import judges_of

MOST = 5
"""Runs in one comparison: as many as there are lines that can be told apart."""
Curves = Mapping[str, Sequence[tuple[int, float | None]]]


@dataclass(frozen=True)
class Comparison:
    """Runs and, in the same order, what is known of each."""

    runs: tuple[Run, ...]
    settings: tuple[tuple[str, tuple[Any, ...]], ...]
    """What was not the same for all of them: a name, and the value of each run (None: it has none of that name)."""
    figures: tuple[tuple[str, tuple[float | None, ...]], ...]
    """What they came to: a name of the summary, and the figure of each run (None: it has none)."""
    curves: tuple[Curves, ...]

    def points(self) -> Iterator[tuple[str, str, int, float | None]]:
        """Every point of every curve: run, metric, step, value (None: it was no number)."""
        for run, curves in zip(self.runs, self.curves, strict=True):
            for metric, points in curves.items():
                for step, value in points:
                    yield run.name, metric, step, value


def compare(store: Store, run_ids: Sequence[str]) -> Comparison:
    """The comparison of these runs. Raises WorkbenchError for one that is not there, and for more than MOST."""
    if len(run_ids) > MOST:
        raise WorkbenchError(f"{len(run_ids)} runs are more than can be told apart.", f"Choose at most {MOST}.")
    runs = tuple(store.runs.find(run_id) for run_id in run_ids)
    return Comparison(
        runs,
        tuple(_differing([_settings(store, run) for run in runs])),
        tuple(_side_by_side([_numbers(run.summary) for run in runs])),
        tuple(store.runs.metrics(run.id) for run in runs),
    )


def write_csv(comparison: Comparison, target: Path) -> int:
    """Write every point as a row, whole or not at all, and return how many. Raises WorkbenchError on a full disk."""
    points = [tuple("" if each is None else str(each) for each in point) for point in comparison.points()]
    with replacing(target) as place:
        write_lines(place, map(csv_line, [("run", "metric", "step", "value"), *points]))
    return len(points)


def _settings(store: Store, run: Run) -> dict[str, Any]:
    """Everything that a run's result depends on."""
    names = {"model": run.model_id, "reward": run.reward_id}
    models = {key: store.models.find(model_id).name for key, model_id in names.items() if model_id}
    return {
        "method": run.method,
        **models,
        "judgements": store.runs.count_feedback(run.id),
        **{f"verdicts of {name}": count for name, count in judges_of(store, run).items()},
        "data": run.data_hash[:12] if run.data_hash else None,
        **run.options,
        **{f"version of {package}": version for package, version in run.versions.items()},
    }


def _numbers(summary: Mapping[str, Any]) -> dict[str, float]:
    return {
        key: float(value)
        for key, value in summary.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _side_by_side(each: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name in dict.fromkeys(name for values in each for name in values):
        yield name, tuple(values.get(name) for values in each)


def _differing(each: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, values in _side_by_side(each):
        if any(value != values[0] for value in values):
            yield name, values
