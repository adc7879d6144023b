"""A person's own documents, and their passages with an index that ranks.

A document is told by its text: the same text is the same row in every project. It is never deleted but marked removed.
Passages are worked out from it whenever they are not there, so they neither travel nor merge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from .passages import Piece, cut
from .prompts import checked_text
from .records import Document
from .rows import id_of, now, to_json
from .words import indexed, language_of

if TYPE_CHECKING:
    from .store import Store


def text_hash(text: str) -> str:
    """sha256 of a document's or a passage's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def document_id(digest: str) -> str:
    """The id of the document whose text has this hash."""
    return id_of(f"document:{digest}")


class DocumentRows:
    """Documents that questions are answered from."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, path: Path | str, by: object = None) -> tuple[Document, bool]:
        """Add the document in a file and return it with True when it is new here. Raises WorkbenchError."""
        from .document_reading import read_document

        path = Path(path).expanduser()
        return self.add_text(path.name, read_document(path), size=path.stat().st_size, by=by)

    def add_text(self, name: str, text: str, *, size: int = 0, by: object = None) -> tuple[Document, bool]:
        """Add a text as a document. One that was removed comes back."""
        from .document_reading import tidy

        text = tidy(checked_text(text, "The document"))
        if not text:
            raise WorkbenchError(f"{name} holds no text.", "Choose another file.")
        digest = text_hash(text)
        document = Document(
            document_id(digest), name, digest, text, language_of(text), size or len(text.encode()), now()
        )
        known = self._store.rows("SELECT removed_at FROM documents WHERE id = ?", [document.id])
        with self._store.writing() as db:
            if not known:
                db["documents"].insert(vars(document))  # type: ignore[union-attr]
            else:
                db.execute("UPDATE documents SET removed_at = NULL WHERE id = ?", [document.id])
            self._index(document.id, text)
        self._store.changed("documents", by)
        return self.find(document.id), not known or known[0]["removed_at"] is not None

    def list(self) -> list[Document]:
        """Every document that was not removed, in the order they were added."""
        return self._rows("WHERE removed_at IS NULL ORDER BY rowid")

    def find(self, name: str) -> Document:
        """The document with this id or name. Raises WorkbenchError when there is none."""
        found = self._rows("WHERE removed_at IS NULL AND (id = ?1 OR name = ?1) ORDER BY rowid DESC", [name])
        if not found:
            raise WorkbenchError(f"There is no document called {name}.", "Choose one from the list of documents.")
        return found[0]

    def remove(self, ids: Sequence[str], by: object = None) -> None:
        """Take documents out. Questions that were answered from them keep the passages that they were given."""
        with self._store.writing() as db:
            db.execute(
                "UPDATE documents SET removed_at = ? WHERE removed_at IS NULL AND id IN "
                "(SELECT value FROM json_each(?))",
                [now(), to_json(list(ids))],
            )
        self._store.changed("documents", by)

    def counts(self) -> dict[str, int]:
        """How many passages each document has."""
        self.index()
        sql = "SELECT document_id, COUNT(*) AS n FROM passages GROUP BY document_id"
        return {row["document_id"]: row["n"] for row in self._store.rows(sql)}

    def passages(self, document_id: str) -> list[Piece]:
        """The passages of a document, in order."""
        self.index()
        sql = "SELECT heading, text FROM passages WHERE document_id = ? ORDER BY position"
        return [Piece(**row) for row in self._store.rows(sql, [document_id])]

    def index(self) -> None:
        """Cut and index what came without its passages, from a merge or a restored removal; forget what was removed."""
        sql = """SELECT id, text FROM documents d WHERE removed_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM passages WHERE document_id = d.id)"""
        gone = "document_id IN (SELECT id FROM documents WHERE removed_at IS NOT NULL)"
        if self._store.rows(f"{sql} LIMIT 1") or self._store.rows(f"SELECT 1 FROM passages WHERE {gone} LIMIT 1"):
            with self._store.writing() as db:
                db.execute(f"DELETE FROM passage_words WHERE rowid IN (SELECT id FROM passages WHERE {gone})")
                db.execute(f"DELETE FROM passages WHERE {gone}")
                for row in self._store.rows(sql):
                    self._index(row["id"], row["text"])

    def _index(self, document_id: str, text: str) -> None:
        if self._store.rows("SELECT 1 FROM passages WHERE document_id = ? LIMIT 1", [document_id]):
            return
        first = self._store.value("SELECT COALESCE(MAX(id), 0) + 1 FROM passages")
        pieces = list(enumerate(cut(text)))
        with self._store.writing() as db:
            db.conn.executemany(
                "INSERT INTO passages(id, document_id, position, heading, text) VALUES (?, ?, ?, ?, ?)",
                [(first + place, document_id, place, piece.heading, piece.text) for place, piece in pieces],
            )
            db.conn.executemany(
                "INSERT INTO passage_words(rowid, heading, text) VALUES (?, ?, ?)",
                [(first + place, indexed(piece.heading), indexed(piece.text)) for place, piece in pieces],
            )

    def _rows(self, where: str, params: Any = ()) -> list[Document]:
        return [Document(**row) for row in self._store.rows(f"SELECT * FROM documents {where}", params)]
