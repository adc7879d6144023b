"""Plain text: files are found, cut into pages, and split by the pages themselves."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.methods import texts
from workbench.errors import WorkbenchError
from workbench.methods import plain_text


@given(st.text(alphabet="ab \n", max_size=300))
def test_pages_hold_every_word_in_order(text):
    pages = list(plain_text._pages(text))
    assert " ".join(pages).split() == text.split()
    assert all(page.strip() for page in pages)


def test_the_same_text_is_on_the_same_side_wherever_it_stands():
    sides = {seed: plain_text.split_of(texts.page(seed)) for seed in range(200)}
    assert 8 <= list(sides.values()).count("held_out") <= 34
    assert all(plain_text.split_of(f"\n {texts.page(seed)}  ") == side for seed, side in sides.items())


def test_a_folder_gives_its_text_markdown_and_rows_and_nothing_else(tmp_path):
    pages = [texts.page(seed, 30) for seed in range(60)]
    (tmp_path / "a.txt").write_text("\n\n".join(pages[:40]))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.MD").write_text(pages[40])
    rows = "\n".join(json.dumps({"text": page, "other": 1}) for page in pages[41:])
    (tmp_path / "c.jsonl").write_text(f"{rows}\n\n")
    (tmp_path / "d.bin").write_bytes(b"\0")
    assert [path.name for path in plain_text.find(str(tmp_path)).files] == ["a.txt", "c.jsonl", "b.MD"]
    found = plain_text.collect(str(tmp_path))
    assert " ".join(sorted(each.text for each in found)).split().count("so") == 60 * 30
    assert {each.split for each in found} == {"train", "held_out"}
    assert all(each.split == plain_text.split_of(each.text) for each in found)
    assert len(list(plain_text._passages(tmp_path / "c.jsonl"))) == 19


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("", b"", "Text is missing"),
        ("nowhere.txt", None, "Text was not found"),
        ("a.pdf", b"%PDF", "Text was not found"),
        ("a.txt", b"\xff\xfe\x00", "is not UTF-8"),
        ("a.txt", b"short", "has 1 passages of a page, and none to"),
        ("a.jsonl", b'{"text": "x"}\n{"words": 1}', "line 2, is no JSON with a field"),
        ("a.jsonl", b"[1]", "line 1, is no JSON with a field"),
    ],
)
def test_what_is_no_text_is_refused_in_one_sentence(tmp_path, name, content, words):
    if content is not None and name:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WorkbenchError, match=words) as refused:
        plain_text.collect(str(tmp_path / name) if name else " ")
    assert refused.value.hint
    assert refused.value.text.startswith("Text")  # the form shows it at that knob


def test_more_text_than_is_taken_is_refused_before_it_is_read(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("word " * 1000)
    monkeypatch.setattr(plain_text, "MOST_BYTES", 4000)
    with pytest.raises(WorkbenchError, match="at most"):
        plain_text.find(str(tmp_path))
