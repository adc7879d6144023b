"""`workbench tasks`: prompts from templates with variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .shared import JSON, PROJECT, chosen, finish, opened

_MANY = 20
"""Rows that were passed over and are listed one by one."""


@click.group()
def tasks() -> None:
    """Templates of prompts: writing, translating, questions, code, mail, summaries, classes, and your own."""


@tasks.command("list")
@PROJECT
@JSON
@click.pass_context
def list_(context: click.Context, project: Path | None, as_json: bool) -> None:
    """Every template, with how many prompts of the project were made of it."""
    from ..store.task_templates import templates

    with opened(chosen(context, project)) as store:
        counts, found = store.fillings.counts(), templates(store)
    rows = [{"id": each.id, "kept": each.kept, "prompts": counts.get(each.id, 0), **each.to_json()} for each in found]
    width = max(len(each.id) for each in found)
    words = [f"{row['id']:<{width}}  {row['title']}: {row['text']}" for row in rows]
    finish({"tasks": rows}, as_json, "\n".join(words))


@tasks.command("show")
@click.argument("name")
@PROJECT
@JSON
@click.pass_context
def show(context: click.Context, name: str, project: Path | None, as_json: bool) -> None:
    """A template: its text and its variables."""
    from ..store.task_templates import find

    with opened(chosen(context, project)) as store:
        template = find(name, store)
    lines = [template.title, template.text, ""]
    lines += [f"System: {template.system}", ""] if template.system else []
    lines += [template.user, ""]
    lines += [f"{each.name} ({each.label}), such as: {each.sample}" for each in template.variables]
    finish({"id": template.id, "kept": template.kept, **template.to_json()}, as_json, "\n".join(lines))


@tasks.command("save")
@click.argument("title")
@click.option("--user", required=True, help="The text of the prompt, with {{name}} where something is filled in.")
@click.option("--system", default="", help="System text; may hold variables too.")
@click.option("--tag", "tags", multiple=True, help="A tag of every prompt that is made of it.")
@click.option("--everywhere", is_flag=True, help="Keep it for every project, and not only in this one.")
@PROJECT
@click.pass_context
def save(
    context: click.Context,
    title: str,
    user: str,
    system: str,
    tags: tuple[str, ...],
    everywhere: bool,
    project: Path | None,
) -> None:
    """Keep a template of your own under a TITLE."""
    from ..store.task_templates import from_prompt, keep

    with opened(chosen(context, project)) as store:
        template = keep(from_prompt(title, system, user, tags=tags), None if everywhere else store)
    click.echo(f"Kept as {template.id}. Fill it with: workbench tasks fill {template.id}")


@tasks.command("fill")
@click.argument("name")
@click.option("--set", "pairs", multiple=True, metavar="VARIABLE=VALUE", help="A value; once for each variable.")
@click.option(
    "--file", type=click.Path(dir_okay=False, path_type=Path), help="CSV, JSONL, JSON or Parquet, a column a variable."
)
@click.option("--examples", type=click.IntRange(0, 50), default=0, help="Good answers of the task, put before it.")
@click.option("--seed", type=int, default=17, show_default=True, help="Decides among equally good examples.")
@click.option("--dry-run", is_flag=True, help="Only say what would be added, and which rows would be passed over.")
@PROJECT
@JSON
@click.pass_context
def fill(
    context: click.Context,
    name: str,
    pairs: tuple[str, ...],
    file: Path | None,
    examples: int,
    seed: int,
    dry_run: bool,
    project: Path | None,
    as_json: bool,
) -> None:
    """Make prompts of a template: one of --set values, or one of each row of a --file."""
    from ..store import filling
    from ..store.task_templates import find

    if bool(pairs) == bool(file):
        raise click.UsageError("Give the values with --set, or a table with --file.", context)
    with opened(chosen(context, project)) as store:
        template = find(name, store)
        rows = filling.table_rows(template, file) if file else [filling.TableRow(1, _values(pairs))]
        if not file:
            template.filled(rows[0].values)  # what is missing or unknown is told of the one prompt, and not skipped
        shown = filling.best_examples(store, template, examples, seed) if examples else []
        report = filling.fill_rows(store, template, rows, examples=shown, dry_run=dry_run)
        result = vars(report) | {"template": template.id, "examples": [each.prompt_id for each in shown]}
    finish(result, as_json, _words(report, dry_run, len(shown), examples))


def _values(pairs: tuple[str, ...]) -> dict[str, str]:
    if odd := [pair for pair in pairs if "=" not in pair]:
        raise click.BadParameter(f"{odd[0]} is not VARIABLE=VALUE.", param_hint="--set")
    return {name.strip(): value for name, _, value in (pair.partition("=") for pair in pairs)}


def _words(report: Any, dry_run: bool, shown: int, wanted: int) -> str:
    words = f"{'Would add' if dry_run else 'Added'} {report.added} prompts. Already there: {report.already_there}."
    if shown < wanted:
        words += f"\nThere are {shown} good answers of this task to show, not {wanted}."
    for skip in report.skipped[:_MANY]:
        words += f"\nSkipped row {skip['row']}: {skip['reason']}"
    return words + (f"\n{report.refused} rows were skipped in all." if report.refused > _MANY else "")
