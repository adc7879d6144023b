"""What a model's files say without loading them: are they whole, how large is it, what can it do. No torch.

Sizes come from safetensors and GGUF headers, so that a folder can be added in the window, which never imports torch.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from .refs import ModelRef

ENCODERS = ("ForSequenceClassification", "ForMaskedLM")


def check_folder(path: Path) -> dict[str, Any]:
    """The config of a model folder. Raises WorkbenchError when the folder holds no model that we open."""
    if not path.is_dir():
        raise WorkbenchError(f"There is no model folder at {path}.", "Choose a folder with a config.json.")
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WorkbenchError(f"{path} has no config.json.", "Choose a folder saved by transformers.") from error
    except (ValueError, OSError, RecursionError) as error:
        raise WorkbenchError(f"The config.json in {path} cannot be read.", "Get the model again.") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise WorkbenchError(
            f"The config.json in {path} names no model type.", "Choose a folder saved by transformers."
        )
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        pickled = any(path.glob("*.bin")) or any(path.glob("*.pt"))
        why = "only pickled weights, which can run code" if pickled else "no weights"
        raise WorkbenchError(f"{path} has {why}.", "Only safetensors and GGUF are opened: get the model in that form.")
    for file in weights:
        check_safetensors(file)
    return config


def check_safetensors(path: Path) -> None:
    """Raises WorkbenchError when the file is cut off or is no safetensors file: its header says how long it must be."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
        if not 0 < length <= min(size - 8, 100_000_000):
            raise WorkbenchError(f"{path.name} is not a whole safetensors file.", "Get the model again.")
        try:
            header = json.loads(file.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise WorkbenchError(f"{path.name} is not a whole safetensors file.", "Get the model again.") from error
    if max(ends, default=0) + length + 8 != size:
        raise WorkbenchError(f"{path.name} is cut off.", "Get the model again.")


def check_gguf(path: Path) -> None:
    """Raises WorkbenchError when the file is no GGUF file or claims more than it can hold."""
    if not path.is_file():
        raise WorkbenchError(f"There is no file {path}.", "Choose a .gguf file.")
    with path.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or head[:4] != b"GGUF":
        raise WorkbenchError(f"{path.name} is not a GGUF file.", "Choose a .gguf file.")
    # A tensor's entry takes at least 32 bytes and a key at least 13: larger counts are a lie that eats memory.
    tensors, keys = struct.unpack("<QQ", head[8:24])
    if tensors * 32 + keys * 13 > path.stat().st_size:
        raise WorkbenchError(f"{path.name} is cut off or damaged.", "Get the file again.")


def _safetensors_parameters(path: Path) -> int:
    with path.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")


def is_adapter(path: Path) -> bool:
    """Whether the folder holds a LoRA adapter rather than a model."""
    return (path / "adapter_config.json").is_file()


def adapter_base(path: Path) -> str:
    """The base that an adapter folder says it was trained on ("" when it does not say)."""
    try:
        stored = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))
        return str(stored.get("base_model_name_or_path") or "")
    except (OSError, ValueError, AttributeError) as error:
        raise WorkbenchError(f"The adapter_config.json in {path} cannot be read.", "Get the adapter again.") from error


def describe_folder(path: Path) -> dict[str, Any]:
    """Facts about a model folder. Raises WorkbenchError when it holds no model that we open."""
    config = check_folder(path)
    architectures = [str(name) for name in config.get("architectures") or []]
    return {
        "model_type": config["model_type"],
        "architectures": architectures,
        "vocab_size": config.get("vocab_size", 0),
        "hidden_size": config.get("hidden_size") or config.get("n_embd", 0),
        "layers": config.get("num_hidden_layers") or config.get("n_layer", 0),
        "context": config.get("max_position_embeddings") or config.get("n_positions", 0),
        "parameters": sum(_safetensors_parameters(file) for file in sorted(path.glob("*.safetensors"))),
        "generates": not any(name.endswith(ENCODERS) for name in architectures),
    }


def describe_gguf(path: Path) -> dict[str, Any]:
    """Facts about a GGUF file. Raises WorkbenchError when it is none."""
    check_gguf(path)
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
    except (ValueError, OSError, MemoryError, IndexError, KeyError) as error:
        raise WorkbenchError(f"{path.name} is damaged: {error}.", "Get the file again.") from error
    fields = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.")}
    kind = str(fields.get("general.architecture", ""))
    return {
        "model_type": kind,
        "architectures": [kind],
        "hidden_size": int(fields.get(f"{kind}.embedding_length", 0)),
        "layers": int(fields.get(f"{kind}.block_count", 0)),
        "context": int(fields.get(f"{kind}.context_length", 0)),
        "parameters": sum(int(tensor.n_elements) for tensor in reader.tensors),
        "generates": True,
        "quantisation": path.stem.rsplit(".", 1)[-1].rsplit("-", 1)[-1],
    }


def describe(ref: ModelRef) -> dict[str, Any]:
    """Facts about the base that `ref` names."""
    path = Path(ref.base).expanduser()
    return describe_gguf(path) if ref.format == "gguf" else describe_folder(path)


def folder_hash(path: Path) -> str:
    """sha256 over names and contents of the weights and configs in a folder, or over one file."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors")) + sorted(path.glob("*.json"))
    for file in files:
        digest.update(file.name.encode())
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def folder_size(path: Path) -> int:
    """Bytes on disk."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
