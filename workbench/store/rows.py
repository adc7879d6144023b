"""Ids, times and JSON columns: what every table's file needs."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any


def to_json(value: Any) -> str:
    """The stored form of a JSON column. Raises ValueError for NaN and infinities, which JSON has no word for."""
    return well_formed(json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False))


def new_id() -> str:
    """A globally unique id, so that stores made apart can be merged."""
    return uuid.uuid4().hex


def id_of(key: str) -> str:
    """The id of a row that is told by its content: stores made apart give it the same one."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def now() -> str:
    """This moment in UTC, ISO 8601 with microseconds. For people: rows are ordered by `seq`, never by this."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


_SURROGATE = re.compile("[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """The text with lone surrogates, which UTF-8 cannot hold, replaced by U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
