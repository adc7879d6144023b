"""Checkpoints of a run: whole or absent, safetensors and JSON only, the two newest kept. No torch at module top.

A checkpoint is a folder `checkpoints/step-000012` with `tensors.safetensors`, `state.json` and, written last, a
`manifest.json` that holds the size and sha256 of both. It is read only if all of it is what the manifest says.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from .folders import reason, settle, sync_file, whole_folder

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

FORMAT = 1
KEEP = 2
FOLDER = "checkpoints"
TENSORS, STATE, MANIFEST = "tensors.safetensors", "state.json", "manifest.json"
ROOM = 1 << 20
"""Bytes that a checkpoint leaves free: a disk that it fills would be full for the judgements too."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is what its manifest says. damaged: newer ones that are not."""

    step: int
    folder: Path
    damaged: tuple[str, ...] = ()

    def tensors(self) -> dict[str, torch.Tensor]:
        """Its tensors, on the CPU."""
        from safetensors.torch import load_file

        return load_file(self.folder / TENSORS)

    def state(self) -> dict[str, Any]:
        """Its state in JSON."""
        return json.loads((self.folder / STATE).read_text(encoding="utf-8"))


def write(
    run_folder: Path, step: int, tensors: dict[str, torch.Tensor], state: dict[str, Any], *, keep: int = KEEP
) -> Path:
    """Write a checkpoint, then remove all but the newest `keep`, and return its folder.

    Raises WorkbenchError when a number in it is not finite or the disk does not take it; the older ones stay then.
    """
    from safetensors.torch import save_file

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    _check_finite(plain)
    parent = run_folder / FOLDER
    target = parent / f"step-{step:06d}"
    _check_room(run_folder, sum(tensor.numel() * tensor.element_size() for tensor in plain.values()))
    with whole_folder(target) as folder:
        save_file(plain, folder / TENSORS, metadata={"format": "pt"})
        (folder / STATE).write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
        files = {}
        for name in (TENSORS, STATE):
            # A manifest on the disk must never speak of content that is not there yet.
            sync_file(folder / name)
            files[name] = {"size": (folder / name).stat().st_size, "sha256": _hash(folder / name)}
        manifest = {"format": FORMAT, "step": step, "files": files}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    _rotate(parent, step, keep)
    return target


def newest(run_folder: Path, *, deep: bool = True) -> Checkpoint | None:
    """The newest checkpoint that is whole, by its step; None when there is none.

    deep: compare every file with its hash; without it only names and sizes, which takes no time.
    """
    damaged: list[str] = []
    for folder in sorted(_folders(run_folder / FOLDER), reverse=True):
        step = _step_of(folder, deep=deep)
        if step is not None:
            return Checkpoint(step, folder, tuple(damaged))
        log.warning("%s is damaged and passed over", folder)
        damaged.append(folder.name)
    return None


def sweep(run_folder: Path) -> None:
    """Clear up what a killed process left half-written. For the process that owns the run, when it begins."""
    settle(run_folder)
    if (run_folder / FOLDER).is_dir():
        settle(run_folder / FOLDER)


def clear(run_folder: Path) -> None:
    """Remove all checkpoints of a run."""
    shutil.rmtree(run_folder / FOLDER, ignore_errors=True)


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.glob("step-*") if path.is_dir()]


def _step_of(folder: Path, *, deep: bool) -> int | None:
    """The step that a whole checkpoint was written at; None when it is not whole."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        step, files = int(manifest["step"]), manifest["files"]
        if manifest["format"] != FORMAT or folder.name != f"step-{step:06d}" or set(files) != {TENSORS, STATE}:
            return None
        for name, about in files.items():
            if (folder / name).stat().st_size != about["size"]:
                return None
            if deep and _hash(folder / name) != about["sha256"]:
                return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s: %s", folder, error)
        return None
    return step


def _rotate(parent: Path, step: int, keep: int) -> None:
    """Keep the newest by the step in their manifests: a clock may go back. Those past `step` are of a run that was
    taken back to an earlier one; those that are not whole are of no use."""
    steps = {folder: _step_of(folder, deep=False) for folder in _folders(parent)}
    good = sorted((found, folder) for folder, found in steps.items() if found is not None and found <= step)
    stay = {folder for _, folder in good[-keep:]}
    for folder in steps:
        if folder not in stay:
            shutil.rmtree(folder, ignore_errors=True)


def _check_finite(tensors: dict[str, torch.Tensor]) -> None:
    import torch

    bad = [name for name, tensor in tensors.items() if tensor.is_floating_point() and not torch.isfinite(tensor).all()]
    if bad:
        log.error("not finite: %s", ", ".join(bad))
        raise WorkbenchError(
            "The state holds numbers that are not finite, so no checkpoint was written.", "Lower the learning rate."
        )


def _check_room(run_folder: Path, size: int) -> None:
    try:
        run_folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(run_folder).free
    except OSError as error:
        raise WorkbenchError(f"Saving to {run_folder} failed: {reason(error)}.", "Check the disk.") from error
    if free < size + ROOM:
        raise WorkbenchError(
            f"A checkpoint needs {_mb(size + ROOM)} MB and the disk has {_mb(free)} MB left.", "Free some space."
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f}"


def _hash(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
