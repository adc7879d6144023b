"""Whatever stands anywhere in a row, a format reads it or says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.store.exchange import FORMATS
from workbench.store.exchange.items import Item, Skipped

from .test_exchange_readers import ARGILLA, FOREIGN, LABEL_STUDIO, OPEN_WEBUI, written

ROWS = {
    "argilla": ARGILLA,
    "label-studio": LABEL_STUDIO,
    "open-webui": OPEN_WEBUI,
    **{format: rows[0] for _, rows, format, _ in FOREIGN if isinstance(rows, list) and format not in ("argilla",)},
    "judgements": {"kind": "rating", "prompt": "Hi", "answers": ["A"], "value": {"ratings": [5]}, "reasons": []},
    "pandalm": {"instruction": "x", "response1": "a", "response2": "b", "annotator1": 1},
    "self-instruct": {"instruction": "x", "instances": [{"input": "", "output": "a"}]},
    "questions": {"question": "x", "answer": "y"},
    "prompts": {"prompt": "x", "tags": []},
}
strange = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
    | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """The path to every value in a row."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(deeper for key, item in inside for deeper in places(item, (*path, key)))]


def changed(value: Any, path: tuple, new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize("format", sorted(ROWS))
def test_any_value_anywhere_in_a_row_is_read_or_refused_with_a_reason(format: str, tmp_path: Path) -> None:
    row = ROWS[format]

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.sampled_from(places(row)), strange)
    def holds(path: tuple, new: Any) -> None:
        for found in FORMATS[format].read(written(tmp_path, "a.jsonl", [changed(row, path, new)])):
            assert isinstance(found, Item) or (isinstance(found, Skipped) and found.reason.endswith("."))

    holds()
