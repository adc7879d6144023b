"""What an edit changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.ui.word_diff import difference, word_count


def shown(original, edited):
    marks = {"same": "{}", "removed": "[-{}-]", "added": "[+{}+]"}
    return "".join(marks[piece.change].format(piece.text) for piece in difference(original, edited).pieces)


@pytest.mark.parametrize(
    ("original", "edited", "expected"),
    [
        ("It will ship today.", "It will go out today.", "It will [-ship-][+go out+] today."),
        ("Same text.", "Same text.", "Same text."),
        ("", "New words", "[+New words+]"),
        ("Old words", "", "[-Old words-]"),
        ("我明天寄出。", "我今天寄出。", "我[-明-][+今+]天寄出。"),
        ("One. Two.", "One.\nTwo.", "One[-. -][+.\n+]Two."),
    ],
)
def test_changes_in_reading_order(original, edited, expected):
    assert shown(original, edited) == expected


def test_a_phrase_is_one_change_although_a_short_word_stayed():
    assert shown("we can do it tomorrow", "they will do it now") == "[-we can-][+they will+] do it [-tomorrow-][+now+]"
    assert shown("alpha, beta", "gamma, delta") == "[-alpha, beta-][+gamma, delta+]"


def test_counts_are_of_words_that_really_changed():
    found = difference("alpha, beta gamma", "delta, beta gamma epsilon")
    assert (found.added, found.removed) == (2, 1)
    assert found.kept == pytest.approx(2 / 3)
    assert difference("", "anything").kept == 1.0


def test_each_chinese_character_is_a_word():
    assert word_count("我明天寄出 two mugs") == 7
    assert word_count("don't re-read it") == 3


def test_places_of_changes_in_the_edited_text():
    edited = "It will go out today, I promise."
    places = difference("It will ship today.", edited).places()
    assert [edited[place:][:6] for place in places] == ["go out", ", I pr"]


texts = st.text(alphabet="ab ,.\n明天\u00a0’", max_size=40)


@given(texts, texts)
def test_pieces_spell_the_edited_text_and_hold_all_of_the_original(original, edited):
    pieces = difference(original, edited).pieces
    assert "".join(piece.text for piece in pieces if piece.change != "removed") == edited
    back = "".join(piece.text for piece in pieces if piece.change != "added")
    assert "".join(back.split()) == "".join(original.split())


def test_a_very_long_text_is_compared_by_lines():
    lines = [f"line {number} of many words\n" for number in range(2000)]
    changed = [*lines[:1000], "another line\n", *lines[1001:]]
    assert difference("".join(lines), "".join(changed)).removed == 5
