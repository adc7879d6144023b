"""Models behind servers in a project: added, changed, and found again. Asks no server for an answer."""

from __future__ import annotations

import hashlib
from typing import Any

from ..errors import WorkbenchError
from ..providers.addresses import checked_url
from ..store import Model, Store
from ..store.rows import to_json


def add_server(
    store: Store,
    url: str,
    model: str,
    name: str = "",
    *,
    price_in: float | None = None,
    price_out: float | None = None,
    extras: bool = True,
) -> Model:
    """Add the model that a server calls `model`; one that is there already is returned as it is.

    Prices are per million tokens. Raises WorkbenchError when the address is none, or the model has no name.
    """
    url, info = checked_url(url), _info(model, price_in, price_out, extras)
    # No file tells two models of one server apart, so what stands for the hash is made of where they are.
    digest = hashlib.sha256(f"{url}\n{info['model']}".encode()).hexdigest()
    fields: dict[str, Any] = {"format": "server", "hash": digest, "info": info}
    return store.models.add(name=name or info["model"], kind="server", source="server", location=url, **fields)


def change_server(
    store: Store, model_id: str, name: str, *, price_in: float | None = None, price_out: float | None = None
) -> Model:
    """Give a server's model another name and other prices. Where it is stays: its answers came from there."""
    model = store.models.find(model_id)
    info = _info(model.info.get("model", ""), price_in, price_out, bool(model.info.get("extras", True)))
    with store.writing() as db:
        db.execute("UPDATE models SET info = ? WHERE id = ?", [to_json(info), model.id])
        if name.strip() and name != model.name:
            store.models.rename(model.id, name.strip())
    store.changed("models")
    return store.models.find(model.id)


def servers_of(store: Store) -> list[str]:
    """The addresses of the project's servers, each once, oldest first."""
    return list(dict.fromkeys(model.location for model in store.models.list("server")))


def _info(model: str, price_in: float | None, price_out: float | None, extras: bool) -> dict[str, Any]:
    if not model.strip():
        raise WorkbenchError("The server's model has no name.", "Choose one of the server's models, or type its name.")
    prices = {"price_in": price_in, "price_out": price_out}
    for price in prices.values():
        if price is not None and not 0 <= price < 1e9:
            raise WorkbenchError(f"A price cannot be {price}.", "Give what a million tokens cost, 0 or more.")
    told = {name: float(price) for name, price in prices.items() if price is not None}
    return {"model": model.strip(), **told, "extras": extras}
