"""What judgements lean on, each planted and each absent."""

from __future__ import annotations

import math

import pytest

from workbench.evaluation.bias import Finding, Seen, findings, least_seconds, reading_of
from workbench.evaluation.intervals import wilson

DAY = 86_400.0


def seen(number: int, kind: str, standings, lengths=(), who="you", **more) -> Seen:
    about = {"at": number * 3600.0, "seconds": 0.0, "reading": (10, 0), "prompt_id": f"p{number}"} | more
    return Seen(f"j{number}", kind, who, standings=standings, lengths=lengths or (1.0,) * len(standings), **about)


def finding(some, about: str, rises=None) -> Finding:
    return next(each for each in findings(some, rises) if each.about == about)


@pytest.mark.parametrize(("longer", "verdict"), [(36, "warn"), (4, "warn"), (20, "good")])
def test_whether_the_longer_answer_wins(longer: int, verdict: str) -> None:
    some = [seen(n, "comparison", (1.0, 0.0), (9.0, 5.0) if n < longer else (5.0, 9.0)) for n in range(40)]
    found = finding(some, "length")
    assert (found.verdict, found.value, found.n) == (verdict, longer / 40, 40)
    assert (found.low, found.high) == wilson(longer, 40)
    assert [(part.kind, part.n) for part in found.parts] == [("comparison", 40)]


def test_answers_of_one_length_and_ties_say_nothing_of_length() -> None:
    some = [seen(n, "comparison", (1.0, 0.0), (5.0, 5.0)) for n in range(30)]
    some += [seen(30 + n, "comparison", (0.0, 0.0), (5.0, 9.0)) for n in range(30)]
    found = finding(some, "length")
    assert (found.verdict, found.n) == ("none", 0)
    assert math.isnan(found.value)


def test_a_ranking_counts_once_however_many_pairs_it_holds() -> None:
    some = [seen(n, "ranking", (0.0, -1.0, -2.0), (9.0, 5.0, 1.0)) for n in range(25)]
    assert (finding(some, "length").n, finding(some, "length").value) == (25, 1.0)


def test_stars_given_one_at_a_time_are_compared_within_person_and_prompt() -> None:
    some = []
    for n in range(30):
        some.append(seen(2 * n, "rating", (2.0,), (10.0,), prompt_id=f"p{n}"))
        some.append(seen(2 * n + 1, "rating", (4.0,), (60.0,), prompt_id=f"p{n}"))
    found = finding(some, "length")
    assert (found.n, found.value, found.verdict) == (30, 1.0, "warn")
    assert found.numbers["per_50"] == pytest.approx(2)
    assert found.numbers["r"] == pytest.approx(1)


def test_prompts_that_ask_for_more_are_no_bias() -> None:
    some = [seen(n, "rating", (1.0, 1.0) if n < 20 else (5.0, 5.0), (n + 1.0, n + 2.0)) for n in range(40)]
    assert finding(some, "length").verdict == "none"


@pytest.mark.parametrize(("first", "verdict"), [(20, "good"), (35, "warn"), (5, "warn")])
def test_position(first: int, verdict: str) -> None:
    some = [seen(n, "comparison", (1.0, 0.0) if n < first else (0.0, 1.0)) for n in range(40)]
    assert (finding(some, "position").verdict, finding(some, "position").value) == (verdict, first / 40)


def test_order_is_measured_only_where_it_was_shuffled_and_repeats_count_once() -> None:
    file = [seen(n, "comparison", (1.0, 0.0), imported=True) for n in range(40)]
    again = [seen(40 + n, "comparison", (1.0, 0.0), repeat=True) for n in range(40)]
    assert finding(file + again, "position").n == 0


def test_first_and_last_of_several() -> None:
    def best(place: int, n: int) -> Seen:
        return seen(n, "best_worst", tuple(0.0 if at == place else -1.0 - at for at in range(4)))

    some = [best(3 if n < 30 else n % 4, n) for n in range(40)]
    last, first = finding(some, "last"), finding(some, "first")
    assert (last.verdict, last.n, last.numbers["shown"], last.numbers["expected"]) == ("warn", 40, 4, 0.25)
    assert last.value == pytest.approx(33 / 40)
    assert sum(bar[0] for bar in first.numbers["bars"]) == pytest.approx(1)
    assert first.value < 0.25


