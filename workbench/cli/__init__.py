"""The command line: each step of the loop alone, or all of it as `workbench demo`.

Results go to standard output (JSON with --json), progress and logs to standard error. Exit status: 0 done, 1 a problem
told in one sentence, 2 a wrong command line, 6 no compute engine to run on, 130 stopped by Ctrl C.
"""

from __future__ import annotations

import gc
import importlib
import logging
import logging.handlers
from pathlib import Path

import click

from .. import __version__, paths
from ..errors import NoEngine, WorkbenchError
from .shared import JSON, PROJECT, chosen, finish

log = logging.getLogger("workbench")

COMMANDS = {
    "demo": ("demonstrating", "demo"),
    "models": ("serving", "models"),
    "import": ("exchanging", "import_"),
    "export": ("exchanging", "export"),
    "tasks": ("tasks", "tasks"),
    "documents": ("documents", "documents"),
    "ask": ("documents", "ask"),
    "translate": ("translating", "translate"),
    "generate": ("working", "generate"),
    "features": ("reading", "features"),
    "train": ("working", "train"),
    "runs": ("running", "runs"),
    "evaluate": ("working", "evaluate"),
    "judge": ("judging", "judge"),
    "classify": ("labelling", "classify"),
    "report": ("reporting", "report"),
    "bench": ("benching", "bench"),
    "engines": ("engines", "engines"),
}
"""Where each command is: (module, name in it). Imported when it is asked for, since a window needs none of them."""


class Commands(click.Group):
    """The commands of COMMANDS beside those that are here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*COMMANDS, *self.commands])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, name = COMMANDS[cmd_name]
        return getattr(importlib.import_module(f".{module}", __package__), name)


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
        return 6 if isinstance(error, NoEngine) else 1
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


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="workbench")
@PROJECT
@click.option("--selftest", is_flag=True, help="Try everything once on a tiny model, in a project that is thrown away.")
@click.option("--deep", is_flag=True, help="With --selftest: also what breaks first in a packaged app.")
@click.option("--json", "as_json", is_flag=True, help="With --selftest: print the result as JSON.")
@click.option("--picture", type=click.Path(path_type=Path), default=None, help="With --selftest: keep a picture here.")
@click.pass_context
def cli(
    context: click.Context, project: Path | None, selftest: bool, deep: bool, as_json: bool, picture: Path | None
) -> int | None:
    """Teach a language model by judging what it says, on your own computer.

    Without a command, opens the window.
    """
    if not selftest and (deep or as_json or picture):
        raise click.UsageError("--deep, --json and --picture go with --selftest.")
    if selftest:
        if context.invoked_subcommand is not None or project is not None:
            raise click.UsageError("--selftest takes neither a command nor a project.")
        from .. import selftest as trial

        return trial.main(deep, as_json, picture)
    if context.invoked_subcommand is not None:
        context.obj = project
        return None
    gc.disable()  # the window collects when it is at rest; looking for garbage is a twentieth of its start
    from ..app import open_window

    return open_window(project or paths.default_project())


@cli.command()
@PROJECT
@JSON
@click.option(
    "--full",
    is_flag=True,
    help="A text to send to whoever helps: also engines and the ends of the logs, without names, keys and texts.",
)
@click.pass_context
def doctor(context: click.Context, project: Path | None, as_json: bool, full: bool) -> None:
    """Say what this machine can do and whether everything that is needed works."""
    from ..jobs.doctor import examine

    folder = chosen(context, project) or paths.default_project()
    examined = examine(folder)
    if full:
        from ..jobs.diagnostics import diagnostics

        click.echo(diagnostics(examined, folder))
    else:
        lines = [f"{'ok ' if check['ok'] else 'BAD'}  {check['name']}: {check['text']}" for check in examined["checks"]]
        finish(examined, as_json, "\n".join(lines))
    if not examined["ok"]:
        raise WorkbenchError("Something needs attention; see the lines marked BAD.")
