"""The model that a comparison runs on: always a safetensors folder, so that both sides load the same weights."""

from __future__ import annotations

from pathlib import Path

from .. import paths
from ..errors import WorkbenchError
from ..events import Failed
from ..jobs.adding import STARTER, STARTER_ID
from ..jobs.process import Child
from ..jobs.spec import JobSpec
from ..lm import files


def cache() -> Path:
    """What comparisons keep from one run to the next."""
    return paths.user_data() / "bench"


def model_folder(named: str = "") -> Path:
    """The folder of the model `named` (a folder or a .gguf file), or of the starter model.

    Raises WorkbenchError when there is none that generates.
    """
    path = Path(named).expanduser().resolve() if named else _starter()
    if path.is_file():
        path = _converted(path)
    if not files.describe_folder(path)["generates"]:
        raise WorkbenchError(f"{path} is no model that generates.", "Choose a generative language model.")
    return path


def _starter() -> Path:
    for name in (STARTER_ID.replace("/", "--"), STARTER):
        folder = paths.shared_models() / name
        if (folder / "model.safetensors").is_file():
            return folder
    raise WorkbenchError("The starter model is not here.", "Run: workbench models fetch-starter, or name a --model.")


def _converted(file: Path) -> Path:
    target = cache() / "models" / f"{file.stem}-{files.folder_hash(file)[:12]}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        options = {"source": str(file), "target": str(target)}
        child = Child(JobSpec("convert", "convert", options, str(target.parent)), target.with_suffix(".log"))
        for event in child.events():
            if isinstance(event, Failed):
                raise WorkbenchError(event.text, event.hint)
    return target
