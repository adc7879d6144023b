"""Judges from the order to the verdict: servers, models, reward models, rules, and what goes wrong."""

from __future__ import annotations

import json
import time

import pytest
import torch

from tests.jobs import worlds
from tests.methods.judge_server import Reply, serving
from workbench import events as ev
from workbench.errors import WorkbenchError
from workbench.jobs import judging, preparing
from workbench.jobs.judge_report import report_of
from workbench.jobs.judging import Order
from workbench.jobs.recording import record
from workbench.jobs.run import run as run_here
from workbench.jobs.running import run_to_end
from workbench.lm.choosing import choice_shares, token_sets
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef
from workbench.methods import verdicts
from workbench.providers import keys
from workbench.store.exchange.exporting import export_store

from ..conftest import FP32

CPU = {"device": "cpu", "dtype": "float32"}
SOON = {"retry-after-ms": "1"}


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in (keys.KEY, "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(keys, "_from_keyring", lambda host: "")


@pytest.fixture
def store(tmp_path, llama_folder):
    made = worlds.project(tmp_path / "project", llama_folder, prompts=12)
    yield made
    made.close()


def on(server, **fields):
    return Order("server", url=server.url, model="m", **fields)


def carry_out(store, order, stopping=lambda: False):
    """Run an order in this process and return its events."""
    run, spec = judging.prepare(store, order)
    return list(record(store, run.id, run_here(spec, stopping)))


def texts_of(store):
    return {row["id"]: row["text"] for row in store.rows("SELECT id, text FROM responses")}


def answers_in(body):
    """What stands between the marks of a question: one answer, or two."""
    text = body["messages"][0]["content"]
    marks = [("<answer>", "</answer>"), ("<answer_a>", "</answer_a>"), ("<answer_b>", "</answer_b>")]
    return [text.split(begin)[1].split(end)[0].strip() for begin, end in marks if begin in text]


def kind_one(number, body):
    """Likes answers with "kind" in them, wherever they stand."""
    found = answers_in(body)
    if len(found) == 1:
        return Reply("5" if "kind hello" in found[0] else "2", usage=(100, 2))
    return Reply("A" if "kind hello" in found[0] else "B", usage=(150, 1))


# --- a server


def test_a_server_rates_every_answer_in_a_child_and_the_answers_have_their_stars(store):
    with serving(kind_one) as server:
        run, spec = judging.prepare(
            store, on(server, rubric="Is it kind?", knobs={"price_in": 10.0, "price_out": 50.0})
        )
        ended = run_to_end(store, run, spec)
    judge = store.judges.list()[0]
    texts = texts_of(store)
    said = {each.response_ids[0]: each for each in store.judges.verdicts(judge.id)}
    assert len(said) == len(server.asked) == 24
    assert all(each.value == {"ratings": [5 if "kind hello" in texts[id_] else 2]} for id_, each in said.items())
    assert judge.name == f"judge: m on {server.url[7:-3]} (rubric {judge.rubric_id[:4]})"
    assert store.judges.rubric(judge.rubric_id).text == "Is it kind?"
    assert ended.summary["tokens_in"] == 2400 and ended.summary["tokens_out"] == 48
    assert ended.summary["cost"] == pytest.approx((2400 * 10 + 48 * 50) / 1e6)


def test_comparisons_are_asked_in_both_orders_and_what_stands_counts(store):
    with serving(kind_one) as server:
        carry_out(store, on(server, compares=True))
    (found,) = report_of(store).judges
    assert len(server.asked) == 24
    assert (found.given, found.places.pairs, found.places.by_place, found.places.agreed) == (12, 12, 0, 12)
    assert found.agreement.figures["accuracy"].value == 1.0 and found.agreement.decided == 12


def test_a_judge_that_looks_at_the_place_is_found_out_and_its_swaps_cancel(store):
    with serving(lambda number, body: Reply("I prefer A>>B")) as server:
        carry_out(store, on(server, compares=True, knobs={"steps": 5}))
    (found,) = report_of(store).judges
    assert found.places.share == 1.0 and found.places.low > 0.7
    assert {each.value["choice"] for each in store.judges.verdicts(found.judge.id)} == {"tie"}
    assert found.agreement.figures["accuracy"].value == 0.5  # ties: half of one each


def test_what_is_no_verdict_is_counted_and_left(store):
    def reply(number, body):
        return Reply("I cannot say.") if "kind hello" in answers_in(body)[0] else Reply("Rating: 2/5")

    with serving(reply) as server:
        events = carry_out(store, on(server))
        with pytest.raises(WorkbenchError, match="asked about all of it"):
            judging.prepare(store, on(server))
    assert events[-1].summary["judged"] == events[-1].summary["no_verdict"] == 12
    (found,) = report_of(store).judges
    assert (found.given, found.no_verdict) == (12, 12)
    silent = [each for each in store.judges.verdicts(found.judge.id) if each.value is None]
    assert all(each.told == {"said": "I cannot say."} for each in silent)
    assert len(store.judges.judgements([found.judge.name])) == 12


def test_a_server_that_dies_leaves_what_it_said_and_the_next_run_asks_only_the_rest(store):
    asked = []

    def dies(number, body):
        return kind_one(number, body) if number < 10 else Reply(status=503, headers=SOON)

    def lives(number, body):
        asked.append(answers_in(body)[0])
        return kind_one(number, body)

    dead = []

    def reply(number, body):
        return lives(number, body) if dead else dies(number, body)

    with serving(reply) as server:
        run, spec = judging.prepare(store, on(server, knobs={"at_once": 2}))
        with pytest.raises(WorkbenchError, match=r"refused to judge .*503") as caught:
            run_to_end(store, run, spec)
        judge = store.judges.list()[0]
        kept = store.judges.verdicts(judge.id)
        assert 9 <= len(kept) <= 10 and store.runs.find(run.id).status == "failed"
        assert "well again" in caught.value.hint
        dead.append(True)
        carry_out(store, on(server, knobs={"at_once": 2}))
    texts = texts_of(store)
    before = {each.response_ids[0] for each in kept}
    assert sorted(asked) == sorted(text for id_, text in texts.items() if id_ not in before)
    assert len(store.judges.verdicts(judge.id)) == 24


def test_one_question_that_the_server_cannot_take_is_left_and_a_wrong_model_fails_at_once(store):
    def too_long(number, body):
        return Reply(status=400) if number == 5 else kind_one(number, body)

    with serving(too_long) as server:
        events = carry_out(store, on(server, knobs={"at_once": 1}))
    assert events[-1].summary["no_verdict"] == 1 and events[-1].summary["judged"] == 23
    with serving(lambda number, body: Reply(status=400)) as server, pytest.raises(WorkbenchError, match="400"):
        carry_out(store, on(server, rubric="Another."))


def test_it_stops_within_a_second_and_what_was_said_is_kept(store):
    with serving(lambda number, body: Reply("4", seconds=0.0 if number < 4 else 30.0)) as server:
        begun = []

        def stopping():
            if len(server.asked) >= 6:
                begun.append(time.monotonic())
            return bool(begun) and time.monotonic() - begun[0] > 0.3

        events = carry_out(store, on(server, knobs={"at_once": 2}), stopping)
        took = time.monotonic() - begun[0]
    assert isinstance(events[-1], ev.Stopped)
    assert took < 2
    judge = store.judges.list()[0]
    assert len(store.judges.verdicts(judge.id)) == events[-1].step == 4


def test_the_key_goes_to_the_server_and_nowhere_else(store, tmp_path, monkeypatch):
    canary = "canary-5f1c9e"
    monkeypatch.setenv(keys.KEY, canary)
    with serving(lambda number, body: Reply("4") if number < 12 else Reply(status=401)) as server:
        run, spec = judging.prepare(store, on(server))
        with pytest.raises(WorkbenchError, match="401"):
            run_to_end(store, run, spec)
    assert {headers["authorization"] for headers, _ in server.asked} == {f"Bearer {canary}"}
    export_store(store, tmp_path / "all.jsonl", judges=True)
    places = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "project.db" for path in places) and any(path.name == "log.txt" for path in places)
    assert not [path for path in places if canary.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "http://me:secret@host/v1", "model": "m"}, "must hold no name and no key"),
        ({"url": "", "model": "m"}, "No server was named"),
        ({"url": "http://host/v1"}, "Judge model is empty"),
        ({"kind": "rule"}, "No rule was chosen"),
        ({"kind": "rule", "rule": "pattern", "rule_pattern": "("}, "no regular expression"),
        ({"kind": "model"}, "No model was chosen"),
        ({"kind": "server", "url": "http://host/v1", "model": "m", "which": "some"}, "no choice called"),
    ],
)
def test_a_judge_that_cannot_be_asked_is_told_before_anything_is_written(store, fields, words):
    with pytest.raises(WorkbenchError, match=words) as caught:
        judging.prepare(store, Order(**{"kind": "server"} | fields))
    assert caught.value.hint and not store.runs.list()


