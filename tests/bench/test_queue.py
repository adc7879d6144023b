"""What the queue's order is worth: the judge, the figures, and whole walks over small projects."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from workbench.bench import plotting, queue, queue_data
from workbench.bench.queue_data import Pool
from workbench.errors import WorkbenchError
from workbench.evaluation.rules import Brief
from workbench.jobs.instant_head import InstantHead, Reading
from workbench.lm.vectors import packed
from workbench.store import Store

SPACE, WIDTH = "base/template/20", 6


def quiet(text: str) -> None:
    """Progress that nobody reads."""


def answers(store, number, goods):
    """A prompt whose answers are as good as said: the first feature says it, the others are noise."""
    prompt, _ = store.prompts.add(f"Question {number}")
    draw = np.random.default_rng(number)
    ids = []
    for place, good in enumerate(goods):
        ids.append(store.responses.add(prompt.id, f"answer {place} to {number}", queued=number < 40).id)
        store.features.add(SPACE, {ids[-1]: packed(np.array([good, *draw.standard_normal(WIDTH - 1) * 0.3]))})
    return ids


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """40 prompts to choose from with three answers each, of which the judge compares every two but the last two."""
    folder = tmp_path_factory.mktemp("pool")
    store = Store.open(folder)
    verdicts, held_out = {}, []
    with store.writing():
        for number in range(60):
            goods = np.random.default_rng(1000 + number).standard_normal(3)
            ids = answers(store, number, goods)
            for one, other in ((0, 1), (0, 2)):
                better, worse = (one, other) if goods[one] > goods[other] else (other, one)
                if number < 40:
                    verdicts[frozenset((ids[one], ids[other]))] = ids[better]
                else:
                    held_out.append((ids[better], ids[worse]))
    store.close()
    return Pool("made", "a judge", folder, verdicts, tuple(held_out), 40)


@pytest.mark.parametrize("share", queue.ORDERS.values())
def test_a_walk_learns_what_the_judge_likes(pool, share):
    found = queue.walk(pool, share, 1, [8, 32, 64])
    assert len(found) == 3
    assert found[-1] > 0.85
    assert found == queue.walk(pool, share, 1, [8, 32, 64])


def test_every_order_begins_with_the_same_judgements(pool):
    one, other = (queue.walk(pool, share, 3, [8, 16, 32]) for share in (0.0, 1.0))
    assert one[:2] == other[:2]
    assert queue.walk(pool, 0.0, 4, [8])[0] != one[0]


def test_what_the_judge_cannot_say_is_set_aside_and_does_not_count(pool, tmp_path):
    store = Store.open(tmp_path / "p")
    ids = answers(store, 1, [1.0, 0.0, -1.0])
    verdicts = {frozenset(ids[:2]): ids[0], frozenset(ids[1:]): ""}
    counted = 0
    while (item := queue._next(store, Reading(), queue.RANDOM, 1)) is not None:
        counted += queue._say(store, item, verdicts)
    said = store.feedback.list()
    assert counted == 2
    assert sorted(item.kind for item in said) == ["cannot", "comparison", "comparison"]
    better = next(item for item in said if set(item.response_ids) == set(ids[:2]))
    assert better.value["choice"] == "ab"[better.response_ids.index(ids[0])]
    assert next(item for item in said if set(item.response_ids) == set(ids[1:])).value["choice"] == "tie"
    store.close()


def test_a_pool_that_is_too_small_is_told(pool):
    with pytest.raises(WorkbenchError, match="no more than 80 judgements"):
        queue.walk(pool, 0.0, 1, [128])


def test_sizes_double():
    assert queue.sizes_up_to(8) == [8]
    assert queue.sizes_up_to(100) == [8, 16, 32, 64]
    with pytest.raises(WorkbenchError):
        queue.sizes_up_to(7)


def test_accuracy_of_no_head_is_a_coin(pool):
    assert queue.accuracy(Reading(), pool.held_out) == 0.5


def test_a_head_for_few_pairs_is_as_good_as_the_usual_one(pool, tmp_path):
    store = Store.open(tmp_path / "p")
    for number in range(25):
        ids = answers(store, number, [1.0, -1.0])
        store.feedback.add("comparison", store.responses.find(ids[0]).prompt_id, ids, {"choice": "a"}, annotator="x")
    few, usual = InstantHead(fewest=1).refresh(store), InstantHead().refresh(store)
    assert few.prediction(ids[0]) == usual.prediction(ids[0])
    assert usual.ready
    store.close()


# --- where answers and verdicts come from


def test_people_are_read_from_a_file_and_the_majority_counts(llama_folder, tmp_path):
    votes = [(1, 1, 2), (2, 2, 0), (0, 0, 0), (1, 2, 0)]
    rows = [
        {
            "instruction": f"Say {number}",
            "input": "",
            "response1": f"one {number}",
            "response2": f"two {number}",
            **{f"annotator{place}": vote for place, vote in enumerate(votes[number % 4], start=1)},
        }
        for number in range(24)
    ]
    rows.append(rows[0] | {"annotator1": 2, "annotator2": 2, "annotator3": 2})  # the same answers, judged anew
    file = tmp_path / "judged.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    made = queue_data.people(file, llama_folder, tmp_path / "pools", quiet)
    store = Store.open(made.folder)
    texts = {row["id"]: row["text"] for row in store.rows("SELECT id, text FROM responses")}
    assert len(texts) == 48
    assert store.features.spaces().popitem()[1] == 48
    said = {frozenset(texts[id_] for id_ in pair): texts.get(better, "") for pair, better in made.verdicts.items()}
    said |= {frozenset((texts[one], texts[two])): texts[one] for one, two in made.held_out}
    for number in range(24):
        pair = frozenset((f"one {number}", f"two {number}"))
        if pair not in said:  # held out and nobody's favourite
            assert number % 4 > 1
            continue
        expected = [f"one {number}", f"two {number}", "", ""][number % 4] if number else "two 0"
        assert said[pair] == expected
    waiting = store.value("SELECT COUNT(DISTINCT prompt_id) FROM responses WHERE queued = 1")
    assert waiting == made.prompts == len(made.verdicts)
    assert 0 < made.prompts < 24
    store.close()
    assert queue_data.people(file, llama_folder, tmp_path / "pools", quiet) == made


def test_the_rule_prefers_the_better_answer_and_draws_where_both_are_as_good(tmp_path):
    store = Store.open(tmp_path / "p")
    prompt, _ = store.prompts.add("Question")
    good, also, bad = (
        store.responses.add(prompt.id, text).id
        for text in ("This is a short answer.", "That is a short answer.", "an answer that does not end")
    )
    found = dict(queue_data._ruled(store, Brief(), prompt.id))
    assert found == {frozenset((good, also)): "", frozenset((good, bad)): good, frozenset((also, bad)): also}
    store.close()


# --- what is said


@pytest.fixture(scope="module")
def found(pool):
    source = queue._compared(pool, queue.Options(seeds=2, most=32), quiet)
    return {"job": {"model": "tiny", "seeds": 2, "begins": 20}, "sources": {"made": source}}


def test_gains_are_paired_by_seed(found):
    source = found["sources"]["made"]
    assert source["sizes"] == [8, 16, 32]
    gains = source["gain"][queue.UNCERTAIN]
    assert gains[0] == gains[1] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    runs = source["accuracy"]
    apart = [one[2] - other[2] for one, other in zip(runs[queue.UNCERTAIN], runs[queue.RANDOM], strict=True)]
    assert gains[2]["mean"] == pytest.approx(sum(apart) / 2)
    assert gains[2]["low"] <= gains[2]["mean"] <= gains[2]["high"]


def test_the_tables_and_the_drawing_say_the_same(found):
    text = queue.words(found)
    for each in found["sources"]["made"]["mean"][queue.UNCERTAIN]:
        assert f"{each['mean']:.1%}" in text
    root = ET.fromstring(queue.drawing(found))
    assert len([line for line in root.findall("{*}polyline") if line.get("class") == "mean"]) == 2
    labels = {each.text for each in root.findall("{*}text")}
    assert {"made, random", "made, uncertain", "8", "16", "32", "0.5"} <= labels


def test_an_axis_in_powers_of_two_has_equal_steps():
    drawn = plotting.svg(
        "t", "x", "y", [plotting.Series("one", [], [(8, 0.6), (16, 0.7), (32, 0.9)])], least=0.5, doubling=True
    )
    (line,) = ET.fromstring(drawn).findall("{*}polyline")
    places = [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
    assert [x for x, _ in places] == [
        plotting.LEFT,
        (plotting.LEFT + plotting.WIDTH - plotting.RIGHT) / 2,
        plotting.WIDTH - plotting.RIGHT,
    ]
    bottom, top = plotting.HEIGHT - plotting.BOTTOM, plotting.TOP
    assert [y for _, y in places] == pytest.approx([bottom - 0.25 * (bottom - top), bottom - 0.5 * (bottom - top), top])
