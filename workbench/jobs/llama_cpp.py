"""llama.cpp's own converter from safetensors to GGUF, where a person has it on this computer."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .. import paths, settings
from ..errors import WorkbenchError

log = logging.getLogger(__name__)

SCRIPT = "convert_hf_to_gguf.py"
VARIABLE = "LLAMA_CPP"
NONE = "none"
KINDS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "q8_0": "q8_0"}


def converter(chosen: str = "") -> Path | None:
    """The converter: in the folder (or at the path) chosen, named by LLAMA_CPP or by the settings, or else on PATH.

    chosen: "none" is none at all. Raises WorkbenchError when what is named holds no converter.
    """
    if chosen == NONE:
        return None
    for named, where in (
        (chosen, "--llama-cpp"),
        (os.environ.get(VARIABLE, ""), VARIABLE),
        (settings.load().llama_cpp, "The setting llama_cpp"),
    ):
        if named:
            path = Path(named).expanduser()
            path = path / SCRIPT if path.is_dir() else path
            if path.name != SCRIPT or not path.is_file():
                raise WorkbenchError(
                    f"{where} names {named}, where there is no {SCRIPT}.", "Name the folder of llama.cpp's source code."
                )
            return path.resolve()
    found = shutil.which(SCRIPT)
    return Path(found).resolve() if found else None


def convert(script: Path, source: Path, target: Path, dtype: str, check: Callable[[], None]) -> None:
    """Convert a safetensors folder. `check` is called now and then, and may raise to stop. Raises WorkbenchError with
    the converter's last words when it fails."""
    command = [*paths.script_command(script), str(source), "--outfile", str(target), "--outtype", KINDS[dtype]]
    log.info("converting with %s", command)
    said = target.with_name("converter.log")
    with said.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                check()
                time.sleep(0.1)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            words = said.read_text(encoding="utf-8", errors="replace")
            said.unlink()
    log.info("the converter said: %s", words[-4000:])
    if process.returncode or not target.is_file():
        target.unlink(missing_ok=True)
        last = (words.strip().splitlines() or [f"status {process.returncode}"])[-1][:300]
        raise WorkbenchError(f"llama.cpp's converter failed: {last}.", "Update llama.cpp, or install what it lacks.")