# --- what is asked about


def test_only_what_people_judged_and_only_what_they_did_not(store):
    prompt, _ = store.prompts.add("a new one", tags=["fresh"])
    new = store.responses.add(prompt.id, "nobody judged this")
    other = store.responses.add(prompt.id, "nor this")

    def ids(**fields):
        return {tuple(row["ids"]) for row in judging.rows_of(store, Order("rule", rule="length", **fields))}

    assert len(ids()) == 26 and len(ids(which="judged")) == 24
    assert ids(which="unjudged") == ids(tag="fresh") == {(new.id,), (other.id,)}
    assert ids(which="unjudged", compares=True) == {tuple(sorted((new.id, other.id)))}
    assert len(ids(which="judged", compares=True)) == 12
    few = judging.rows_of(store, Order("rule", rule="length", limit=5))
    assert len(few) == 5 and {tuple(row["ids"]) for row in few} < ids(limit=9)


def test_an_estimate_goes_by_what_the_judge_took_before_and_makes_no_judge(store):
    with serving(kind_one) as server:
        order = on(server, limit=6, knobs={"price_in": 1000.0})
        before = judging.estimate(store, order)
        assert (before.count, before.known) == (6, False) and before.cost > 0
        assert not store.judges.list() and not store.judges.rubrics()
        carry_out(store, order)
        after = judging.estimate(store, on(server, knobs={"price_in": 1000.0}))
    assert (after.count, after.known) == (18, True)
    assert after.cost == pytest.approx(18 * 100 * 1000 / 1e6)


