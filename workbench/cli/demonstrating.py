"""`workbench demo`: the whole loop by itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..events import Event, Finished, Progress
from .progress import Bar
from .shared import JSON, finish, opened, stoppable


@click.command()
@click.option("--headless", is_flag=True, help="Without a window, even where there is a display.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-out"), show_default=True)
@click.option("--model", default="", help="A model folder or hub id instead of the starter.")
@click.option("--ppo-steps", type=click.IntRange(1), default=None, help="Rounds of PPO.")
@click.option("--samples", type=click.IntRange(2, 16), default=None, help="Answers to each prompt.")
@click.option(
    "--words", type=click.IntRange(6), default=40, show_default=True, help="Longest answer that the rule likes."
)
@click.option("--seed", type=click.IntRange(0), default=17, show_default=True)
@JSON
def demo(
    headless: bool,
    out: Path,
    model: str,
    ppo_steps: int | None,
    samples: int | None,
    words: int,
    seed: int,
    as_json: bool,
) -> int | None:
    """The whole loop on the sample prompts, judged by a rule: about ten minutes on two CPU cores.

    Makes a project in OUT, fetches a real model, writes answers, judges them by a rule that it names, trains a reward
    model and PPO, compares both on held-out prompts and writes report.html and report.json.
    """
    from ..jobs.demo import Demo, Plan

    sizes = {key: value for key, value in (("ppo_steps", ppo_steps), ("samples", samples)) if value is not None}
    plan = Plan(model=model, words=words, seed=seed, **sizes)
    if not headless and has_display():
        from ..app import open_window

        return open_window(out / "project", demo=plan, demo_out=out)
    with opened(out / "project") as store, stoppable() as hold:
        run = Demo(store, out, plan)
        hold(run)
        result = follow_demo(run.run())
    if result is None:
        raise click.exceptions.Abort
    finish(result, as_json, demo_words(result, out))
    return None


def follow_demo(events: Iterator[Event]) -> dict[str, Any] | None:
    """Print a demo's progress; its report, or None when it was stopped."""
    from ..jobs.demo import STEPS, OfRun

    bar, name = Bar(), ""
    for event in events:
        if isinstance(event, OfRun):
            bar.show(event.event, name)
        elif isinstance(event, Progress):
            name = f"[{event.done + 1}/{len(STEPS)}] {event.text}"
            bar.title(name)
        elif isinstance(event, Finished):
            bar.done()
            return event.summary
    bar.done()
    return None


def demo_words(found: dict[str, Any], out: Path) -> str:
    """The demo's verdict in words."""
    low, high = found["gain_ci"]
    lines = [
        f"Judge: {found['rule']}. {found['rule_text']}",
        f"Score on {found['held_out_prompts']} held-out prompts: {found['base']['score']:.3f} -> "
        f"{found['tuned']['score']:.3f}, change {found['gain']:+.3f} (95% interval {low:+.3f} to {high:+.3f}).",
        f"Tuned wins {found['win_rate']:.0%}, KL {found['kl']:.2f} nats an answer, reward model "
        f"{found['reward_model']['accuracy']:.1%} right on held-out prompts (the longer one wins: "
        f"{found['reward_model']['longer_wins']:.1%}), {found['seconds'] / 60:.1f} min.",
        f"Report: {out / 'report.html'}   Project: workbench --project {out / 'project'}",
    ]
    return "\n".join(lines)


def has_display() -> bool:
    """Whether a window can be shown."""
    if sys.platform.startswith(("win", "darwin")):
        return True
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) and platform != "offscreen"
