"""`workbench import` and `workbench export`."""

from __future__ import annotations

from pathlib import Path

import click

from .shared import JSON, PROJECT, chosen, finish, opened


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--format", "form", default=None, help="The file's format.  [default: recognised]")
@click.option("--dry-run", is_flag=True, help="Only say what would be added.")
@PROJECT
@JSON
@click.pass_context
def import_(
    context: click.Context, path: Path, form: str | None, dry_run: bool, project: Path | None, as_json: bool
) -> None:
    """Bring prompts, answers and judgements from a file into the project. A second import adds nothing.

    PATH may be an export of another project or its folder: the two become one, in whichever order, however often.
    """
    from ..store.exchange.importing import import_file

    with opened(chosen(context, project)) as store:
        report = import_file(store, path, format=form, dry_run=dry_run).to_json()
    added = ", ".join(f"{count} {table}" for table, count in report["added"].items())
    words = f"{'Would add' if dry_run else 'Added'} {added}. Already there: {report['already_there']}."
    if report["changed"]:
        words += f" {'Would change' if dry_run else 'Changed'}: {report['changed']}."
    for skip in report["skipped"]:
        words += f"\nSkipped row {skip['row']}: {skip['reason']}"
    finish(report, as_json, words)


@click.command()
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
    from ..store.exchange import exporting

    writers = {
        "all": exporting.export_store,
        "pairs": exporting.export_pairs,
        "demonstrations": exporting.export_demonstrations,
        "table": exporting.export_table,
    }
    with opened(chosen(context, project)) as store:
        rows = writers[what](store, path)
    finish({"rows": rows, "path": str(path)}, as_json, f"Wrote {rows} rows to {path}.")
