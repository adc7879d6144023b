"""How a model is loaded to write: number format, bits and attention kernel, kept by model in the project. No torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ..store import Model, Store

SETTING = "loading/{id}"
DTYPES = ("auto", "bfloat16", "float16", "float32")
QUANTIZE = ("none", "8bit", "4bit")
ATTENTION = ("auto", "sdpa", "eager", "flash_attention_2")


@dataclass(frozen=True)
class LoadChoice:
    """What a session does when it loads a model. Runs have knobs of their own."""

    dtype: str = "auto"
    quantize: str = "none"
    attention: str = "auto"


def of(store: Store, model: Model) -> LoadChoice:
    """What was chosen for a model, else for its base, else what is safe everywhere."""
    for id_ in dict.fromkeys((model.id, store.models.base_of(model).id)):
        kept = store.setting(SETTING.format(id=id_))
        if isinstance(kept, dict):
            return _checked(kept)
    return LoadChoice()


def _checked(kept: dict[str, object]) -> LoadChoice:
    """What this version knows of a choice; the rest is as usual."""
    allowed = {"dtype": DTYPES, "quantize": QUANTIZE, "attention": ATTENTION}
    return LoadChoice(**{name: str(kept[name]) for name, values in allowed.items() if kept.get(name) in values})


def keep(store: Store, model: Model, choice: LoadChoice) -> None:
    """Load a model so from now on."""
    store.set_setting(SETTING.format(id=model.id), dataclasses.asdict(choice))
