"""What Ollama needs beside a GGUF file: the Modelfile."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import WorkbenchError

if TYPE_CHECKING:
    from ..lm.loading import Loaded

MODELFILE = "Modelfile"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)*(:[\w.-]+)?")


def modelfile(loaded: Loaded, file: str, *, system: str = "", licence: str = "") -> str:
    """The Modelfile for a GGUF file beside it. system: what stands before each conversation unless another is given."""
    from ..lm.chat_formats import known_format
    from ..lm.generating import Sampler

    known, usual = known_format(loaded.template), Sampler()
    lines = [f"FROM ./{file}"]
    if known is not None:
        lines.append(f'TEMPLATE """{known.go()}"""')
    else:
        lines.append("# Ollama reads the chat template in the GGUF file.")
    for id_ in sorted(loaded.stop_ids):
        lines.append(f"PARAMETER stop {_quoted(str(loaded.tokenizer.convert_ids_to_tokens(id_)))}")
    lines += [
        f"PARAMETER temperature {usual.temperature}",
        f"PARAMETER top_p {usual.top_p}",
        f"PARAMETER top_k {usual.top_k}",
    ]
    if said := system or (known.system if known is not None else ""):
        lines.append(f'SYSTEM """{said.replace(chr(34) * 3, "")}"""')
    if licence:
        lines.append(f"LICENSE {_quoted(licence)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'") + '"'


def usable_name(name: str) -> str:
    """A name that Ollama takes, from a model's."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "model"


def check(name: str) -> str:
    """The program's path. Raises WorkbenchError when it is not installed, or takes no such name."""
    if not NAME.fullmatch(name):
        raise WorkbenchError(f"{name} is no name for Ollama.", "Use letters, digits, dots and dashes.")
    program = shutil.which("ollama")
    if program is None:
        raise WorkbenchError("Ollama is not installed.", f"Install it, or leave --create {name} out.")
    return program


def create(folder: Path, name: str) -> None:
    """Have Ollama take a folder in under a name. Raises WorkbenchError with its last words when it does not."""
    done = subprocess.run(
        [check(name), "create", name, "-f", MODELFILE], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:300]
        raise WorkbenchError(
            f"Ollama did not take {name}: {last}",
            f"The folder is kept. Start Ollama and run there: ollama create {name} -f {MODELFILE}",
        )
