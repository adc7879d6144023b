"""What tests of the hub share: a small hub at the address of the settings, and a tiny model on it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from .hub_server import Hub

NAME = "potter/tiny-llama"
CONFIG = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 64,
}


def safetensors(size: int = 200_000, seed: int = 0) -> bytes:
    """A whole safetensors file of about this size, with one tensor of pseudo-random bytes."""
    numbers = size // 2
    body = bytes((i * 31 + seed * 7 + (i >> 8)) & 255 for i in range(numbers * 2))
    header = json.dumps({"weight": {"dtype": "BF16", "shape": [numbers], "data_offsets": [0, len(body)]}}).encode()
    return struct.pack("<Q", len(header)) + header + body


def model_files(size: int = 200_000, seed: int = 0) -> dict[str, bytes]:
    """The files of a small model folder, with some that we do not fetch."""
    return {
        "config.json": json.dumps(CONFIG).encode(),
        "tokenizer.json": b"{}",
        "README.md": b"---\nlicense: apache-2.0\n---\n",
        "model.safetensors": safetensors(size, seed),
        "pytorch_model.bin": b"pickle" * 9,
        "onnx/model.onnx": b"x",
    }


def facts(parameters: int = 100_000, **more: Any) -> dict[str, Any]:
    """What the hub says of a model beside its files."""
    return {
        "safetensors": {"parameters": {"BF16": parameters}, "total": parameters},
        "tags": ["license:apache-2.0", "text-generation"],
        "downloads": 4200,
        "likes": 12,
        "lastModified": "2026-10-01T10:00:00.000Z",
        "config": {"model_type": "llama"},
    } | more


def use(hub: Hub, home: Path, monkeypatch: Any) -> None:
    """Have the app keep its files in `home` and ask this hub."""
    monkeypatch.setenv("WORKBENCH_HOME", str(home))
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(home / "token"))
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "settings.json").write_text(json.dumps({"hub_endpoint": hub.url}))
