"""Guards as functions of curves: what they see, what they do not, and that a run says each topic once."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.methods import ppo
from workbench.methods.guards import CLIPPED, FIRST, GUARDS, HUMAN, KEPT, KL_LIMIT, SHARE_ENDED, Watch, alarms, to_watch

OPTIONS = {"max_new_tokens": 48, "min_new_tokens": 0, "reward_clip": 5.0}


def curve(name, numbers, every=1):
    return {name: [(every * (place + 1), value) for place, value in enumerate(numbers)]}


def seen(curves, **options):
    return {alarm.guard.key for alarm in alarms(curves, OPTIONS | options)}


LENGTHS = [20, 24, 28, 32, 36, 40, 44, 47, 47.5, 47.8]
ENDED = [0.9, 0.9, 0.8, 0.8, 0.7, 0.6, 0.5, 0.3, 0.2, 0.1]
RISING = [0.1 * step for step in range(20)]


@pytest.mark.parametrize(
    ("curves", "key"),
    [
        (curve("objective/kl", [5, 20, 40, 40, 40]), "kl"),
        (curve("objective/kl", [0.5, 1, 1.5, 3, 6, 12]), "kl_growing"),
        (curve("objective/entropy", [2.0, 1.0, 0.05, 0.05, 0.05]), "entropy"),
        (curve("objective/entropy", [2.0, 1.9, 1.4, 1.0, 0.8, 0.7, 0.6, 0.5]), "entropy_fast"),
        (curve("policy/clipfrac_avg", [0.5] * 3), "clip"),
        (curve("val/length", LENGTHS) | curve(SHARE_ENDED, ENDED), "length_end"),
        (curve("val/length", [10] * 5 + [22] * 3), "length_doubled"),
        (curve("objective/scores", RISING) | curve(HUMAN, [0.6, 0.65, 0.5, 0.4], every=5), "human"),
        (curve("objective/scores", [40, 60, 80]), "reward_clipped"),
        (curve("loss/held_out", [0.7, 0.5, 0.6, 0.7, 0.8]), "overfitting"),
        (curve("accuracy/held_out", [0.5, 0.55]) | curve("accuracy/longer_wins", [0.6, 0.6]), "accuracy_below"),
    ],
)
def test_each_guard_sees_what_it_is_for_and_says_what_to_change(curves, key):
    (alarm,) = [each for each in alarms(curves, OPTIONS) if each.guard.key == key]
    assert "{" not in alarm.text
    assert any(word in alarm.text for word in ("Lower", "Raise", "raise", "Judge", "judge", "Train"))
    assert not any(mark in alarm.text for mark in ("nan", "inf"))


@pytest.mark.parametrize(
    "curves",
    [
        curve("objective/kl", [0.1, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]),
        curve("objective/kl", [5, 5, 60, 5, 5]),  # one round's spike is noise
        curve("objective/kl", [0.01, 0.02, 0.05, 0.1, 0.3, 0.9]),  # it triples and is still small
        curve("objective/kl", [None, float("nan")]),
        curve("objective/entropy", [2.0, 1.9, 1.8, 1.7, 1.6]),
        curve("policy/clipfrac_avg", [CLIPPED] * 5),
        curve("val/length", [47] * 10) | curve(SHARE_ENDED, [0.1] * 10),  # long from the beginning
        curve("val/length", LENGTHS) | curve(SHARE_ENDED, ENDED[::-1]) | curve("objective/kl", [1.0]),
        curve("objective/scores", RISING) | curve(HUMAN, [0.5, 0.55, 0.6, 0.62], every=5),
        curve("objective/scores", RISING) | curve(HUMAN, [0.5, 0.47, 0.53, 0.47], every=5),
        curve("objective/scores", RISING[::-1]) | curve(HUMAN, [0.6, 0.65, 0.5, 0.4], every=5),  # reward fell too
        curve("loss/held_out", [0.7, 0.6, 0.5]),
        {},
    ],
)
def test_what_is_healthy_or_too_early_raises_no_alarm(curves):
    assert seen(curves) <= {"length_doubled"}
    assert "length_doubled" not in seen(curves) or curves["val/length"][0][1] == LENGTHS[0]


def test_scores_are_past_the_clip_on_either_side_and_only_where_there_is_one():
    assert "reward_clipped" in seen(curve("objective/scores", [-9.0, -8.0]))
    assert not seen(curve("objective/scores", [4.9, 4.9])) | seen(curve("objective/scores", [40.0]), reward_clip=0.0)


def test_forced_lengths_are_no_explosion():
    curves = curve("val/length", LENGTHS) | curve(SHARE_ENDED, ENDED)
    assert "length_end" not in seen(curves, min_new_tokens=48)


def test_an_adaptive_run_is_measured_against_its_own_target():
    curves = curve("objective/kl", [10.0] * 8)
    assert seen(curves, kl_control="adaptive", target_kl=6.0) == {"kl_over_target"}
    assert seen(curves, kl_control="adaptive", target_kl=8.0) == set()
    assert seen(curves, kl_control="fixed", target_kl=6.0) == set()


def test_hacking_is_told_from_falling_below_what_no_preference_gives():
    """The first measurements may come when the accuracy is below one half already."""
    assert "human" in seen(curve("objective/scores", RISING) | curve(HUMAN, [0.4, 0.38, 0.36, 0.34], every=5))


def test_a_run_warns_once_a_topic_and_keeps_a_short_history():
    watch = Watch(OPTIONS)
    said = []
    for step in range(1, 301):
        said += watch.see(step, {"objective/kl": 40.0, "objective/scores": 0.0, "policy/clipfrac_avg": 0.1})
    assert [(each.topic, each.step) for each in said] == [("kl", 1)]
    assert all(len(points) == FIRST + KEPT for points in watch.curves.values())
    assert [step for step, _ in watch.curves["objective/kl"]][:FIRST] == [1, 2, 3, 4, 5]
    assert watch.curves["objective/kl"][-1] == (300, 40.0)


def test_what_only_the_window_says_is_not_warned_of_by_the_run():
    watch = Watch(OPTIONS)
    assert not [each for step in range(9) for each in watch.see(step, {"loss/held_out": 0.5 + step})]
    assert "overfitting" in seen(watch.curves)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(sorted({guard.metric for guard in GUARDS} | {"objective/scores", SHARE_ENDED})),
            st.floats(allow_nan=True, allow_infinity=True, width=32),
        ),
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_a_history_that_was_written_down_goes_on_as_if_it_had_not_been(rounds, cut):
    """A run that is resumed warns as one that never stopped does; and no numbers make a guard fall."""
    whole, first = Watch(OPTIONS), Watch(OPTIONS)
    straight = [each for step, values in enumerate(rounds) for each in whole.see(step, values)]
    halves = [each for step, values in enumerate(rounds[:cut]) for each in first.see(step, values)]
    second = Watch(OPTIONS, *json.loads(json.dumps([first.curves, first.warned])))
    halves += [each for step, values in enumerate(rounds[cut:], cut) for each in second.see(step, values)]
    assert straight == halves


def test_every_guard_has_its_words_and_the_chart_its_line():
    for guard in GUARDS:
        assert guard.watch.endswith(".")
        assert guard.words.endswith(".")
        assert [name for _, name, _, _ in string.Formatter().parse(guard.words) if name]
    assert {panel.warn_above for panel in ppo.PANELS} - {None} == {KL_LIMIT, CLIPPED}
    assert len(to_watch(curve("objective/kl", []) | curve("val/length", []))) == 2
