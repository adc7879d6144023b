"""`workbench generate`, `train` and `evaluate`: jobs in a child process, with progress on standard error."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click
import psutil

from ..errors import WorkbenchError
from ..events import Failed, Stopped
from ..jobs.learned import judges_of, judges_words
from ..jobs.tasks import evaluate as evaluating
from ..jobs.tasks import generate as generating
from ..methods import METHODS, presets
from ..methods.base import kind_of, knobs, needs_reward, options_from, starts_from
from ..methods.reward_people import people_words
from ..store import run_queue
from .knob_options import given, knob_options
from .modelling import model_json
from .progress import Bar
from .shared import JSON, PROJECT, chosen, finish, opened, stoppable, warn_of_templates


def carry_out(store: Any, method: str, options: dict[str, Any], **fields: Any) -> Any:
    """Prepare a job, run it with progress on standard error, and return the run's row."""
    from ..jobs import preparing

    warn_of_templates(store, *fields.get("other_ids", ()), fields.get("model_id"), fields.get("reward_id"))
    return see_through(store, *preparing.prepare(store, method, options, **fields))


def see_through(store: Any, run: Any, spec: Any) -> Any:
    """Run a prepared job with progress on standard error, and return the run's row. Raises WorkbenchError when it
    fails."""
    from ..jobs import running

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
        "judges": judges_of(store, run),
    }


def only_model(store: Any, name: str | None, kind: str) -> Any:
    """The model that was named, or the newest of its kind. Raises WorkbenchError when there is none."""
    if name:
        return store.models.find(name)
    found = [model for model in store.models.list(kind) if kind != "base" or model.info.get("generates", True)]
    if not found:
        words = {"base": "model", "reward": "reward model", "adapter": "trained model"}[kind]
        raise WorkbenchError(f"This project has no {words}.", "See: workbench models --help, workbench train --help.")
    return found[-1]


@click.command()
@knob_options(generating.Options)
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
    with opened(chosen(context, project)) as store:
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
        found = store.responses.of_run(run.id)
        if typed is not None and run.summary.get("there"):  # what was typed before has its answers already
            found = [each for each in store.responses.of_prompt(prompts[0].id) if _maker(each) == run.model_id]
        answers = [
            {
                "prompt": store.prompts.find(item.prompt_id).text,
                "answer": item.text,
                "finish_reason": item.finish_reason,
            }
            for item in found
        ]
        shown = "\n\n".join(item["answer"] for item in answers) if typed is not None else generated_words(run.summary)
        finish(run_json(store, run) | {"answers": answers}, as_json, shown)


def _maker(response: Any) -> str | None:
    return response.adapter_id or response.model_id


def generated_words(summary: Any) -> str:
    """What a run of generate wrote, in words."""
    written, there = summary.get("answers", 0), summary.get("there", 0)
    return f"Wrote {written} answers." + (f" {there} were there already." if there else "")


