"""Every kind of feedback by keys alone in a whole window, by the driver that `workbench bench feedback` times."""

import json

import pytest

from workbench.bench import feedback
from workbench.errors import WorkbenchError
from workbench.feedback import KINDS, comparison, mark, rubric
from workbench.store import Store
from workbench.ui import measuring
from workbench.ui.feedback_mode import LETTERS

TIMES = 5


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "project"
    feedback.make(folder, 600)
    return folder


@pytest.fixture
def measured(project):
    """What the driver says, and the rows that are new in the store afterwards."""

    def run(*kinds, times=TIMES):
        before = {item.id for item in rows(project)}
        said, about = measuring.measure(project, kinds, times, lambda text: None)
        return said, about, [item for item in rows(project) if item.id not in before]

    return run


def rows(project):
    store = Store.open(project)
    try:
        return store.feedback.list()
    finally:
        store.close()


def meaning(judged):
    """What the keys of a judgement say, in the form of its kind, worked out here once more."""
    *said, _ = judged.keys
    if judged.kind == "rating":
        return {"ratings": [int(key) for key in said]}
    if judged.kind == "comparison":
        return next(dict(choice.value) for choice in comparison.choices if choice.key == said[-1])
    if judged.kind == "ranking":
        return {"order": [[LETTERS.index(key)] for key in said]}
    if judged.kind == "thumbs":
        return {"thumbs": [key == "1" for key in said]}
    if judged.kind == "best_worst":
        return {"best": LETTERS.index(said[0]), "worst": LETTERS.index(said[1])}
    assert judged.kind == measuring.ASIDE
    return {"kind": "rating"}


def scores_of(judged, criteria):
    """The keys of a rubric go down the criteria of one answer, then of the next."""
    said = iter(judged.keys[:-1])
    columns = [[rubric.SCALES[each["scale"]][int(next(said)) - 1] for each in criteria] for _ in judged.item.responses]
    return [list(row) for row in zip(*columns, strict=True)]


def test_every_kind_by_keys_alone_stores_exactly_what_the_keys_say(measured):
    said, about, stored = measured()
    assert set(KINDS) <= set(said)
    assert {kind: len(each) for kind, each in said.items()} == dict.fromkeys(said, TIMES)
    judged = [each for kind in said for each in said[kind]]
    asides = [item for item in stored if item.kind == measuring.ASIDE]
    # After each mark its item is passed over.
    assert len(stored) == len(judged) + TIMES
    left = iter(item for item in stored if item not in asides[:TIMES])
    for each in judged:
        item = next(left)
        assert (item.kind, item.prompt_id) == (each.kind, each.item.prompt.id)
        if each.kind == mark.name:
            start, end = item.value["start"], item.value["end"]
            (text,) = (answer.text for answer in each.item.responses if answer.id in item.response_ids)
            assert item.value["quote"] == text[start:end] == text.split(" ")[0]
            assert next(choice.key for choice in mark.choices if choice.value == item.value["label"]) == each.keys[-1]
            continue
        assert item.response_ids == each.item.response_ids
        if each.kind == "edit":
            original = each.item.responses[item.value["of"]].text
            assert item.value["text"] == original + measuring.TYPED
        elif each.kind == rubric.name:
            assert item.value["scores"] == scores_of(each, item.value["criteria"])
        else:
            assert item.value == meaning(each)
        assert 0 < each.commit < each.seconds < measuring.PATIENCE
    assert len({each.item.prompt.id for each in said["ranking"]}) == TIMES
    assert (about["platform"], about["width"]) == ("offscreen", 1440)


def test_what_it_says_is_json_and_words(measured):
    said, about, _ = measured("comparison", times=3)
    found = feedback.result(said, about | {"answers": 600, "judged_before": 30})
    assert json.loads(json.dumps(found)) == found
    figures = found["kinds"]["comparison"]
    assert figures["count"] == 3
    times = sorted(each.seconds for each in said["comparison"])
    assert (figures["median"], figures["p99"], figures["max"]) == (times[1], times[2], times[2])
    assert 0 < figures["commit_share"] < 1
    text = feedback.words(found)
    assert f"{1000 * times[1]:.1f}" in text
    assert "600 answers in the store" in text


def test_a_kind_over_the_limit_is_named(measured):
    def at(*seconds):
        return [measuring.Judged("rating", None, (), each, each / 2) for each in seconds]

    about = {"answers": 1, "judged_before": 0, "width": 1, "height": 1, "platform": "x", "longest_stall": 0.0}
    found = feedback.result({"fast": at(*[0.01] * 99, 0.2), "slow": at(*[0.01] * 98, 0.06, 0.2)}, about)
    assert found["slow"] == ["slow"]
    assert found["kinds"]["fast"]["commit_share"] == pytest.approx(0.5)
    assert "Over 50 ms in the 99th percentile: slow." in feedback.words(found)


def test_what_cannot_be_measured_is_told(measured):
    with pytest.raises(WorkbenchError, match="nonesuch cannot be measured"):
        measured("nonesuch")


def test_a_store_that_is_too_small_is_told(tmp_path):
    feedback.make(tmp_path / "small", 8)
    with pytest.raises(WorkbenchError, match="nothing left to judge"):
        measuring.measure(tmp_path / "small", ["rating"], 3, lambda text: None)
