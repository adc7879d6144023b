"""`bench feedback`: a store as it is after years of use, and what the times of judging in it say.

The window that is measured stands above this layer: `ui/measuring.py` presses the keys.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from ..store import Store
from ..store.prompts import prompt_hash, split_of
from ..store.rows import new_id, now, to_json
from . import report

PER_PROMPT = 4
WORDS = (20, 90)
"""Shortest and longest answer."""
JUDGED = 0.1
"""Share of prompts that the person has rated and compared before: the newest, which the queue looks at first."""
LIMIT = 0.05
"""Seconds in which the next item should be there: what a person takes for at once."""
PERSON = "you"
_AT_ONCE = 1_000
_PLAIN = (
    "answer the question with care and say what is known of it before a reader asks why this was left out while other "
    "people write long letters about small things that nobody needs to hear twice in one day because time is short and "
    "a plain sentence helps more than ten pages full of fine words which promise much but tell little to anyone"
)
_WORDS = tuple(_PLAIN.split())


class Timed(Protocol):
    """One judgement: seconds from the key that finished it to the next item on screen, and those of them in COMMIT."""

    @property
    def seconds(self) -> float: ...
    @property
    def commit(self) -> float: ...


def make(project: Path, answers: int) -> dict[str, int]:
    """A project with so many answers, and what is in it."""
    store = Store.open(project)
    try:
        fill(store, answers)
        return {"answers": store.responses.count(), "judged_before": sum(store.feedback.counts().values())}
    finally:
        store.close()


def fill(store: Store, answers: int, seed: int = 17) -> None:
    """Put so many answers into an empty project, PER_PROMPT to each prompt, in one transaction."""
    draw = random.Random(seed)
    count = max(1, answers // PER_PROMPT)
    with store.writing() as db:
        base = store.models.add(name="A model", kind="base", source="local", location="/nowhere")
        prompts = _prompts(count, draw)
        while group := list(islice(prompts, _AT_ONCE)):
            db.conn.executemany(
                "INSERT INTO prompts(id, hash, turns, tags, split, source, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                group,
            )
            db.conn.executemany(
                "INSERT INTO responses(id, prompt_id, text, model_id, source, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (new_id(), prompt[0], _text(draw, *WORDS), base.id, "generated", prompt[-1])
                    for prompt in group
                    for _ in range(PER_PROMPT)
                ],
            )
        _judge(store, int(JUDGED * count), draw)


def _prompts(count: int, draw: random.Random) -> Iterator[tuple[str, ...]]:
    when = now()
    for number in range(count):
        turns = [{"role": "user", "content": f"Question {number}: {_text(draw, 10, 30)}"}]
        digest = prompt_hash("", turns)
        yield new_id(), digest, to_json(turns), to_json(["mail"] if number % 5 else []), split_of(digest), "bench", when


def _text(draw: random.Random, fewest: int, most: int) -> str:
    text = " ".join(draw.choices(_WORDS, k=draw.randint(fewest, most)))
    return text[:1].upper() + text[1:] + "."


def _judge(store: Store, count: int, draw: random.Random) -> None:
    """Ratings and comparisons of the newest prompts, by the person whose window is measured."""
    rows = store.rows(
        """SELECT prompt_id, json_group_array(id) AS ids FROM responses
        WHERE prompt_id IN (SELECT id FROM prompts ORDER BY rowid DESC LIMIT ?) GROUP BY prompt_id""",
        [count],
    )
    for row in rows:
        ids = store.rows("SELECT value AS id FROM json_each(?)", [row["ids"]])
        shown = [each["id"] for each in ids]
        ratings = {"ratings": [draw.randint(1, 5) for _ in shown]}
        store.feedback.add("rating", row["prompt_id"], shown, ratings, annotator=PERSON)
        better = {"choice": draw.choice("ab"), "strength": 1}
        store.feedback.add("comparison", row["prompt_id"], shown[:2], better, annotator=PERSON)


# --- what it says


def result(found: Mapping[str, Sequence[Timed]], about: Mapping[str, Any]) -> dict[str, Any]:
    """Figures by kind, in seconds. about: what was measured, and the `longest_stall` between two judgements."""
    kinds = {kind: _figures(timings) for kind, timings in found.items()}
    slow = [kind for kind, figures in kinds.items() if figures["p99"] > LIMIT]
    return {"job": dict(about), "kinds": kinds, "limit": LIMIT, "slow": slow}


def _figures(timings: Sequence[Timed]) -> dict[str, float]:
    times = sorted(timing.seconds for timing in timings)
    spent, committing = sum(times), sum(timing.commit for timing in timings)
    return {
        "count": len(times),
        "median": quantile(times, 0.5),
        "p99": quantile(times, 0.99),
        "max": times[-1],
        "commit_median": quantile(sorted(timing.commit for timing in timings), 0.5),
        "commit_share": committing / spent if spent else 0.0,
    }


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed, never one between two of them."""
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def words(found: Mapping[str, Any]) -> str:
    """The result as a table."""
    job = found["job"]
    title = (
        f"From the key to the next item on screen, after it is on disk: {job['answers']:,} answers in the store, "
        f"{job['judged_before']:,} judgements before, a window of {job['width']} x {job['height']} "
        f"({job['platform']}); milliseconds."
    )
    rows = [
        (
            kind,
            str(each["count"]),
            *(f"{1000 * each[name]:.1f}" for name in ("median", "p99", "max", "commit_median")),
            f"{each['commit_share']:.0%}",
        )
        for kind, each in found["kinds"].items()
    ]
    table = report.table(("kind", "times", "median", "p99", "max", "COMMIT", "its share"), rows)
    limit = f"{1000 * found['limit']:.0f} ms"
    verdict = f"Over {limit} in the 99th percentile: {', '.join(found['slow'])}." if found["slow"] else ""
    verdict = verdict or f"Every kind is within {limit} in the 99th percentile."
    stall = f"Between judgements the window was busy for {1000 * job['longest_stall']:.0f} ms at the longest."
    return "\n".join([title, "", table, "", verdict, stall])
