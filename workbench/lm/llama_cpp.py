"""Whether llama.cpp can run a model: asked where it is chosen, and again where it is loaded. No torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from ..errors import WorkbenchError
from .refs import ModelRef

PACKAGE = "xllamacpp"
INSTALL = 'pip install "feedback-workbench[llama-cpp]"'


def problem_with(ref: ModelRef, installed: Callable[[str], Any] = importlib.util.find_spec) -> WorkbenchError | None:
    """Why llama.cpp cannot run a model; None when it can, as far as its file is right."""
    name = ref.name or ref.base
    if ref.format != "gguf":
        return WorkbenchError(f"llama.cpp runs GGUF files, and {name} is none.", "Choose transformers, or export it.")
    if ref.adapter:
        hint = "Choose transformers, or export it as GGUF, merged."
        return WorkbenchError(f"llama.cpp runs whole GGUF files, and {name} is an adapter.", hint)
    if installed(PACKAGE) is None:
        return WorkbenchError("llama.cpp is not installed for Python.", f"Run: {INSTALL}, or choose transformers.")
    return None
