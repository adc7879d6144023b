"""How a model is loaded to write: number format, bits, attention kernel and what runs it, kept by model in the project.
No torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ..lm.llama_cpp import problem_with
from ..lm.refs import LLAMA_CPP, TRANSFORMERS, ModelRef
from ..store import Model, Store

SETTING = "loading/{id}"
DTYPES = ("auto", "bfloat16", "float16", "float32")
QUANTIZE = ("none", "8bit", "4bit")
ENGINES = (TRANSFORMERS, LLAMA_CPP)
ATTENTION = ("auto", "sdpa", "eager", "flash_attention_2")


@dataclass(frozen=True)
class LoadChoice:
    """What a session does when it loads a model. Runs have knobs of their own; `engine` writes, and does nothing else:
    training, scoring and reading are for transformers."""

    dtype: str = "auto"
    quantize: str = "none"
    attention: str = "auto"
    engine: str = TRANSFORMERS


def of(store: Store, model: Model) -> LoadChoice:
    """What was chosen for a model, else for its base, else what is safe everywhere."""
    for id_ in dict.fromkeys((model.id, store.models.base_of(model).id)):
        kept = store.setting(SETTING.format(id=id_))
        if isinstance(kept, dict):
            return _checked(kept, runs=not _not_run(store, model))
    return LoadChoice()


def _not_run(store: Store, model: Model) -> bool:
    """Whether llama.cpp runs no such model, whatever was chosen for its base and whatever is installed."""
    return problem_with(_ref(store, model), installed=lambda _: True) is not None


def _ref(store: Store, model: Model) -> ModelRef:
    base = store.models.base_of(model)
    return ModelRef(base.location, base.format, "" if model.id == base.id else model.location, name=model.name)


def _checked(kept: dict[str, object], *, runs: bool) -> LoadChoice:
    """What this version knows of a choice; the rest is as usual."""
    allowed = {"dtype": DTYPES, "quantize": QUANTIZE, "attention": ATTENTION} | ({"engine": ENGINES} if runs else {})
    return LoadChoice(**{name: str(kept[name]) for name, values in allowed.items() if kept.get(name) in values})


def keep(store: Store, model: Model, choice: LoadChoice) -> None:
    """Load a model so from now on. Raises WorkbenchError where llama.cpp cannot run it."""
    if choice.engine == LLAMA_CPP and (problem := problem_with(_ref(store, model))):
        raise problem
    store.set_setting(SETTING.format(id=model.id), dataclasses.asdict(choice))
