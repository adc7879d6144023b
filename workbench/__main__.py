"""`workbench` and `python -m workbench`: `--child` and `--rows` work for a window, else it is the command line."""

from __future__ import annotations

import os
import sys

from . import paths


def main() -> int:
    """Entry point. Returns the exit status."""
    # The hub's client reports its use unless told not to before it is imported.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    paths.forget_other_qt()
    if sys.argv[1:2] == ["--child"]:
        from workbench.jobs.child import main as child

        return child()
    if sys.argv[1:2] == ["--rows"]:
        from workbench.store.exchange.table_child import main as rows

        return rows(sys.argv[2:])
    from workbench.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
