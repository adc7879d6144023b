"""What a run would learn from: what all people said, or those people and judges that were named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import WorkbenchError
from ..jobs import preparing
from ..methods.base import Data
from ..methods.whose import JUDGE, chosen_people
from ..store import Store
from .form import Form


class Judgements:
    """The training examples of the project, read once for each choice of people."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.data = Data()
        """What all people said, and no judge."""
        self._read: dict[tuple[str, ...], Data] = {}
        self._people: Mapping[str, int] = {}
        self._judges: Mapping[str, int] = {}

    def refresh(self) -> None:
        """Read the project again."""
        self.data = preparing.data_of(self._store)
        self._read = {}
        self._people, self._judges = self._store.feedback.annotators(), self._store.judges.counts()

    def tell(self, form: Form) -> None:
        """Have a form know who there is to choose from."""
        form.set_known(self._people, self._judges)

    def of(self, options: Mapping[str, Any]) -> Data:
        """What a run with these options reads. Raises WorkbenchError for a name that has judged nothing."""
        named = self._named(options)
        if named is None:
            return self.data
        if named not in self._read:
            self._read[named] = preparing.data_of(self._store, annotators=named)
        return self._read[named]

    def refused(self, options: Mapping[str, Any]) -> str:
        """Why there is no such choice of people, "" when there is."""
        try:
            self._named(options)
        except WorkbenchError as error:
            return f"{error.text} {error.hint}".strip()
        return ""

    def judges(self, method: Any, options: Mapping[str, Any]) -> dict[str, int]:
        """How many verdicts of each judge a run of a method would read."""
        try:
            if not any(name.startswith(JUDGE) for name in self._named(options) or ()):
                return {}
            return preparing.judges_in(self._store, method, self.of(options))
        except WorkbenchError:
            return {}

    def _named(self, options: Mapping[str, Any]) -> tuple[str, ...] | None:
        named = chosen_people(str(options.get("whose", "")), [*self._people, *self._judges])
        return None if named is None else tuple(named)
