"""Adapters, reward models and whole models on disk: whole or absent. Safetensors and JSON only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model_state_dict
from safetensors.torch import save_file

from ..errors import WorkbenchError
from .folders import whole_folder
from .loading import Loaded


def save_adapter(loaded: Loaded, name: str, target: Path, info: dict[str, Any]) -> None:
    """Write one adapter in peft's own format, with what made it in workbench.json."""
    with whole_folder(target) as folder:
        _write_adapter(loaded, name, folder)
        _write_json(folder / "workbench.json", info)


def save_reward_adapter(
    loaded: Loaded, name: str, head: dict[str, torch.Tensor], target: Path, info: dict[str, Any]
) -> None:
    """Write a reward model that is an adapter and a head on the base."""
    with whole_folder(target) as folder:
        _write_adapter(loaded, name, folder)
        save_file(
            {key: value.detach().cpu().contiguous() for key, value in head.items()}, folder / "reward_head.safetensors"
        )
        _write_json(folder / "reward.json", info)


def save_whole(loaded: Loaded, target: Path, info: dict[str, Any]) -> None:
    """Write the base with its own trained weights as a model by itself, without the adapters on it."""
    state = {
        key.replace(".base_layer.", "."): value
        for key, value in loaded.causal.state_dict().items()
        if "lora_" not in key
    }
    _check_finite(state, "The model")
    with whole_folder(target) as folder:
        loaded.causal.save_pretrained(folder, state_dict=state)
        loaded.template.save_tokenizer(folder)
        _write_json(folder / "workbench.json", info)


def _check_finite(tensors: dict[str, torch.Tensor], what: str) -> None:
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise WorkbenchError(f"{what} holds numbers that are not finite and was not saved.", "Lower the learning rate.")


def _write_adapter(loaded: Loaded, name: str, folder: Path) -> None:
    state = get_peft_model_state_dict(loaded.model, adapter_name=name)
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    _check_finite(tensors, "The adapter")
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = loaded.model.peft_config[name].to_dict()
    config["base_model_name_or_path"] = loaded.ref.base
    config["inference_mode"] = True
    plain = {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
    _write_json(folder / "adapter_config.json", plain)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
