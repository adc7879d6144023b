"""Write a model for other programs, the adapter merged into its base: as a folder in shards, as GGUF, for Ollama."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import StopRequested, WorkbenchError
from ...events import Event, Finished, Progress, Started, Stopped, Warned
from ...lm.refs import ModelRef
from ...methods.base import Data, Job, knob

if TYPE_CHECKING:
    import torch

    from ...lm.loading import Loaded

name = "export"
title = "Export"
text = "Writes a model, merged with its adapter, for other programs."
CARD = "README.md"
FORMATS = ("folder", "gguf", "ollama")
SHORT = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "q8_0": "Q8_0"}
"""Number formats as they are called in the names of GGUF files."""


@dataclass(frozen=True)
class Options:
    """Where to, and in which format."""

    target: str = knob("", "The folder to make; or, for gguf, a file whose name ends with .gguf.", path="folder")
    format: str = knob(
        "folder", "folder: safetensors, for transformers. gguf: for llama.cpp and LM Studio. ollama: for Ollama.",
        choices=FORMATS,
    )  # fmt: skip
    dtype: str = knob(
        "auto", "Number format; auto keeps the base's own. q8_0, of about 8 bits, is for GGUF files alone.",
        label="Number format", choices=("auto", "bfloat16", "float16", "float32", "q8_0"),
    )  # fmt: skip
    shard_mb: int = knob(5000, "Most megabytes in one safetensors file.", label="Shard size", low=50, high=1_000_000)
    llama_cpp: str = knob(
        "", "Folder of llama.cpp's source code, whose own converter is then used; none: ours.", label="llama.cpp"
    )
    card: str = knob("", "The text of the model card.")
    title: str = knob("", "What the model is called.")
    licence: str = knob("", "The licence of the base.")
    source: str = knob("", "The hub id of the base.")
    system: str = knob("", "What stands before each conversation, for Ollama.")


def lacks(data: Data) -> str:
    """An export needs no examples."""
    return ""


def train(job: Job, options: Options) -> Iterator[Event]:
    """Load in float32, merge, write whole or not at all. Raises WorkbenchError when the target is there already."""
    try:
        yield from _export(job, options)
    except StopRequested:
        yield Stopped()


def _export(job: Job, options: Options) -> Iterator[Event]:
    import torch

    from ...lm.devices import Compute
    from ...lm.loading import load, merge_adapter

    assert job.model is not None
    target = Path(options.target)
    _check(target, options)
    yield Started(3)
    yield Progress(0, 3, "Loading the model")
    # A sum of a 16-bit weight and an adapter is rounded once here, at the end.
    loaded = load(job.model, Compute(torch.device("cpu"), torch.float32, "CPU", 0))
    job.check()
    yield Progress(1, 3, "Merging the adapter")
    merge_adapter(loaded)
    job.check()
    dtype = options.dtype if options.dtype != "auto" else str(own_dtype(job.model)).removeprefix("torch.")
    write = _write_folder if options.format == "folder" else _write_gguf
    yield from write(job, loaded, target, dtype, options)


def _check(target: Path, options: Options) -> None:
    if target.exists():
        raise WorkbenchError(f"{target} is there already.", "Choose another folder: nothing is overwritten.")
    if options.format == "folder" and options.dtype == "q8_0":
        raise WorkbenchError("q8_0 is a format of GGUF files alone.", "Choose bfloat16 or float16, or the format gguf.")
    if options.format != "gguf" and target.suffix == ".gguf":
        raise WorkbenchError(f"{target.name} is the name of a GGUF file.", "Name a folder, or choose the format gguf.")


def _write_folder(job: Job, loaded: Loaded, target: Path, dtype: str, options: Options) -> Iterator[Event]:
    from ...lm.folders import whole_folder

    yield Progress(2, 3, "Writing safetensors")
    with whole_folder(target) as folder:
        save(loaded, folder, dtype, options.shard_mb)
        job.check()
        _write_card(folder, options)
    yield Finished({"target": str(target), "dtype": dtype, "format": "folder"})


def save(loaded: Loaded, folder: Path, dtype: str, shard_mb: int) -> None:
    """Write a merged model in transformers' own form."""
    import torch

    model = loaded.causal.to(getattr(torch, dtype))
    if not all(bool(torch.isfinite(weight).all()) for weight in model.parameters()):
        raise WorkbenchError(f"The weights do not fit into {dtype}.", "Choose bfloat16 or float32.")
    model.save_pretrained(folder, max_shard_size=f"{shard_mb}MB")
    loaded.template.save_tokenizer(folder)