# --- a model of the project


def test_a_model_of_the_project_rates_by_the_probabilities_of_1_to_5(store, llama_folder):
    base = store.models.list("base")[0]
    carry_out(store, Order("model", rubric="Kind?", model_id=base.id, knobs=CPU, limit=4))
    judge = store.judges.list()[0]
    loaded = load(ModelRef(str(llama_folder)), FP32)
    texts = texts_of(store)
    tokens = [loaded.tokenizer(number, add_special_tokens=False)["input_ids"] for number in "12345"]
    assert all(len(each) == 1 for each in tokens)
    said = store.judges.verdicts(judge.id)
    assert len(said) == 4
    for each in said:
        prompt = store.prompts.find(each.prompt_id).text
        question = verdicts.rating_question("Kind?", prompt, texts[each.response_ids[0]])
        ids = loaded.template.prompt_ids([{"role": "user", "content": question}])
        with torch.no_grad():
            logits = loaded.model(torch.tensor([ids])).logits[0, -1]
        shares = logits[[token for (token,) in tokens]].softmax(0)
        expected = float((shares * torch.arange(1.0, 6.0)).sum())
        assert each.score == pytest.approx(expected, abs=1e-4)
        assert each.value == {"ratings": [int(expected + 0.5)]}


def test_a_model_of_the_project_compares_by_a_and_b_in_both_orders(store, llama_folder):
    base = store.models.list("base")[0]
    carry_out(store, Order("model", rubric="Kind?", model_id=base.id, compares=True, knobs=CPU, limit=3))
    judge = store.judges.list()[0]
    loaded = load(ModelRef(str(llama_folder)), FP32)
    texts = texts_of(store)
    letters = [loaded.tokenizer(letter, add_special_tokens=False)["input_ids"][0] for letter in "AB"]
    for each in store.judges.verdicts(judge.id):
        one, other = (texts[id_] for id_ in each.response_ids)
        found = []
        for order in ((one, other), (other, one)):
            question = verdicts.comparing_question("Kind?", store.prompts.find(each.prompt_id).text, *order, steps=2)
            ids = loaded.template.prompt_ids([{"role": "user", "content": question}])
            with torch.no_grad():
                found.append(float(loaded.model(torch.tensor([ids])).logits[0, -1][letters].softmax(0)[0]))
        assert each.score == pytest.approx((found[0] + 1 - found[1]) / 2, abs=1e-4)
        follows = (found[0] > 0.5) == (found[1] > 0.5)
        assert each.told["by_place"] is follows
        assert (each.value["choice"] == "tie") is follows


