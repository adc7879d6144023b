"""Signatures: WB_SIGN_CMD is run on a file, with its path as the last word or in the place of {file}."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

WARNING = """
****************************************************************************************
* NOT SIGNED: WB_SIGN_CMD is not set. Windows and macOS warn people about this file,   *
* and nobody can tell whether it is ours. Never release it like this.                  *
****************************************************************************************"""


def sign(files: Iterable[Path]) -> bool:
    """Sign files; without WB_SIGN_CMD says loudly that they are not, and returns False."""
    command = os.environ.get("WB_SIGN_CMD", "").strip()
    if not command:
        print(WARNING, file=sys.stderr)
        return False
    for file in files:
        subprocess.run(words(command, file), check=True)
    return True


def words(command: str, file: Path) -> list[str]:
    """The command line for one file."""
    parts = shlex.split(command)
    named = [part.replace("{file}", str(file)) for part in parts]
    return named if named != parts else [*parts, str(file)]
