"""Which chat template a model is used with: what was chosen for it, what it was trained with, what its base has.

A choice is a setting of the project, by model. An adapter or a reward model without one keeps the template that it was
trained with; one that came from elsewhere follows its base. No torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..lm.formats import EDITED, FORMATS, OWN, PLAIN, digest, kind_of, own_templates
from ..lm.refs import ModelRef
from ..store import Model, Store

SETTING = "template/{id}"


@dataclass(frozen=True)
class Choice:
    """A template by the name of its choice; `text` is "" for the model's own."""

    name: str = OWN
    text: str = ""


@dataclass(frozen=True)
class Offer:
    """A template that can be chosen by name, and its whole text."""

    name: str
    title: str
    text: str


def choice_of(store: Store, model: Model) -> Choice:
    """What a model is used with."""
    if found := chosen_for(store, model.id):
        return found
    trained = trained_with(model)
    if trained is not None:
        return named_by(trained)
    base = store.models.base_of(model)
    return chosen_for(store, base.id) or Choice()


def chosen_for(store: Store, model_id: str) -> Choice | None:
    """What a person chose for just this model; None for nothing."""
    kept = store.setting(SETTING.format(id=model_id))
    if not isinstance(kept, dict) or not isinstance(kept.get("text"), str):
        return None
    return Choice(str(kept.get("name", EDITED)), kept["text"])


def trained_with(model: Model) -> str | None:
    """The template that a model was trained with, "" for its base's own; None for one that was not trained here."""
    if "template" in model.info:
        return str(model.info["template"])
    return "" if model.run_id or "method" in model.info else None


def named_by(text: str) -> Choice:
    """The choice that a text is."""
    if not text:
        return Choice()
    return Choice(next((each.name for each in FORMATS.values() if each.text == text), EDITED), text)


def choose(store: Store, model: Model, choice: Choice, by: object = None) -> None:
    """Use a model with this template from now on, in this project. Whether it is fit for use is asked before."""
    store.set_setting(SETTING.format(id=model.id), {"name": choice.name, "text": choice.text})
    store.changed("models", by)


def reset(store: Store, model: Model, by: object = None) -> None:
    """Use a model again as if nothing had been chosen for it."""
    store.set_setting(SETTING.format(id=model.id), None)
    store.changed("models", by)


def offers(store: Store, model: Model) -> list[Offer]:
    """What can be chosen by name: what the base brings, then the known formats."""
    brought = own_templates(_base_ref(store, model))
    first = next(iter(brought.values()), PLAIN)
    more = [Offer(f"{OWN}/{name}", f"The model's own: {name}", text) for name, text in list(brought.items())[1:]]
    known = [Offer(each.name, each.title, each.text) for each in FORMATS.values()]
    return [Offer(OWN, "The model's own", first), *more, *known]


def named(store: Store, model: Model, name: str) -> Choice:
    """The choice of this name. Raises WorkbenchError when there is none."""
    found = next((each for each in offers(store, model) if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in offers(store, model))
        raise WorkbenchError(f"There is no chat template called {name}.", f"There are: {names}.")
    return Choice(OWN) if name == OWN else Choice(name, found.text)


def text_of(store: Store, model: Model, choice: Choice | None = None) -> str:
    """The whole text of a choice, of what the model is used with unless told: its own too."""
    choice = choice or choice_of(store, model)
    return choice.text or next(iter(own_templates(_base_ref(store, model)).values()), PLAIN)


def title_of(store: Store, model: Model, choice: Choice | None = None) -> str:
    """What people call the format of a choice."""
    choice = choice or choice_of(store, model)
    if choice.name in FORMATS:
        return FORMATS[choice.name].title
    kind = kind_of(text_of(store, model, choice))
    return kind.title if kind else ""


def hash_of(store: Store, model: Model, choice: Choice | None = None) -> str:
    """What is stored with answers that are written with it."""
    return digest(text_of(store, model, choice))


def mismatch(store: Store, model: Model) -> WorkbenchError | None:
    """What to tell a person of a model that is used with another template than it was trained with; None for nothing.

    An error by its shape alone: nothing is hindered by it.
    """
    before = _trained_hash(store, model)
    if not before or before == hash_of(store, model):
        return None
    text = f"{model.name} is used with another chat template than it was trained with."
    return WorkbenchError(text, "Its answers may be worse. Reset its template in Models, or train it again.")


def _trained_hash(store: Store, model: Model) -> str:
    trained = trained_with(model)
    if trained is not None:
        return hash_of(store, model, named_by(trained))
    if model.kind != "reward":
        return ""
    try:
        said: Any = json.loads((Path(model.location) / "reward.json").read_text(encoding="utf-8"))
        return str(said.get("template_hash") or "")
    except (OSError, ValueError, AttributeError):
        return ""  # a classifier, or one whose files are gone


def mismatches(store: Store, *model_ids: str | None) -> Iterator[WorkbenchError]:
    """The same of several models; None is passed over."""
    for id_ in dict.fromkeys(model_ids):
        if id_ and (found := mismatch(store, store.models.find(id_))):
            yield found


def _base_ref(store: Store, model: Model) -> ModelRef:
    base = store.models.base_of(model)
    return ModelRef(base.location, base.format, name=model.name)
