"""Documents in parts: what is joined again has the same structure, and what is no text is never touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.jobs import pages
from workbench.errors import WorkbenchError
from workbench.jobs.document_parts import LONGEST, Part, fitted, joined, kind_of, split


def texts(text: str, kind: str = "markdown") -> list[tuple[str, str]]:
    return [(part.kind, part.text) for part in split(text, kind) if part.text]


def louder(text: str, kind: str = "markdown") -> str:
    parts = split(text, kind)
    return joined(parts, {part.text: part.text.upper() for part in parts if part.text}, kind)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("# One #\n\ntwo\nthree\n", "# ONE #\n\nTWO THREE\n"),
        ("Head\n====\ntext", "HEAD\n====\nTEXT"),
        ("- a\n  goes on\n- [x] b\n  1. c\n\n  d\n", "- A GOES ON\n- [x] B\n  1. C\n\n  D\n"),
        ("> quote\n> goes on\n>\n> # head\n> text", "> QUOTE GOES ON\n>\n> # HEAD\n> TEXT"),
        ("one  \ntwo\\\nthree", "ONE  \nTWO\\\nTHREE"),
        ("| a | 7 |\n|:--|--:|\n| b \\| c | |\n", "| A | 7 |\n|:--|--:|\n| B \\| C | |\n"),
        ("~~~\n# a\n```\n~~~\nb", "~~~\n# a\n```\n~~~\nB"),
        ("```\nnever closed\n\n# a", "```\nnever closed\n\n# a"),
        ("text\n\n    code\n    more\n\ntext", "TEXT\n\n    code\n    more\n\nTEXT"),
        ("- item\n\n    inside\n", "- ITEM\n\n    INSIDE\n"),
        ("<div class='x'>\nkept\n</div>\n\ntext", "<div class='x'>\nkept\n</div>\n\nTEXT"),
        ("[ref]: http://a.b\n![alt](a.png)\nhttp://a.b\n\n***\n2026\n", None),
        ("---\na: b\n---\ntext", "---\na: b\n---\nTEXT"),
        ("--\n\n---", None),
        ("", None),
    ],
)
def test_markdown_keeps_its_structure(text: str, made: str | None) -> None:
    assert louder(text) == (text if made is None else made)


def test_plain_text_keeps_short_lines_and_joins_wrapped_ones() -> None:
    wrapped = "This is a line that is long enough to have been wrapped\nby a program, and this is its end."
    poem = "The kiln is cold,\n  the clay is wet,\n\n\nand nobody has come as yet."
    assert texts(wrapped, "text") == [("paragraph", wrapped.replace("\n", " "))]
    assert louder(poem, "text") == poem.upper()
    assert louder("# not a heading", "text") == "# NOT A HEADING"


def test_lines_of_chinese_are_joined_without_spaces() -> None:
    assert texts("陶土和水\n混合在一起。\nThen rest.") == [("paragraph", "陶土和水混合在一起。 Then rest.")]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    long = " ".join(pages.sentence(number) for number in range(60))
    parts = split(f"- {long}\n", "markdown")
    assert len(parts) > 2 and all(len(part.text) <= LONGEST for part in parts)
    assert joined(parts, {}, "markdown") == f"- {long}\n"


@pytest.mark.parametrize(
    ("said", "kind", "stands"),
    [
        ("# Titre", "paragraph", "\\# Titre"),
        ("- un\n\n- deux", "paragraph", "\\- un - deux"),
        ("1. un", "item", "1\\. un"),
        ("a | b", "cell", "a \\| b"),
        ("```\ncode", "paragraph", "\\``` code"),
        ("  fin \n", "heading", "fin"),
        ("-5 degrés", "paragraph", "-5 degrés"),
    ],
)
def test_a_translation_cannot_change_the_structure(said: str, kind: str, stands: str) -> None:
    assert fitted(said, Part("", "text", "", kind), "markdown") == stands


def test_lines_of_a_plain_paragraph_may_stay() -> None:
    assert fitted("a\n\n\nb ", Part("", "text", "", "paragraph"), "text") == "a\nb"
    assert fitted("a\nb", Part("", "text", "", "line"), "text") == "a b"


@given(st.text("ab 日.#->|`\n\\1\t:", max_size=60), st.sampled_from(["markdown", "text"]))
def test_nothing_is_lost_whatever_the_document_is(text: str, kind: str) -> None:
    whole = joined(split(text, kind), {}, kind)
    assert "".join(whole.split()) == "".join(text.split()) or ">" in text
    assert whole.count("\n\n") == text.count("\n\n")
    assert split(whole, kind) == split(whole, kind)


def test_kinds_of_files() -> None:
    assert [kind_of(name) for name in ("a.MD", "b.txt", "README", "c.docx")] == ["markdown", "text", "text", "word"]
    with pytest.raises(WorkbenchError, match="cannot be translated"):
        kind_of("a.odt")


def test_twenty_pages_have_every_structure() -> None:
    text = pages.document(20)
    assert 20 * 350 < len(text.split()) < 20 * 500
    assert pages.outline(louder(text)) == pages.outline(text)
    assert {part.kind for part in split(text, "markdown")} == {"", "paragraph", "heading", "item", "cell"}
