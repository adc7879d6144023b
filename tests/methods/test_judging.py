"""A judge behind an OpenAI-compatible server: what it is asked, how it is understood, and what goes wrong."""

from __future__ import annotations

import sys
import time
import traceback

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.methods import worlds
from tests.methods.judge_server import Reply, serving
from tests.methods.test_resuming import assert_same_tensors, told
from workbench.errors import StopRequested, WorkbenchError
from workbench.events import Finished, Metrics, Saved
from workbench.feedback.base import Demonstration
from workbench.lm import checkpoints
from workbench.methods import grpo, judging, ppo
from workbench.methods.base import Data, NoScore, options_from
from workbench.methods.judging import Item, Judge, key_for, number_in
from workbench.methods.rewarding import needs_reward, wants
from workbench.providers import keys

ITEM = Item("What is 2 + 2?", "It is 4.", None)
SOON = {"retry-after-ms": "1"}


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    for name in (judging.KEY, "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(keys, "_from_keyring", lambda host: "")


def score(server, *items, check=lambda: None, rubric="Kind."):
    return Judge(server.url, "m", rubric).scores(items or [ITEM], check)


def always(reply):
    return lambda number, body: reply


# --- understanding it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("7", 7), ("7.5", 7.5), ("10", 10), (" **8** ", 8), ("8/10", 8), ("Score: 6", 6), ('{"score": 9}', 9),
        ("Rating: [[4]]", 4), ("I give it 3 out of 10.", 3), ("On a scale from 1 to 10, I would say 7.", 7),
        ("7. It is right, with 2 small faults.", 7), ("1. Clear.\n2. Short.\n\n6", 6),
        ("1. Clear. 2. Short. Score: 6/10", 6), ("<think>Maybe 3? Or 9.</think>\n5", 5), ("So 9?</think>2", 2),
        ("**Rating:** 8", 8), ("评分：9", 9), ("My final score is 10.", 10),
        ("", None), ("It is good.", None), ("0", None), ("11", None), ("-3", None), ("0/10", None), ("11/10", None),
        ("Score: -3", None), ("100", None), ("10.5", None), ("<think>It could be 8", None),
    ],
)  # fmt: skip
def test_the_number_in_what_a_judge_says(said, number):
    assert number_in(said) == number


@given(
    st.integers(1, 10), st.sampled_from(["{}", "{}/10", "Score: {}", "**{}**", "I say {} out of 10", "{}.", "\n{}\n"])
)
def test_every_number_from_1_to_10_is_understood_however_it_is_said(number, words):
    assert number_in(words.format(number)) == number


@given(st.text(max_size=80))
def test_whatever_is_said_the_number_is_none_or_from_1_to_10(said):
    found = number_in(said)
    assert found is None or 1 <= found <= 10


# --- asking it -------------------------------------------------------------------------------------------------------


def test_it_is_asked_with_rubric_reference_and_key_at_temperature_0(monkeypatch):
    monkeypatch.setenv(judging.KEY, "a-secret")
    with serving(always(Reply("8"))) as server:
        found = score(server, ITEM._replace(reference="#### 4"), rubric="Is it kind?")
    ((headers, body),) = server.asked
    words = body["messages"][0]["content"]
    assert found == [0.8]
    assert (body["path"], body["model"], body["temperature"]) == ("/v1/chat/completions", "m", 0)
    assert all(part in words for part in ("Is it kind?", ITEM.prompt, ITEM.answer, "#### 4"))
    assert headers["authorization"] == "Bearer a-secret"


def test_scores_stand_in_the_order_of_the_answers():
    def reply(number, body):
        length = body["messages"][0]["content"].count("x")
        return Reply(str(length), seconds=0.02 * (10 - length))

    with serving(reply) as server:
        found = score(server, *(Item("p", "x" * length, None) for length in (3, 1, 9, 2, 7)))
    assert found == [0.3, 0.1, 0.9, 0.2, 0.7]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_it_is_asked_again_when_its_server_cannot_answer_now(status):
    with serving(lambda number, body: Reply(status=status, headers=SOON) if number < 2 else Reply("9")) as server:
        assert score(server) == [0.9]
    assert len(server.asked) == 3


def test_it_is_reminded_when_it_gave_no_number():
    with serving(lambda number, body: Reply("Nice." if number == 0 else "4")) as server:
        assert score(server) == [0.4]
    assert server.asked[1][1]["messages"][1]["content"] == "Nice."
    assert "nothing else" in server.asked[1][1]["messages"][2]["content"]


