"""`bench learn`: what our PPO reaches beside TRL's GRPO and RLOO, at the same KL and after the same samples."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from . import learning_rule, models
from .alternating import Plan, Side, Tell, running

OURS, GRPO, RLOO = "ours", "grpo", "rloo"
SIDES = {OURS: "learn", GRPO: "trl-grpo", RLOO: "trl-rloo"}
NAMES = {OURS: "ours (PPO)", GRPO: "TRL GRPO", RLOO: "TRL RLOO"}
OWN = {
    OURS: ("rate_ours", "knobs"),
    GRPO: ("rate_theirs", "passes_theirs"),
    RLOO: ("rate_theirs", "passes_theirs"),
}
"""What only the runs of one side depend on: with another rate for one, the others need not be repeated."""
FREE = ("sides", "seeds", "folder", "jobs", "threads", "only_report")
"""What may be another when a comparison goes on: more sides and seeds, and how fast they are worked off."""


@dataclass(frozen=True)
class Options:
    """The work of every run, and which runs there are."""

    model: str = ""
    sides: tuple[str, ...] = (OURS,)
    seeds: int = 3
    iterations: int = 30
    every: int = 5
    samples: int = 16
    new_tokens: int = 24
    temperature: float = 0.7
    beta: float = 0.05
    rate_ours: float = 3e-4
    rate_theirs: float = 3e-4
    knobs: tuple[str, ...] = ()
    """Other knobs of our PPO as name=value; the rest are its defaults."""
    passes_theirs: int = 1
    rank: int = 16
    evaluation_samples: int = 4
    device: str = "auto"
    dtype: str = "auto"
    folder: str = ""
    jobs: int = 1
    threads: int = 1
    only_report: bool = False
    """Say what the finished runs say, and run nothing."""

    def check(self) -> None:
        """Raises WorkbenchError for sizes that the sides could not share."""
        if self.samples % 4:
            raise WorkbenchError(
                f"{self.samples} samples cannot be cut into groups of 4.", "Choose a multiple of 4: TRL compares four."
            )
        wrong = next((item for item in self.knobs if "=" not in item), "")
        if wrong:
            raise WorkbenchError(f"{wrong!r} is no knob with a value.", "Write it like this: lam=1.")
        if self.iterations % self.every:
            raise WorkbenchError(
                f"The last of {self.iterations} iterations would not be measured.", "Choose a multiple of --every."
            )

    def shared(self, model: Path) -> dict[str, Any]:
        """What the runs of all sides depend on."""
        own = {key for keys in OWN.values() for key in keys}
        return {key: value for key, value in asdict(self).items() if key not in own.union(FREE)} | {"model": str(model)}

    def own(self, side: str) -> dict[str, Any]:
        """What only this side's runs depend on."""
        values = {key: getattr(self, key) for key in OWN[side]}
        return values | ({"knobs": dict(item.split("=", 1) for item in self.knobs)} if "knobs" in values else {})

    def name(self, side: str, seed: int) -> str:
        """How a run is kept: another one with other settings of its own does not replace it."""
        told = json.dumps(self.own(side), sort_keys=True).encode()
        return f"{side}-{seed}-{hashlib.sha256(told).hexdigest()[:6]}"