def test_a_tie_for_the_best_has_no_first_place() -> None:
    assert finding([seen(n, "ranking", (0.0, 0.0, -1.0)) for n in range(30)], "first").n == 0


@pytest.mark.parametrize(("rise", "verdict"), [(1.0, "warn"), (-1.0, "warn"), (0.0, "good")])
def test_drift(rise: float, verdict: str) -> None:
    some = [seen(n, "rating", (3.0 + n % 2 + (rise if n >= 30 else 0),)) for n in range(60)]
    found = finding(some, "drift")
    assert (found.verdict, found.n) == (verdict, 60)
    assert found.value == pytest.approx(rise)
    assert found.low <= rise <= found.high
    assert found.numbers["days"] == pytest.approx(59 / 24)


def test_drift_names_the_person_and_goes_by_repeats_where_there_are_enough() -> None:
    some = [seen(n, "rating", (3.0 + n % 2,), who=who) for n in range(60) for who in ("you", "Noor")]
    found = finding(some, "drift", {"Noor": [1.0, 0.5] * 12})
    assert (found.who, found.verdict, found.value, found.numbers["repeats"]) == ("Noor", "warn", 0.75, True)
    assert [each.who for each in found.people] == ["you", "Noor"]


def test_what_was_judged_within_a_moment_does_not_drift() -> None:
    assert finding([seen(0, "rating", (1.0 + n % 5,)) for n in range(60)], "drift").verdict == "none"


@pytest.mark.parametrize(
    ("text", "reading"),
    [("Two words", (2, 0)), ("It's well-known", (2, 0)), ("你好 world", (1, 2)), ("", (0, 0)), ("!? --- ...", (0, 0))],
)
def test_what_there_is_to_read(text: str, reading: tuple[int, int]) -> None:
    assert reading_of([text]) == reading


def test_too_fast_to_have_been_read() -> None:
    assert least_seconds((100, 0)) == pytest.approx(10)
    assert least_seconds((0, 150)) == pytest.approx(10)
    some = [seen(n, "rating", (3.0,), seconds=2.0 if n < 6 else 30.0, reading=(100, 0)) for n in range(40)]
    found = finding([*some, seen(99, "rating", (3.0,), seconds=0.0, reading=(100, 0))], "haste")
    assert (found.verdict, found.value, found.n) == ("warn", 0.15, 40)
    assert found.ids == tuple(f"j{n}" for n in range(6))
    assert (sum(found.numbers["fast_counts"]), found.numbers["median"]) == (6, 30.0)


def test_ties() -> None:
    some = [seen(n, "comparison", (0.0, 0.0), verdict=("tie", "both_bad", "a", "b")[n % 4]) for n in range(80)]
    found = finding(some, "ties")
    assert (found.verdict, found.value, found.numbers) == ("warn", 0.5, {"ties": 20, "both_bad": 20})


@pytest.mark.parametrize(("threes", "verdict"), [(90, "warn"), (30, "good")])
def test_balance_of_stars(threes: int, verdict: str) -> None:
    some = [seen(n, "rating", (3.0 if n < threes else 1.0 + n % 5,)) for n in range(100)]
    found = finding(some, "balance")
    assert found.verdict == verdict
    assert sum(found.numbers["counts"]) == 100


def test_each_person_of_several_is_told_where_there_is_enough() -> None:
    some = [seen(n, "comparison", (1.0, 0.0), who="you") for n in range(40)]
    some += [seen(40 + n, "comparison", (0.0, 1.0), who="Noor") for n in range(40)]
    some += [seen(99, "comparison", (0.0, 1.0), who="Ann")]
    found = finding(some, "position")
    assert [(each.who, each.value) for each in found.people] == [("you", 1.0), ("Noor", 0.0)]
    assert found.verdict == "good"  # together they cancel out, so each is shown


def test_nothing_is_too_few_to_tell() -> None:
    assert {each.verdict for each in findings([])} == {"none"}