def _write_card(folder: Path, options: Options) -> None:
    if options.card:
        (folder / CARD).write_text(options.card, encoding="utf-8")


def _write_gguf(job: Job, loaded: Loaded, target: Path, dtype: str, options: Options) -> Iterator[Event]:
    """One file; or a folder with the file, its card and, for Ollama, its Modelfile."""
    from ...lm.folders import whole_file, whole_folder

    summary = {"target": str(target), "dtype": dtype, "format": options.format}
    if target.suffix == ".gguf":
        with whole_file(target) as path:
            yield from _convert(job, loaded, path, dtype, options)
        yield Finished(summary | {"file": target.name})
        return
    file = f"{usable(options.title or target.name)}-{SHORT[dtype]}.gguf"
    with whole_folder(target) as folder:
        if options.format == "ollama":
            _write_modelfile(loaded, folder, file, options)
        yield from _convert(job, loaded, folder / file, dtype, options)
        _write_card(folder, options)
    yield Finished(summary | {"file": file})


def usable(title: str) -> str:
    """A name as part of a file's name."""
    kept = "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in title)
    return kept.strip("-.") or "model"


def _write_modelfile(loaded: Loaded, folder: Path, file: str, options: Options) -> None:
    from ..ollama import MODELFILE, modelfile

    said = modelfile(loaded, file, system=options.system, licence=options.licence)
    (folder / MODELFILE).write_text(said, encoding="utf-8")


def _convert(job: Job, loaded: Loaded, path: Path, dtype: str, options: Options) -> Iterator[Event]:
    """With llama.cpp's own converter where there is one, or else, or where that one fails, with ours."""
    from ...lm.gguf_shapes import NeedsConverter
    from ..llama_cpp import converter

    script, failed = converter(options.llama_cpp), None
    if script is not None:
        try:
            yield from _by_llama_cpp(script, loaded, path, usable(options.title or path.stem), dtype, job.check)
            return
        except WorkbenchError as error:  # it may lack a package, or be older than the model
            failed = error
            yield Warned(2, f"{error.text} Our own is used instead.")
    try:
        yield from _by_ours(job, loaded, path, dtype, options)
    except NeedsConverter as error:
        raise failed or error from error


def _by_ours(job: Job, loaded: Loaded, path: Path, dtype: str, options: Options) -> Iterator[Event]:
    from ...lm.gguf_writing import About, write_gguf

    about = About(options.title, options.licence, options.source)
    for done, total in write_gguf(loaded, path, dtype, about):
        job.check()
        yield Progress(done, total, "Writing GGUF")


def _by_llama_cpp(
    script: Path, loaded: Loaded, path: Path, title: str, dtype: str, check: Callable[[], None]
) -> Iterator[Event]:
    from ..llama_cpp import convert

    yield Progress(2, 3, "Writing safetensors for llama.cpp's converter")
    # In a folder of the model's name, which the converter puts into the file. Rounded once, in the file itself.
    folder = path.parent / "merged" / title
    save(loaded, folder, "bfloat16" if dtype == "bfloat16" else "float32", 5000)
    check()
    yield Progress(2, 3, f"Converting with {script}")
    try:
        convert(script, folder, path, dtype, check)
    finally:
        shutil.rmtree(folder.parent)


def own_dtype(ref: ModelRef) -> torch.dtype:
    """The number format of a base's files; bfloat16 for a GGUF file, as conversion makes it that."""
    import torch
    from transformers import AutoConfig

    from ...lm.loading import source_of

    found: Any = AutoConfig.from_pretrained(**source_of(ref, offline=True)).dtype
    return found if isinstance(found, torch.dtype) else torch.bfloat16