def test_an_answer_that_a_model_cannot_read_whole_has_no_verdict(store):
    prompt, _ = store.prompts.add("long")
    store.responses.add(prompt.id, "word " * 2000)
    base = store.models.list("base")[0]
    carry_out(store, Order("model", model_id=base.id, knobs=CPU, prompt_ids=(prompt.id,)))
    (said,) = store.judges.verdicts(store.judges.list()[0].id)
    assert said.value is None and "longer" in said.told["reason"]


def test_shares_of_words_sum_to_one_and_say_how_much_the_words_have(llama):
    questions = [[{"role": "user", "content": text}] for text in ("hello", "how are you today?", "hello")]
    shares, masses = choice_shares(llama, questions, ["A", "B"])
    assert torch.allclose(shares.sum(1), torch.ones(3), atol=1e-5)
    assert torch.allclose(shares[0], shares[2], atol=1e-5) and all(0 < mass < 1 for mass in masses)
    with pytest.raises(WorkbenchError, match="no token each"):
        token_sets(llama, ["A", "an unlikely word"])


# --- a reward model, and rules


def test_a_reward_model_rates_and_compares_by_its_scores(store):
    run, spec = preparing.prepare(store, "reward", worlds.REWARD, model_id=store.models.list("base")[0].id)
    list(record(store, run.id, run_here(spec)))
    model = store.models.find(store.runs.find(run.id).result_id)
    for compares in (False, True):
        carry_out(store, Order("reward", model_id=model.id, compares=compares, knobs=CPU))
    rated, compared = report_of(store).judges
    assert rated.agreement.figures["spearman"].value > 0.7
    assert compared.agreement.figures["accuracy"].value == 1.0 and compared.places is None
    scores = {each.response_ids[0]: each.told["rewards"][0] for each in store.judges.verdicts(rated.judge.id, "rating")}
    for each in store.judges.verdicts(rated.judge.id, "comparison"):
        better = scores[each.response_ids[0]] > scores[each.response_ids[1]]
        assert each.value["choice"] == ("a" if better else "b")
    with pytest.raises(WorkbenchError, match="cannot read a rubric"):
        judging.prepare(store, Order("model", model_id=model.id))


def test_a_rule_judges_and_its_text_is_its_rubric(store):
    carry_out(store, Order("rule", rule="pattern", rule_pattern="kind hello"))
    carry_out(store, Order("rule", rule="pattern", rule_pattern="kind hello", compares=True))
    rated, compared = report_of(store).judges
    assert rated.judge.id == compared.judge.id and "kind hello is found" in rated.rubric.text
    assert not store.judges.rubrics()
    assert rated.agreement.figures["spearman"].value == pytest.approx(1.0)
    assert rated.agreement.figures["kendall"].value == pytest.approx(1.0)
    assert compared.agreement.figures["accuracy"].value == 1.0


def test_a_rule_that_needs_a_right_answer_says_nothing_where_there_is_none(store):
    prompt = store.prompts.list()[0]
    store.feedback.add("edit", prompt.id, [], {"of": None, "text": "kind hello"}, annotator="you")
    run, spec = judging.prepare(store, Order("rule", rule="exact", prompt_ids=(prompt.id, store.prompts.list()[1].id)))
    events = list(record(store, run.id, run_here(spec)))
    assert events[-1].summary["judged"] == 2 and events[-1].summary["no_verdict"] == 2


def test_length_is_told_of_the_judge_beside_people(store):
    carry_out(store, Order("rule", rule="length", rule_words=30))  # the longer, the nearer
    (found,) = report_of(store).judges
    assert found.length.n == 12 and found.length.value == 1.0
    assert found.people_length.n == 12 and found.people_length.value == 0.0
    assert json.dumps(report_of(store).to_json())
