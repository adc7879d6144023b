"""`workbench import` and `workbench export`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from ..events import Progress
from .progress import Bar
from .shared import JSON, PROJECT, chosen, finish, opened

_MANY = 20
"""Refused rows that are listed one by one."""


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--format", "form", default=None, help="The file's format.  [default: recognised]")
@click.option(
    "--map",
    "pairs",
    multiple=True,
    metavar="ROLE=COLUMN",
    help="Which column is what, such as prompt=Question; once for each of: prompt, system, answer, rating, label, "
    "demonstration, chosen, rejected, margin, who, comment, tags.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be added, and which rows would be refused.")
@PROJECT
@JSON
@click.pass_context
def import_(
    context: click.Context,
    path: Path,
    form: str | None,
    pairs: tuple[str, ...],
    dry_run: bool,
    project: Path | None,
    as_json: bool,
) -> None:
    """Bring prompts, answers and judgements from a file into the project. A second import adds nothing.

    PATH may be an export of another project or its folder: the two become one, in whichever order, however often. It
    may be JSONL, JSON, CSV or Parquet, or a folder that `datasets` saved, with rows as TRL, Anthropic's HH, OpenAI,
    LLaMA-Factory (Alpaca, ShareGPT), Argilla, Label Studio or Open WebUI have them, or with columns that you name
    with --map.
    """
    from ..store.exchange.importing import import_file

    bar = Bar()
    with opened(chosen(context, project)) as store:
        report = import_file(
            store,
            path,
            format=form,
            mapping=_mapping(pairs),
            dry_run=dry_run,
            progress=lambda rows: bar.show(Progress(0, 0, f"{rows} rows read"), ""),
        )
    bar.done()
    finish(report.to_json(), as_json, _import_words(report.to_json(), dry_run))


def _mapping(pairs: tuple[str, ...]) -> dict[str, str] | None:
    for pair in pairs:
        if "=" not in pair:
            raise click.BadParameter(f"{pair} is not ROLE=COLUMN.", param_hint="--map")
    return {role.strip(): column for role, _, column in (pair.partition("=") for pair in pairs)} or None


def _import_words(report: dict[str, Any], dry_run: bool) -> str:
    added = ", ".join(f"{count} {table}" for table, count in report["added"].items())
    words = f"{'Would add' if dry_run else 'Added'} {added}. Already there: {report['already_there']}."
    if report["changed"]:
        words += f" {'Would change' if dry_run else 'Changed'}: {report['changed']}."
    for skip in report["skipped"][:_MANY]:
        words += f"\nSkipped row {skip['row']}: {skip['reason']}"
    if report["refused"] > _MANY:
        words += f"\n{report['refused']} rows were skipped in all:"
        for reason, count in Counter(skip["reason"] for skip in report["skipped"]).most_common(_MANY):
            words += f"\n  {count} times: {reason}"
    return words


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--what",
    type=click.Choice(["all", "pairs", "labels", "demonstrations", "judgements", "prompts", "table"]),
    default="all",
    show_default=True,
    help="Everything, to read in again; what judgements teach: pairs, labels (good or bad), demonstrations; the "
    "judgements or prompts themselves; or a CSV table for a spreadsheet, in which no cell is a formula.",
)
@click.option("--format", "form", default=None, help="The shape of a row.  [default: TRL's, or our own]")
@click.option(
    "--container",
    type=click.Choice(["jsonl", "json", "csv", "parquet", "datasets"]),
    default=None,
    help="What the rows are put into; datasets is a folder.  [default: by the ending of PATH, else jsonl]",
)
@click.option("--with-judges", is_flag=True, help="Also what models and rules said of answers; without, only people.")
@PROJECT
@JSON
@click.pass_context
def export(
    context: click.Context,
    path: Path,
    what: str,
    form: str | None,
    container: str | None,
    with_judges: bool,
    project: Path | None,
    as_json: bool,
) -> None:
    """Write the project's evidence to a file. Importing the file gives what was written, to the letter.

    A row that its format cannot hold is left out and counted. Texts in CSV are exact, so that a spreadsheet may take
    them for formulas; --what table is for spreadsheets.

    \b
    Formats, and what they cannot hold:
      preferences           pairs, TRL: no person, comment or tags
      preferences-implicit  the same without a prompt column
      unpaired              labels, TRL: no pairs, person, comment or tags
      demonstrations        demonstrations, TRL
      hh                    pairs, Anthropic: no margin, person, comment or
                            tags, and no text with "\\n\\nHuman:" inside
      instructions          pairs, labels and demonstrations, Alpaca: no
                            margin, person, comment or tags
      sharegpt              the same, ShareGPT
      openai                pairs and demonstrations: no margin, person,
                            comment or tags
      judgements            judgements of every kind, our own: no times
      argilla               judgements but rubrics and marks: no margin
      label-studio          judgements but rubrics and marks: no margin
      open-webui            thumbs and stars of single answers, decided
                            comparisons: no strength, one reason
      prompts               prompts, our own
    """
    from ..jobs.preparing import project_rules
    from ..store.exchange import exporting

    with opened(chosen(context, project)) as store:
        if what in ("all", "table"):
            if form or container:
                raise click.UsageError(f"--what {what} has one format and one container.")
            if what == "table" and with_judges:
                raise click.UsageError("--what table holds what people said. Use --what judgements.")
            everything = what == "all"
            rows = (
                exporting.export_store(store, path, judges=with_judges)
                if everything
                else exporting.export_table(store, path)
            )
            report: dict[str, Any] = {"rows": rows, "path": str(path), "left_out": {}}
        else:
            about: dict[str, Any] = {"format": form, "container": container, "rules": project_rules(store)}
            about["judges"] = list(store.judges.counts()) if with_judges else ()
            report = exporting.export(store, path, what, **about).to_json()
    words = f"Wrote {report['rows']} rows to {path}."
    for reason, count in report["left_out"].items():
        words += f"\nLeft out {count}: {reason}"
    finish(report, as_json, words)
