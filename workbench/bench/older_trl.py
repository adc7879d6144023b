"""The last TRL with a PPOTrainer, in a folder of its own beside the TRL that is installed."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

from ..errors import WorkbenchError
from .alternating import Tell
from .models import cache

log = logging.getLogger(__name__)

VERSION = "1.12.0"


def folder(tell: Tell) -> Path:
    """The folder to put before the installed packages. Installed by pip the first time, without dependencies: torch,
    transformers and peft stay the same on both sides.

    Raises WorkbenchError when pip cannot reach an index.
    """
    target = cache() / f"trl-{VERSION}"
    if (target / "trl").is_dir():
        return target
    tell(f"fetching trl {VERSION}")
    scratch = target.with_name(f".tmp-{target.name}")
    shutil.rmtree(scratch, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--target", str(scratch), f"trl=={VERSION}"], capture_output=True, text=True, check=False
    )
    if done.returncode or not (scratch / "trl").is_dir():
        shutil.rmtree(scratch, ignore_errors=True)
        log.error("pip install trl failed: %s", done.stderr)
        raise WorkbenchError(
            f"TRL {VERSION} could not be fetched with pip.", "Check the network, or run without --against trl."
        )
    scratch.rename(target)
    return target