@pytest.mark.parametrize(
    ("reply", "words", "times"),
    [
        (Reply(status=429, headers=SOON), "refused to judge .*429 not now", 1 + judging.RETRIES),
        (Reply(status=500, body="<html>no</html>", headers=SOON), "refused to judge .*500", 1 + judging.RETRIES),
        (Reply(status=401), "refused to judge .*401", 1),
        (Reply(status=404), "refused to judge .*404", 1),
        (Reply("It is nice."), "gave no number for .*it said 'It is nice.'", judging.TRIES),
        (Reply(says=None), "gave no number", judging.TRIES),
        (Reply(body="<html>Welcome</html>"), "gave no number", judging.TRIES),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_sentence_that_names_the_answer(reply, words, times):
    with serving(always(reply)) as server, pytest.raises(NoScore, match=words) as caught:
        score(server)
    assert "'It is 4.'" in caught.value.text and ITEM.prompt in caught.value.text
    assert caught.value.hint and len(server.asked) == times


def test_a_body_that_is_no_json_is_told_too():
    reply = Reply(body="{", headers={"Content-Type": "application/json"})
    with serving(always(reply)) as server, pytest.raises(NoScore, match=r"It is 4\."):
        score(server)


@pytest.mark.parametrize("slow", [False, True])
def test_a_server_that_is_not_there_or_does_not_answer_is_told(monkeypatch, slow):
    monkeypatch.setattr(judging, "RETRIES", 0)
    monkeypatch.setattr(judging, "TIMEOUT", 0.2)
    with serving(always(Reply(seconds=1.0))) as server:
        if slow:
            with pytest.raises(NoScore, match="could not be reached for the answer 'It is 4"):
                score(server)
            return
    with pytest.raises(NoScore, match="could not be reached for the answer 'It is 4"):
        score(server)


def test_a_stop_is_heard_while_the_server_thinks():
    def stopping():
        raise StopRequested

    begun = time.monotonic()
    with serving(always(Reply(seconds=5.0))) as server, pytest.raises(StopRequested):
        score(server, check=stopping)
    assert time.monotonic() - begun < 3


# --- its key ---------------------------------------------------------------------------------------------------------


def test_the_key_is_the_judges_own_and_openais_goes_to_openai_alone(monkeypatch):
    assert key_for("http://localhost:8080/v1") == "none"
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    assert key_for("https://api.openai.com/v1") == "theirs"
    assert key_for("https://example.org/v1") == "none"
    assert key_for("https://api.openai.com.example.org/v1") == "none"
    monkeypatch.setenv(judging.KEY, "ours")
    assert key_for("https://example.org/v1") == "ours"


def test_a_key_is_found_in_the_keyring_under_its_host(monkeypatch):
    import keyring
    from keyring.backend import KeyringBackend

    class Kept(KeyringBackend):
        priority = 1  # type: ignore[assignment]

        def get_password(self, service, username):
            return "kept" if (service, username) == (keys.SERVICE, "example.org") else None

        def set_password(self, service, username, password): ...

        def delete_password(self, service, username): ...

    monkeypatch.undo()
    for name in (judging.KEY, "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    before = keyring.get_keyring()
    keyring.set_keyring(Kept())
    try:
        assert key_for("https://example.org/v1") == "kept"
        assert key_for("https://example.net/v1") == "none"
    finally:
        keyring.set_keyring(before)


def test_the_key_is_in_no_error_and_no_log(monkeypatch, caplog):
    monkeypatch.setenv(judging.KEY, "canary-key")
    caplog.set_level("INFO")
    with serving(always(Reply(status=401))) as server, pytest.raises(NoScore) as caught:
        score(server)
    assert "canary-key" not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert server.asked[0][0]["authorization"] == "Bearer canary-key"


# --- its options -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"judge_url": "localhost:8080"}, "none of a server"),
        ({"judge_url": "file:///etc/passwd"}, "none of a server"),
        ({"judge_url": "http://["}, "none of a server"),
        ({"judge_url": "http://localhost/v1"}, "Judge model is empty"),
        ({"judge_url": "https://me:key@example.org/v1", "judge_model": "m"}, "no name and no key"),
        ({"judge_url": "https://example.org/v1?key=1", "judge_model": "m"}, "no name and no key"),
    ],
)
def test_a_judge_that_cannot_be_asked_is_refused_before_anything_loads(options, words):
    with pytest.raises(WorkbenchError, match=words):
        options_from(ppo.Options, options)


def test_a_judge_is_a_reward_and_reads_reference_answers():
    named = {"judge_url": "http://localhost/v1", "judge_model": "m"}
    assert not needs_reward(named) and needs_reward(named | {"judge_weight": 0.0})
    assert Demonstration in wants(options_from(ppo.Options, named))


def test_without_its_library_a_run_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(WorkbenchError, match="need the openai library"):
        Judge.of(options_from(ppo.Options, {"judge_url": "http://localhost/v1", "judge_model": "m"}))


# --- a run -----------------------------------------------------------------------------------------------------------


def test_a_run_goes_on_bit_for_bit_after_its_judge_was_away(llama_folder, tmp_path):

    def reply(number, body):
        answer = body["messages"][0]["content"].partition("<answer>")[2]
        return Reply("9" if "o" in answer.partition("</answer>")[0] else "2")

    def options(server):
        return grpo.Options(
            steps=3, batch_size=8, samples=4, max_new_tokens=8, rank=4, learning_rate=5e-3, temperature=1.0,
            human_every=0, judge_url=server.url, judge_model="m", judge_weight=2.0, device="cpu", dtype="float32",
        )  # fmt: skip

    def job(name, **fields):
        return worlds.job(tmp_path / name, llama_folder, data=Data(prompts=worlds.prompts()), **fields)

    lost = [False]
    with serving(lambda n, body: Reply(status=401) if lost[0] else reply(n, body)) as server:
        whole = list(grpo.train(job("whole"), options(server)))
        values = next(event.values for event in whole if isinstance(event, Metrics))
        assert isinstance(whole[-1], Finished) and 0.2 <= values["objective/scores"] / 2 <= 0.9
        seen: list[object] = []
        events = grpo.train(job("cut"), options(server))
        while not lost[0]:
            seen.append(next(events))
            lost[0] = isinstance(seen[-1], Metrics)
        with pytest.raises(NoScore, match="401"):
            seen.extend(iter(lambda: next(events), None))
        assert [event.kind for event in seen if isinstance(event, Saved)] == ["adapter", "checkpoint"]
        lost[0] = False
        torch.manual_seed(99)
        events = list(grpo.train(job("cut", resumes=True), options(server)))
    assert told(events) == told(whole, after=1)
    one, other = (checkpoints.newest(tmp_path / name) for name in ("whole", "cut"))
    assert one.step == other.step == 3
    assert_same_tensors(one.tensors(), other.tensors())