class Book:
    """Finished runs in a JSON file, written as they come: a comparison that was interrupted goes on from there."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.path = folder / "results.json"
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self.found: dict[str, Any] = {"settings": settings, "base": {}, "runs": {}}
        self._read()
        if self.found["settings"] != settings:
            raise WorkbenchError(
                f"{folder} holds a comparison with other settings.", "Name another --folder, or give the same options."
            )

    def _read(self) -> None:
        if self.path.exists():
            self.found = json.loads(self.path.read_text(encoding="utf-8"))

    def keep(self, name: str, run: dict[str, Any]) -> None:
        """Remember a finished run, or (as "base") what the base reaches."""
        with self._lock:
            self._read()  # another process may work on other sides or seeds of the same comparison
            if name == "base":
                self.found["base"] = run
            else:
                self.found["runs"][name] = run
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(self.found, indent=1) + "\n", encoding="utf-8")
            os.replace(new, self.path)


def compare(options: Options, tell: Tell) -> dict[str, Any]:
    """All runs that are not done yet, `jobs` of them side by side, and what all of them together say."""
    options.check()
    model = models.model_folder(options.model)
    folder = Path(options.folder) if options.folder else models.cache() / "learn"
    book = Book(folder, options.shared(model))
    if not options.only_report:
        _complete(options, folder, book, tell)
    return result(options, book.found)


def _complete(options: Options, folder: Path, book: Book, tell: Tell) -> None:
    """Whatever is still to be done."""
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        config = book.found["settings"] | {"folder": name, "reward": str(Path(name) / "reward")}
        make = Plan("reward", "untrained-reward", config | {"target": config["reward"]})
        with running([make], options.threads, Path(name), tell):
            pass
        if not book.found["base"]:
            book.keep("base", _evaluated([""], config, options, folder, tell)[0])
        _work(options, config, folder, book, tell)


def _work(options: Options, config: dict[str, Any], folder: Path, book: Book, tell: Tell) -> None:
    wanted = [(side, seed) for seed in range(1, options.seeds + 1) for side in options.sides]
    stop = threading.Event()

    def one(side: str, seed: int) -> None:
        if not stop.is_set():
            book.keep(options.name(side, seed), _run(side, seed, options, config, folder, stop, tell))

    with ThreadPoolExecutor(options.jobs) as pool:
        work = [
            pool.submit(one, side, seed) for side, seed in wanted if options.name(side, seed) not in book.found["runs"]
        ]
        try:
            done, _ = wait(work, return_when=FIRST_EXCEPTION)
            for item in done:
                item.result()
        finally:
            # Ctrl C, or a side that failed: the others end after the iteration that they are in.
            stop.set()


def _run(
    side: str, seed: int, options: Options, config: dict[str, Any], folder: Path, stop: threading.Event, tell: Tell
) -> dict[str, Any]:
    """One run, and then its adapters measured."""
    place = folder / options.name(side, seed)
    place.mkdir(parents=True, exist_ok=True)
    plan = Plan(f"{side}-{seed}", SIDES[side], config | options.own(side) | {"seed": seed, "folder": str(place)})
    steps: list[dict[str, Any]] = []
    adapters: list[str] = []
    with running([plan], options.threads, place, tell) as (learner,):
        while len(steps) < options.iterations:
            if stop.is_set():
                raise WorkbenchError("The comparison was stopped.", "The same command goes on with it.")
            steps.append(learner.go())
            last = steps[-1]
            tell(f"{plan.name}: iteration {len(steps)}, reward {last['reward']:.2f}, {last['seconds']:.1f} s")
            if len(steps) % options.every == 0:
                adapters.append(learner.measure()["adapter"])
        facts = _facts(learner)
    measured = _evaluated(adapters, config, options, place, tell)
    points = [
        _point(number * options.every, options, steps) | values for number, values in enumerate(measured, start=1)
    ]
    run = {"side": side, "seed": seed, "facts": facts, "points": points, "peak_bytes": steps[-1]["peak_bytes"]}
    return run | {"rewards_while_learning": [step["reward"] for step in steps]}


def _facts(learner: Side) -> dict[str, Any]:
    return {key: learner.ready[key] for key in ("prompts_digest", "dtype", "about", "trains")}


def _point(iteration: int, options: Options, steps: list[dict[str, Any]]) -> dict[str, Any]:
    costs = {key: sum(step[key] for step in steps[:iteration]) for key in ("seconds", "cpu_seconds")}
    return {"iteration": iteration, "samples": iteration * options.samples} | costs


def _evaluated(
    adapters: list[str], config: dict[str, Any], options: Options, place: Path, tell: Tell
) -> list[dict[str, Any]]:
    """Reward and KL of each adapter ("" is the base) on the held-out prompts, by the same evaluator for all sides."""
    plan = Plan("evaluator", "learn-evaluate", config | {"adapters": adapters})
    kept = ("reward", "kl", "length", "example")
    with running([plan], options.threads, place, tell) as (evaluator,):
        return [{key: report[key] for key in kept} for report in (evaluator.go() for _ in adapters)]


def result(options: Options, found: dict[str, Any]) -> dict[str, Any]:
    """What the finished runs of these sides and seeds say."""
    from . import learning_curves

    start = {"iteration": 0, "samples": 0, "seconds": 0.0, "cpu_seconds": 0.0} | found["base"]
    names = [options.name(side, seed) for side in options.sides for seed in range(1, options.seeds + 1)]
    runs = [found["runs"][name] for name in names if name in found["runs"]]
    runs = [run | {"points": [start, *run["points"]]} for run in runs]
    if not any(run["side"] == OURS for run in runs):
        raise WorkbenchError("No run of ours is finished yet.", "Leave out --only-report to go on.")
    digests = {run["facts"]["prompts_digest"] for run in runs}
    if len(digests) > 1:
        raise WorkbenchError("The sides were not given the same prompts.", "Please report this.")
    table = learning_curves.at_equal_kl(runs)
    seeds = {side: [run["seed"] for run in runs if run["side"] == side] for side in options.sides}
    sides = {run["side"]: run["facts"] | {"peak_bytes": run["peak_bytes"], "seeds": seeds[run["side"]]} for run in runs}
    return {
        "job": found["settings"] | {"seeds": options.seeds, "rule": learning_rule.RULE},
        "ours": sides[OURS],
        "theirs": {side: facts for side, facts in sides.items() if side != OURS},
        "at_equal_kl": table,
        "at_equal_samples": learning_curves.at_equal_samples(runs),
        "advantage_at_equal_kl": learning_curves.advantage(table, OURS),
        "runs": runs,
    }


def drawing(found: dict[str, Any]) -> str:
    """Reward against KL as SVG."""
    from . import learning_curves, plotting

    series = []
    for side, rows in found["at_equal_kl"].items():
        lines = [learning_curves.curve(run["points"]) for run in found["runs"] if run["side"] == side]
        start = (0.0, found["runs"][0]["points"][0]["reward"])
        name = f"{NAMES[side]}, {len(lines)} seed{'s' if len(lines) > 1 else ''}"
        series.append(plotting.Series(name, lines, [start, *((row["kl"], row["mean"]) for row in rows)]))
    title = "Reward against KL on held-out prompts (thick: mean over seeds, as far as all runs went)"
    return plotting.svg(title, "KL to the base, nats an answer", "reward", series)
