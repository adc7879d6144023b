"""`workbench report`: do people agree, what do judgements lean on, what do they become, is it enough to train."""

from __future__ import annotations

from pathlib import Path

import click

from ..jobs.reporting import report_of
from ..ui.report_text import report_text
from ..ui.report_words import plain
from .shared import JSON, PROJECT, chosen, finish, opened


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, exists=True, path_type=Path))
@PROJECT
@JSON
@click.pass_context
def report(context: click.Context, folder: Path | None, project: Path | None, as_json: bool) -> None:
    """Say how good the judgements of a project are, and whether they are enough to train on.

    FOLDER is the project, as --project is.
    """
    with opened(folder or chosen(context, project)) as store:
        found = report_of(store)
    finish(found.to_json(), as_json, report_text(found, plain))
