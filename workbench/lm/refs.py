"""Where a model is, in words that a job specification can carry. No torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SERVER = "server"
"""Kind of a model that is behind a server: it has no files and takes no memory here."""


TRANSFORMERS, LLAMA_CPP = "transformers", "llama.cpp"
"""What a session writes with."""


@dataclass(frozen=True)
class ModelRef:
    """A base and, on it, one adapter; or a model behind a server.

    base: a folder, a .gguf file, a hub id, or a server's address. adapter: a folder with a LoRA adapter ("" for none).
    kind: "base", "adapter", "reward" or "server"; name: what people call it; id: its row in the store. parent: of a
    base that was trained here, what it was trained from, in the words of `base` and `format`. served: what the server
    calls it; extras: whether the server may be sent settings that the API of OpenAI has no word for. template: the chat
    template that is used in the place of the model's own, "" for its own. dtype, quantize, attention, engine: how a
    session loads it, and with what it runs it.
    """

    base: str
    format: str = "safetensors"
    adapter: str = ""
    kind: str = "base"
    name: str = ""
    id: str = ""
    base_hash: str = ""
    parent: str = ""
    parent_format: str = "safetensors"
    served: str = ""
    extras: bool = True
    template: str = ""
    dtype: str = "auto"
    quantize: str = "none"
    attention: str = "auto"
    engine: str = TRANSFORMERS

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> ModelRef | None:
        """The reference that to_json wrote; None stays None."""
        return cls(**value) if value else None


def engine_of(ref: ModelRef) -> dict[str, Any]:
    """What an answer's sampler says of who drew it; nothing for transformers and our own loop, as ever."""
    return {"engine": ref.engine} if ref.engine != TRANSFORMERS else {}
