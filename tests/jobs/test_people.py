"""How far each person is, and how often they say what others say."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.evaluation.agreement import raw_agreement, table
from workbench.feedback.base import Answer, Judgement
from workbench.feedback.opinions import opinions
from workbench.jobs.people import Progress, agreements, progress
from workbench.store import Store


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path / "project")
    yield made
    made.close()


@pytest.fixture
def prompts(store):
    found = []
    for number in range(4):
        prompt, _ = store.prompts.add(f"q{number}")
        found.append((prompt.id, [store.responses.add(prompt.id, f"{number} {place}").id for place in range(2)]))
    return found


def rate(store, prompt, stars, who, **fields):
    return store.feedback.add("rating", *prompt, {"ratings": list(stars)}, annotator=who, **fields)


def test_each_person_has_figures_of_their_own(store, prompts):
    for place, seconds in enumerate((2.0, 9.0, 4.0, 0.0)):
        rate(store, prompts[place], (5, 3), "Noor", seconds=seconds)
    store.feedback.undo("Noor")  # the last one does not stand
    store.feedback.add("comparison", *prompts[0], {"choice": "a"}, annotator="Noor", seconds=1.0)
    store.feedback.add("skip", *prompts[1], {"kind": "comparison"}, annotator="Noor", seconds=50.0)
    rate(store, prompts[3], (1, 1), "Noor", seconds=99.0, import_key="k")
    rate(store, prompts[0], (5, 4), "ada")
    run = store.runs.add(name="vote", method="evaluate", options={})
    store.feedback.add("comparison", *prompts[2], {"choice": "a"}, annotator="ada", run_id=run.id)
    assert progress(store, "rating", ["you"]) == [
        Progress("ada", today=1, total=1, kinds={"rating": 1}, median=None, left=3, same=1, shared=2),
        Progress(
            "Noor", today=5, total=5, kinds={"rating": 4, "comparison": 1}, median=statistics.median([1, 2, 4, 9]),
            left=0, same=1, shared=2,
        ),
        Progress("you", left=4),
    ]  # fmt: skip
    assert [each.left for each in progress(store, "comparison")] == [4, 2]


def test_today_begins_at_midnight(store, prompts):
    rate(store, prompts[0], (5, 3), "Noor")
    (found,) = progress(store, "rating", now=datetime.now() + timedelta(days=1))
    assert (found.today, found.total) == (0, 1)


def test_a_rubric_counts_once_and_not_by_criterion_too(store, prompts):
    criteria = [{"name": "Tone"}, {"name": "Facts"}]
    for who, scores in (("Noor", [[5, 1], [5, 1]]), ("Ada", [[5, 2], [5, 1]])):
        store.feedback.add("rubric", *prompts[0], {"criteria": criteria, "scores": scores}, annotator=who)
    found = agreements(store.features.judgements(-1))
    assert found == {"Noor": (1, 2), "Ada": (1, 2)}


stars = st.tuples(st.sampled_from(["Noor", "Ada"]), st.integers(0, 3), st.integers(1, 3))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(stars, max_size=20))
def test_with_two_people_it_is_the_raw_agreement_of_the_report(said):
    judgements = [
        Judgement(str(place), "rating", "p", (), (Answer(str(item), ""),), {"ratings": [value]}, annotator=who)
        for place, (who, item, value) in enumerate(said)
    ]
    found = agreements(judgements)
    _, data = table(opinions(judgements)["rating"])
    if not found:
        assert raw_agreement(data) != raw_agreement(data)  # nothing was judged by both
        return
    same, shared = found["Noor"]
    assert found["Ada"] == (same, shared)
    assert same / shared == pytest.approx(raw_agreement(data))
