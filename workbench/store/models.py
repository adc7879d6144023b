"""Rows of the models table."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from .records import Model
from .rows import new_id, now, to_json, well_formed

if TYPE_CHECKING:
    from .store import Store


PLACELESS = ("hub", "server")
"""Sources of models whose location is no path."""


class ModelRows:
    """Models this project knows: bases, adapters on them, reward models, models behind servers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, *, name: str, kind: str, source: str, location: str, by: object = None, **fields: Any) -> Model:
        """Add a model and return it; one that is already there at the same place and hash is returned as it is.

        Raises WorkbenchError when the name is empty.
        """
        if not name.strip():
            raise WorkbenchError("A model needs a name.", "Type one.")
        known = self._same(kind, location, fields.get("hash", ""), fields.get("parent_id"))
        if known:
            return known
        model = Model(new_id(), self._free_name(name), kind, source, location, created_at=now(), **fields)
        row = dataclasses.asdict(model) | {"info": to_json(dict(model.info)), "location": self._stored(location)}
        with self._store.writing() as db:
            db["models"].insert(row)  # type: ignore[union-attr]
        self._store.changed("models", by)
        return model

    def _same(self, kind: str, location: str, digest: str, parent_id: str | None) -> Model | None:
        rows = self._store.rows(
            "SELECT * FROM models WHERE removed_at IS NULL AND kind = ? AND location = ? AND hash = ? "
            "AND parent_id IS ?",
            [kind, self._stored(location), digest, parent_id],
        )
        return self._model(rows[0]) if rows else None

    def _free_name(self, name: str) -> str:
        taken = {row["name"] for row in self._store.rows("SELECT name FROM models WHERE removed_at IS NULL")}
        if name not in taken:
            return name
        number = 2
        while f"{name} ({number})" in taken:
            number += 1
        return f"{name} ({number})"

    def list(self, kind: str | None = None) -> list[Model]:
        """Models that were not removed, oldest first."""
        where = "AND kind = ?" if kind else ""
        params = [kind] if kind else []
        sql = f"SELECT * FROM models WHERE removed_at IS NULL {where} ORDER BY created_at, rowid"
        return [self._model(row) for row in self._store.rows(sql, params)]

    def find(self, id_or_name: str) -> Model:
        """The model with this id or name. Raises WorkbenchError when there is none."""
        rows = self._store.rows(
            "SELECT * FROM models WHERE id = :key OR (name = :key AND removed_at IS NULL) ORDER BY id = :key DESC",
            {"key": id_or_name},
        )
        if not rows:
            names = ", ".join(model.name for model in self.list()) or "none"
            raise WorkbenchError(f"This project has no model called {id_or_name}.", f"It has: {names}.")
        return self._model(rows[0])

    def lineage(self, model: Model) -> list[Model]:
        """The model's ancestors, base first, ending with the model itself."""
        line = [model]
        while line[0].parent_id:
            line.insert(0, self.find(line[0].parent_id))
        return line

    def base_of(self, model: Model) -> Model:
        """The base model that this model's adapters stand on (the model itself when it is a base)."""
        line = self.lineage(model)
        return next((each for each in reversed(line) if each.kind == "base"), line[0])

    def reference_of(self, model: Model) -> Model:
        """What a trained model is measured against: an adapter's base, or the model that a whole one was trained from.
        A base that was not trained here is its own."""
        return self.find(model.parent_id) if model.kind == "base" and model.parent_id else self.base_of(model)

    def rename(self, model_id: str, name: str) -> None:
        """Give the model another name."""
        with self._store.writing() as db:
            db.execute("UPDATE models SET name = ? WHERE id = ?", [self._free_name(name), model_id])
        self._store.changed("models")

    def annotate(self, model_id: str, note: str) -> None:
        """Give the model another note. Nobody is told: nothing but the note hangs on it."""
        with self._store.writing() as db:
            db.execute("UPDATE models SET note = ? WHERE id = ?", [well_formed(note), model_id])

    def remove(self, model_id: str) -> None:
        """Hide the model. Its row stays, because answers and runs point to it; its files are not touched."""
        with self._store.writing() as db:
            db.execute("UPDATE models SET removed_at = ? WHERE id = ?", [now(), model_id])
        self._store.changed("models")

    def restore(self, model_id: str) -> None:
        """Undo remove()."""
        with self._store.writing() as db:
            db.execute("UPDATE models SET removed_at = NULL WHERE id = ?", [model_id])
        self._store.changed("models")

    def _stored(self, location: str) -> str:
        """A place inside the project's folder is kept relative to it, so that the project can be moved and copied."""
        path = Path(location)
        inside = path.is_absolute() and path.is_relative_to(self._store.folder)
        return path.relative_to(self._store.folder).as_posix() if inside else location

    def _model(self, row: dict[str, Any]) -> Model:
        location = row["location"]
        if row["source"] not in PLACELESS and not Path(location).is_absolute():
            location = str(self._store.folder / location)
        return Model(**row | {"info": json.loads(row["info"]), "location": location})
