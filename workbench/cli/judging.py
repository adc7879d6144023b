"""`workbench judge`: have a model or a rule judge answers, and say how far it agrees with people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import WorkbenchError
from ..ui.judge_words import estimate_words, report_text
from ..ui.report_words import plain
from .shared import JSON, PROJECT, chosen, finish, opened
from .working import run_json, see_through


@click.group(invoke_without_command=True)
@click.option("--server", default=None, metavar="URL", help="A model on this OpenAI-compatible server judges.")
@click.option("--model", default="", help="What that server calls the model. Its key: WORKBENCH_JUDGE_KEY, or keyring.")
@click.option("--model-of-project", default=None, metavar="NAME", help="A model of the project judges.")
@click.option("--reward", default=None, metavar="NAME", help="A reward model of the project judges.")
@click.option("--rule", type=click.Choice(["length", "pattern", "match", "exact"]), default=None, help="A rule judges.")
@click.option("--rule-words", type=int, default=50, help="For length: words an answer should have.  [default: 50]")
@click.option("--rule-pattern", default="", help="For pattern and match: a regular expression.")
@click.option("--rubric", default="", metavar="FILE|TEXT", help="What the judge looks for, or a file that says it.")
@click.option("--compare/--rate", "compares", default=False, help="Say which of two is better, or rate 1 to 5.")
@click.option("--five-steps", is_flag=True, help="Comparisons also say whether one is much better.")
@click.option("--only-judged", "which", flag_value="judged", help="Only what people have judged, to see agreement.")
@click.option("--only-unjudged", "which", flag_value="unjudged", help="Only what nobody has judged.")
@click.option("--tag", default=None, help="Only answers to prompts with this tag.")
@click.option("--split", type=click.Choice(["train", "held_out"]), default=None, help="Only prompts of this split.")
@click.option("--limit", type=click.IntRange(min=1), default=None, help="At most so many.")
@click.option("--at-once", type=click.IntRange(1, 64), default=4, show_default=True, help="Questions at one time.")
@click.option("--price-in", type=float, default=0.0, help="Price of a million tokens of questions.")
@click.option("--price-out", type=float, default=0.0, help="Price of a million tokens of replies.")
@click.option("--device", default="auto", help="Where a model of the project computes.  [default: auto]")
@click.option("--dry-run", is_flag=True, help="Only say how many there are and what they take.")
@PROJECT
@JSON
@click.pass_context
def judge(context: click.Context, dry_run: bool, project: Path | None, as_json: bool, **asked: Any) -> None:
    """Have a judge rate or compare answers. What it says is kept apart from what people say.

    Two answers are asked about in both orders; what does not stand both times is a tie. Answers that this judge with
    this rubric was asked about before are not asked about again.
    """
    if context.invoked_subcommand is not None:
        context.obj = project or context.obj
        return
    from ..jobs import judging

    with opened(chosen(context, project)) as store:
        order = _order(store, asked)
        if dry_run:
            found = judging.estimate(store, order)
            told = {"count": found.count, "seconds": found.seconds, "cost": found.cost}
            finish(told, as_json, estimate_words(found, plain))
            return
        run = see_through(store, *judging.prepare(store, order))
        told = run_json(store, run) | {"judge": store.judges.find(run.options["judge_id"]).name}
    finish(told, as_json, _words(told))


@judge.command("report")
@PROJECT
@JSON
@click.pass_context
def judge_report(context: click.Context, project: Path | None, as_json: bool) -> None:
    """Say how far each judge agrees with people, and whether it follows the place or the length of answers."""
    from ..jobs.judge_report import report_of

    with opened(chosen(context, project)) as store:
        found = report_of(store)
    finish(found.to_json(), as_json, report_text(found, plain))


def _order(store: Any, asked: dict[str, Any]) -> Any:
    from ..jobs.judging import Order

    named = [kind for kind in ("server", "model_of_project", "reward", "rule") if asked[kind]]
    if len(named) != 1:
        raise click.UsageError("Name one judge: --server, --model-of-project, --reward or --rule.")
    names = {"server": "server", "model_of_project": "model", "reward": "reward", "rule": "rule"}
    kind = names[named[0]]
    model = asked["model_of_project"] or asked["reward"]
    knobs: dict[str, Any] = {name: asked[name] for name in ("at_once", "price_in", "price_out", "device")}
    return Order(
        kind,
        rubric=_rubric(asked["rubric"]),
        url=asked["server"] or "",
        model=asked["model"],
        model_id=store.models.find(model).id if model else "",
        rule=asked["rule"] or "none",
        which=asked["which"] or "all",
        limit=asked["limit"] or 0,
        knobs=knobs | {"steps": 5 if asked["five_steps"] else 3},
        **{name: asked[name] for name in ("compares", "tag", "split", "rule_words", "rule_pattern")},
    )


def _rubric(given: str) -> str:
    """The text, or what the file of that name holds."""
    try:
        path = Path(given)
        if not given or not path.is_file():
            return given
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        if "\0" in given or len(given) > 200:
            return given  # no name that a file could have
        raise WorkbenchError(f"The rubric in {given} cannot be read: {error}.", "Choose another file.") from error


def _words(told: dict[str, Any]) -> str:
    summary = told["summary"]
    words = f"{told['judge']} gave {summary.get('judged', 0)} verdicts"
    if summary.get("no_verdict"):
        words += f" and none for {summary['no_verdict']}"
    if summary.get("tokens_in"):
        words += f"; {summary['tokens_in']} tokens read, {summary['tokens_out']} written"
    if summary.get("cost"):
        words += f"; cost {summary['cost']:.4g}"
    return f"{words}. See: workbench judge report."