@click.group(invoke_without_command=True)
@click.option(
    "--resume", "resumed", metavar="RUN", default=None, help="Go on with a run that was cut off, by name or id."
)
@click.option("--steps", type=int, default=None, help="With --resume: go on to this many steps instead.")
@click.option("--bundle", type=click.Path(path_type=Path), default=None, help="Run what `runs export` wrote.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="With --bundle: a new folder for the run.")
@click.option("--model", type=click.Path(path_type=Path), default=None, help="With --bundle: where its base model is.")
@PROJECT
@JSON
@click.pass_context
def train(
    context: click.Context,
    resumed: str | None,
    steps: int | None,
    bundle: Path | None,
    out: Path | None,
    model: Path | None,
    project: Path | None,
    as_json: bool,
) -> None:
    """Train on the project's judgements: one command per method."""
    from ..jobs import preparing

    if bundle is not None:
        if context.invoked_subcommand is not None or resumed is not None or steps is not None:
            raise click.UsageError("A bundle is run as it is: --bundle stands alone, with --out and --model.", context)
        run_bundle(bundle, out or Path(bundle.stem), model, as_json)
        return
    if out is not None or model is not None:
        raise click.UsageError("--out and --model are for --bundle here.", context)
    if resumed is None:
        if context.invoked_subcommand is None:
            raise click.UsageError("Name a method, or a run to go on with: --resume RUN.", context)
        if as_json or steps is not None:
            raise click.UsageError("Options of a method stand behind its name.", context)
        context.find_root().obj = chosen(context, project)
        return
    if context.invoked_subcommand is not None:
        raise click.UsageError("A run goes on with its own method and knobs: --resume stands alone.", context)
    with opened(chosen(context, project)) as store:
        known = store.runs.find(resumed)
        run = see_through(store, *preparing.resume(store, known.id, {} if steps is None else {"steps": steps}))
        finish(run_json(store, run), as_json, ended_words(store, run))


def run_bundle(bundle: Path, out: Path, model: Path | None, as_json: bool) -> None:
    """Run a bundle in a project of its own, and say whether its curves are those that it had."""
    from ..jobs import unbundling

    store, made = unbundling.unbundle(bundle, out, model)
    try:
        run = see_through(store, made.run, made.spec)
        other = unbundling.differences(store, run, made.curves)
        told = [name for name in made.curves if not name.startswith(unbundling.TIMED)]
        same = f"All {len(told)} curves are those in the bundle, bit for bit."
        words = f"Other than in the bundle: {', '.join(other)}." if other else same
        found = run_json(store, run) | {"project": str(store.folder), "differs": other}
        finish(found, as_json, f"{ended_words(store, run)}\n{words if told else ''}\nIt is in {store.folder}.")
    finally:
        store.close()


def _train_command(method: Any) -> click.Command:
    begins = click.option("--model", default=None, help="The model to begin from.  [default: the newest base]")
    trust = click.option(
        "--trust-function", "trusts", is_flag=True, help="Confirm that --function may run as it is now."
    )
    has_function = any(knob.name == "function" for knob in knobs(method.Options))

    @PROJECT
    @JSON
    @(begins if starts_from(method) else _as_it_is)
    @(trust if has_function else _as_it_is)
    @click.option("--reward", default=None, help="The reward model to please.  [default: the newest]")
    @click.option("--name", default="", help="What to call the result.")
    @click.option(
        "--preset",
        type=click.Choice(presets.NAMES),
        default=None,
        help="Values of a few knobs by how much data there is; a knob that is given stands.  [default: none]",
    )
    @click.option("--queue", "waits", is_flag=True, help="Put it in line, for `workbench runs start` or the window.")
    @click.option("--plan", "only_plan", is_flag=True, help="Say how much memory it would take, and do not run it.")
    @click.pass_context
    def command(
        context: click.Context,
        project: Path | None,
        as_json: bool,
        reward: str | None,
        name: str,
        preset: str | None,
        waits: bool,
        only_plan: bool,
        model: str | None = None,
        trusts: bool = False,
        **values: Any,
    ) -> None:
        from ..jobs import functions, preparing

        if trusts and not values["function"]:
            raise click.UsageError("--trust-function is about the file that --function names.", context)
        with opened(chosen(context, project)) as store:
            values = _preset(store, method, preset, values) | given(values)
            options_from(method.Options, given(values))  # nonsense is told before what is missing
            if trusts:
                functions.trust(store, values["function"])
            reward_id = reward_for(store, method, reward, given(values))
            model_id = only_model(store, model, "base").id if starts_from(method) else None
            if only_plan:
                found = planned(store, method, given(values), model_id, reward_id)
                finish(found, as_json, plan_words(found))
                return
            run, spec = preparing.prepare(
                store, method.name, given(values), model_id=model_id, reward_id=reward_id, name=name
            )
            if waits:
                run_queue.put(store, run.id)
                place = run_queue.place_of(store, run.id)
                words = f"{run.name} waits, {place} in line. Work through the queue with: workbench runs start"
                finish(run_json(store, store.runs.find(run.id)) | {"place": place}, as_json, words)
                return
            run = see_through(store, run, spec)
            finish(run_json(store, run), as_json, ended_words(store, run))

    return click.command(method.name, help=method.text)(knob_options(method.Options)(command))


def _preset(store: Any, method: Any, name: str | None, values: dict[str, Any]) -> dict[str, Any]:
    """What a preset changes for the data that there are."""
    from ..jobs import preparing
    from ..methods import plain_text

    if name is None:
        return {}
    if kind_of(method) == "documents":
        return presets.values(method, name, plain_text.find(values["text"] or "").size)
    return presets.values(method, name, presets.amount(method, preparing.data_read(store, method, given(values))))


def reward_for(store: Any, method: Any, name: str | None, options: dict[str, Any]) -> str | None:
    """The reward model of a run: the one that was named, or the newest where nothing else says what is good."""
    if not method.NEEDS_REWARD or name == "none":
        return None
    return only_model(store, name, "reward").id if name or needs_reward(method, options) else None


def _as_it_is(command: Any) -> Any:
    return command


def planned(
    store: Any, method: Any, options: dict[str, Any], model_id: str | None, reward_id: str | None
) -> dict[str, Any]:
    """What a run would take, in bytes by part, on the device that it would choose. Raises WorkbenchError."""
    from ..jobs import preparing
    from ..jobs.compute_trying import device_of
    from ..methods.planning import plan

    knob_values = dataclasses.asdict(options_from(method.Options, options))
    found_device = device_of(knob_values["device"], knob_values["dtype"])
    reward = preparing.reference(store, reward_id) if reward_id else None
    model = preparing.reference(store, model_id) if model_id else None
    data = preparing.data_read(store, method, options)
    device, total = found_device["device"], found_device["memory"]
    found = plan(knob_values, data, model, reward, bytes_each=found_device["itemsize"], device=device)
    name = model.name if model else "a new model"
    if found is None:
        raise WorkbenchError(f"The files of {name} do not say what it is made of.", "Start the run and watch.")
    free = psutil.virtual_memory().available if device == "cpu" else total
    return {
        "method": method.name,
        "model": name,
        "device": found_device["name"],
        "dtype": found_device["dtype"],
        "parts": found.estimate.parts(),
        "estimate_bytes": found.estimate.total,
        "free_bytes": free,
        "total_bytes": total,
        "fit": found.estimate.fit(free, total),
        "micro_tokens": found.work.tokens,
    }


PARTS = {
    "weights": "Model",
    "adapters": "Adapters",
    "optimiser": "Gradients and optimiser",
    "activations": "Activations of {micro_tokens} tokens",
    "logits": "Logits of a chunk",
    "cache": "Cache of the answers",
    "writing": "Reading prompts and drawing tokens",
    "heap": "Freed blocks that the heap keeps",
    "process": "PyTorch and libraries",
}


def plan_words(found: dict[str, Any]) -> str:
    """A plan as a table."""
    rows = [(PARTS[key].format(**found), size) for key, size in found["parts"].items()]
    rows.append(("In all, about", found["estimate_bytes"]))
    lines = [f"{found['method']} on {found['model']}, {found['dtype']}, {found['device']}"]
    lines += [f"  {name:36}{size / 1e6:10,.0f} MB" for name, size in rows]
    words = {
        "fits": "It fits: {free:,.0f} of {total:,.0f} MB are free.",
        "tight": "It is tight: {free:,.0f} of {total:,.0f} MB are free. Close other programs first.",
        "too large": "It is too large: there are {total:,.0f} MB. Take less at once, or a smaller model.",
    }[found["fit"]]
    return "\n".join([*lines, words.format(free=found["free_bytes"] / 1e6, total=found["total_bytes"] / 1e6)])


def ended_words(store: Any, run: Any) -> str:
    """A finished run in words, with the judges that it learned from."""
    return "\n".join([run_words(run), *judges_words(judges_of(store, run))])


def run_words(run: Any) -> str:
    """A finished run in words, as far as it tells them itself."""
    numbers = {key: value for key, value in run.summary.items() if isinstance(value, int | float)}
    figures = ", ".join(f"{key} {value:.4g}" for key, value in numbers.items() if not isinstance(value, bool))
    early = " early" if run.summary.get("stopped_early") else ""
    more = [*reliability_words(run.summary), *people_words(run.summary)]
    return "\n".join([f"{run.name} {run.status}{early}. {figures}", *more])


def reliability_words(summary: Any) -> list[str]:
    """How often a reward model was right by how sure it was: a line a bin."""
    return [
        f"  {each['sure']:4.0%} sure: right {each['right']:4.0%} of {each['count']:<5d} "
        f"(95 % interval {each['low']:.0%} to {each['high']:.0%})"
        for each in summary.get("reliability") or ()
    ]


@click.command()
@knob_options(evaluating.Options)
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
    with opened(chosen(context, project)) as store:
        second = only_model(store, tuned, "adapter")
        first = store.models.find(base) if base else store.models.reference_of(second)
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


for _method in METHODS.values():
    train.add_command(_train_command(_method))
