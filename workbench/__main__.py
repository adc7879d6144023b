"""`workbench` and `python -m workbench`: `--child` runs one job without Qt, anything else is the command line."""

from __future__ import annotations

import sys


def main() -> int:
    """Entry point. Returns the exit status."""
    if sys.argv[1:2] == ["--child"]:
        from workbench.jobs.child import main as child

        return child()
    from workbench.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
