"""The human judgements kept beside the checkout, where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.feedback.base import Rules
from workbench.feedback.converting import convert
from workbench.store import Store
from workbench.store.exchange.importing import import_file

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not on this machine"),
]


def test_pandalm(store: Store) -> None:
    report = import_file(store, DATA / "pandalm-testset-v1.json")
    assert report.added == {"prompts": 170, "responses": 2 * 993, "feedback": 3 * 993}
    assert [skip["row"] for skip in report.skipped] == [157, 158, 159, 161, 162, 164]
    assert all("not text" in skip["reason"] for skip in report.skipped)
    assert store.feedback.annotators() == {f"pandalm-{number}": 993 for number in (1, 2, 3)}
    assert store.value("SELECT COUNT(*) FROM responses WHERE text = ''") > 50
    judgements = store.feedback.judgements()
    # 2 979 votes less 322 that found both equal; rows that repeat the same two texts share one preference.
    assert len(convert(judgements, Rules(merge_votes=False)).pairs) == 2657
    assert 700 < len(convert(judgements).pairs) < 993

    again = import_file(store, DATA / "pandalm-testset-v1.json")
    assert (sum(again.added.values()), again.already_there) == (0, 993)


@pytest.mark.parametrize(("name", "rows"), [("self-instruct-user-oriented.jsonl", 252), ("gsm8k-test-400.jsonl", 400)])
def test_references(store: Store, name: str, rows: int) -> None:
    report = import_file(store, DATA / name)
    assert report.added == {"prompts": rows, "responses": rows, "feedback": rows}
    assert len(convert(store.feedback.judgements()).demonstrations) == rows
    assert sum(import_file(store, DATA / name).added.values()) == 0
