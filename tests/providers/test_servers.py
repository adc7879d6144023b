"""Answers of OpenAI-compatible servers: as they come, many at once, and everything that can go wrong."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.providers.openai_server import SOON, Says, serving
from workbench.errors import StopRequested, WorkbenchError
from workbench.lm.refs import ModelRef
from workbench.providers import asking, keys
from workbench.providers.addresses import checked_url, is_local
from workbench.providers.reaching import check, models_of
from workbench.providers.replies import cost
from workbench.providers.servers import BrokenOff, Reply, Server, ServerError, answers, stream

ASK = [{"role": "user", "content": "Hi"}]
SAMPLER = {"temperature": 0.8, "top_p": 0.9, "top_k": 40, "min_p": 0.0, "repetition_penalty": 1.0, "max_new_tokens": 64}


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(keys, "_from_keyring", lambda host: "")
    for name in (keys.KEY, "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    asking._refused.clear()


def at(server, **fields):
    return Server(server.url, "small", **fields)


def heard(server, sampler=SAMPLER, seed=17, stopping=lambda: False, **fields):
    return list(stream(at(server, **fields), ASK, sampler, seed, stopping))


def always(says):
    return lambda number, body: says


def first(says, *then):
    replies = [says, *then]
    return lambda number, body: replies[min(number, len(replies) - 1)]


# ---- what is asked and what comes ----


def test_pieces_come_one_by_one_and_then_the_whole():
    with serving() as server:
        *pieces, reply = heard(server)
    assert pieces == ["Hello", ", ", "world"]
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason) == ("Hello, world", "stop")
    assert (reply.prompt_tokens, reply.response_tokens) == (7, 3)
    assert reply.counted and reply.left_out == () and reply.seconds > 0


def test_a_server_is_asked_with_every_setting():
    with serving() as server:
        heard(server)
    (body,) = server.bodies
    assert body["path"] == "/v1/chat/completions" and body["model"] == "small" and body["messages"] == ASK
    assert body["stream"] is True and body["stream_options"] == {"include_usage": True}
    sent = {name: body[name] for name in ("temperature", "top_p", "top_k", "min_p", "max_tokens", "seed")}
    assert sent == {"temperature": 0.8, "top_p": 0.9, "top_k": 40, "min_p": 0.0, "max_tokens": 64, "seed": 17}
    assert body["repetition_penalty"] == body["repeat_penalty"] == 1.0


def test_who_a_person_is_at_openai_is_not_told_to_others(monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-canary")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-canary")
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/elsewhere")
    with serving() as server:
        heard(server)
    assert "canary" not in str(server.asked)


def test_extras_stay_here_where_they_may_not_be_sent():
    with serving() as server:
        *_, reply = heard(server, extras=False)
    assert not {"top_k", "min_p", "repetition_penalty", "repeat_penalty"} & set(server.bodies[0])
    assert reply.left_out == ("top_k",)  # the others were off


def test_openai_itself_gets_only_its_own_words():
    server = Server("https://api.openai.com/v1", "m")
    assert "extra_body" not in asking.request(server, SAMPLER, 1, asking.refusals(server))


def test_what_a_model_thinks_is_not_its_answer():
    with serving(always(Says(["Yes"], thinks=["Hmm", "..."]))) as server:
        *pieces, reply = heard(server)
    assert (pieces, reply.text) == (["Yes"], "Yes")


def test_no_count_is_said_to_be_none():
    with serving(always(Says(usage=False))) as server:
        *_, reply = heard(server)
    assert (reply.counted, reply.prompt_tokens, reply.response_tokens) == (False, 0, 0)


def test_a_character_that_comes_in_halves_is_whole():
    with serving(always(Says(["a\ud83d", "\ude00b", "\ud83d"]))) as server:
        *pieces, reply = heard(server)
    assert "".join(pieces) == reply.text == "a😀b\ufffd"


def test_an_answer_that_was_cut_says_length():
    with serving(always(Says(finish="length"))) as server:
        *_, reply = heard(server)
    assert reply.finish_reason == "length"


def test_a_server_is_found_by_a_reference():
    ref = ModelRef("http://localhost:1/v1", "server", kind="server", name="Mine", served="qwen", extras=False)
    assert Server.of(ref) == Server("http://localhost:1/v1", "qwen", "Mine", False)


# ---- what a server does not take ----


@pytest.mark.parametrize(
    ("message", "gone", "left_out"),
    [
        ("Unrecognized request argument supplied: top_k", {"top_k"}, ("top_k",)),
        ("Unknown field `repeat_penalty`", {"repetition_penalty", "repeat_penalty"}, ()),
        ("Extra inputs are not permitted", {"top_k", "min_p", "repetition_penalty", "repeat_penalty"}, ("top_k",)),
        ("Unknown parameter: 'stream_options'", {"stream_options"}, ()),
        ("seed is not supported", {"seed"}, ("seed",)),
        ("Unsupported value: 'temperature' does not support 0.8", {"temperature"}, ("temperature",)),
    ],
)
def test_a_refused_setting_is_left_out_and_remembered(message, gone, left_out):
    with serving(first(Says(status=400, message=message), Says())) as server:
        *_, reply = heard(server)
        heard(server)
    assert reply.left_out == left_out
    assert len(server.bodies) == 3
    assert set(server.bodies[0]) - set(server.bodies[1]) == gone
    assert set(server.bodies[2]) == set(server.bodies[1])


def test_the_limit_goes_by_its_newer_name_where_the_older_is_refused():
    message = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    with serving(first(Says(status=400, message=message), Says())) as server:
        heard(server)
    assert "max_tokens" not in server.bodies[1] and server.bodies[1]["max_completion_tokens"] == 64


def test_a_value_that_is_refused_is_told_and_not_hidden():
    with serving(always(Says(status=400, message="max_tokens is too large: 64"))) as server:
        with pytest.raises(ServerError, match="max_tokens is too large"):
            heard(server)
    assert len(server.bodies) == 1


# ---- what goes wrong ----


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (Says(status=401, message="bad key"), r"refused the key \(401\). It says: bad key"),
        (Says(status=403), r"refused the key \(403\)"),
        (
            Says(status=404, message="no model"),
            "has no model called small, or .* It says: no model",
        ),
        (Says(status=429, headers=SOON), "too many requests"),
        (Says(status=500, headers=SOON), r"failed \(500\)"),
        (Says(status=418), r"refused the request \(418\)"),
        (Says(raw="<html>A page</html>"), "cannot be read"),
        (Says(raw="data: {nonsense\n\n"), "cannot be read"),
        (Says(raw='data: {"choices": "none"}\n\n'), "cannot be read"),
        (Says(raw='data: {"error": {"message": "no memory"}}\n\n'), "It says: no memory"),
        (Says(raw=""), "cannot be read"),
        (Says([], breaks=True), "cannot be read"),
    ],
)
def test_each_failure_is_one_sentence(says, sentence):
    with serving(always(says)) as server:
        with pytest.raises(ServerError, match=sentence) as caught:
            heard(server)
    assert server.url in caught.value.text and caught.value.hint and caught.value.text_so_far == ""


def test_nobody_there_is_one_sentence():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(ServerError, match="could not be reached"):
        list(stream(Server(url, "m"), ASK, SAMPLER, 1))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refusal_for_now_is_asked_again(status):
    later = {"Retry-After": "1"} if status == 429 else SOON
    with serving(first(Says(status=status, headers=later), Says())) as server:
        begun = time.monotonic()
        *_, reply = heard(server)
        waited = time.monotonic() - begun
    assert reply.text == "Hello, world"
    assert status != 429 or waited >= 1


def test_what_had_come_before_a_break_is_not_lost():
    with serving(always(Says(["Half ", "an"], breaks=True))) as server:
        pieces = []
        with pytest.raises(BrokenOff, match="broke off") as caught:
            pieces.extend(stream(at(server), ASK, SAMPLER, 1))
    assert caught.value.text_so_far == "".join(pieces) == "Half an"


def test_an_error_in_mid_answer_keeps_what_had_come():
    chunk = '{"id": "1", "choices": [{"index": 0, "delta": {"content": "Half"}}]}'
    raw = f'data: {chunk}\n\ndata: {{"error": {{"message": "out of memory"}}}}\n\n'
    with serving(always(Says(raw=raw))) as server:
        with pytest.raises(BrokenOff, match="out of memory") as caught:
            heard(server)
    assert caught.value.text_so_far == "Half"


# ---- stopping ----


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_stop_is_obeyed_while_the_server_hangs_and_its_connection_is_closed(where):
    with serving(always(Says(hangs=where))) as server:
        with pytest.raises(StopRequested):
            heard(server, stopping=lambda: bool(server.asked))
        assert server.gone.wait(20)  # long before the server's own silence of two minutes


def test_a_stop_while_it_waits_for_its_turn():
    with serving(always(Says(status=429, headers={"Retry-After": "100"}))) as server:
        with pytest.raises(StopRequested):
            heard(server, stopping=lambda: bool(server.asked))


def test_a_stop_between_two_pieces():
    with serving(always(Says(["a"] * 50, hangs="after"))) as server:
        pieces = []
        with pytest.raises(StopRequested):
            pieces.extend(stream(at(server), ASK, SAMPLER, 1, lambda: len(pieces) == 3))
    assert len(pieces) == 3


def test_who_listens_no_more_closes_the_connection():
    with serving(always(Says(hangs="after"))) as server:
        pieces = stream(at(server), ASK, SAMPLER, 1)
        assert next(pieces) == "Hello"
        pieces.close()
        assert server.gone.wait(20)


# ---- many ----


def work(count):
    return [([{"role": "user", "content": str(place)}], place) for place in range(count)]


def echo(number, body):
    return Says([body["messages"][0]["content"], "!"])


def test_many_answers_come_with_their_places_and_no_more_than_asked_at_once():
    four = threading.Barrier(4)

    def together(number, body):
        four.wait(20)  # breaks unless four are always on their way
        return echo(number, body)

    with serving(together) as server:
        found = dict(answers(at(server), iter(work(40)), SAMPLER, 4))
    assert {place: reply.text for place, reply in found.items()} == {place: f"{place}!" for place in range(40)}
    assert server.most_at_once == 4
    assert sorted(body["seed"] for body in server.bodies) == list(range(40))


def test_an_answer_that_breaks_off_is_asked_for_again_in_a_long_job():
    with serving(first(Says(["Ha"], breaks=True), Says())) as server:
        assert [reply.text for _, reply in answers(at(server), work(1), SAMPLER, 4)] == ["Hello, world"]


def test_one_that_fails_for_good_ends_the_job_after_those_on_their_way():
    def says(number, body):
        wrong = body["messages"][0]["content"] == "1"
        return Says(status=401) if wrong else echo(number, body)

    found = []
    with serving(says) as server:
        with pytest.raises(ServerError, match="refused the key"):
            found.extend(answers(at(server), work(50), SAMPLER, 3))
    assert len(found) >= 2
    assert len(found) + 1 == len(server.asked) < 50


def test_a_long_job_stops_while_the_server_hangs():
    with serving(lambda number, body: echo(number, body) if number < 2 else Says(hangs="before")) as server:
        found = []
        with pytest.raises(StopRequested):
            found.extend(answers(at(server), work(50), SAMPLER, 2, lambda: len(server.asked) == 4 and len(found) == 2))
        assert server.gone.wait(20)


# ---- reaching ----


def test_a_server_says_which_models_it_has():
    with serving() as server:
        assert models_of(server.url) == ["small", "large"]
        assert check(at(server)) > 0


def test_a_server_that_wants_a_key_gets_it():
    with serving(key="canary") as server:
        with pytest.raises(ServerError, match=r"refused the key \(401\)"):
            models_of(server.url)
        assert models_of(server.url, "canary") == ["small", "large"]


def test_a_key_that_the_server_says_back_is_not_told(monkeypatch, caplog):
    monkeypatch.setattr(keys, "_from_keyring", lambda host: "canary-wrong")
    caplog.set_level("DEBUG")
    with serving(key="other") as server:
        for ask in (lambda: models_of(server.url), lambda: heard(server)):
            with pytest.raises(ServerError, match="Wrong key: Bearer …") as caught:
                ask()
            assert "canary" not in str(caught.value) and caught.value.__cause__ is None
    assert server.asked[0][0]["authorization"] == "Bearer canary-wrong"
    assert "canary" not in caplog.text


@pytest.mark.parametrize("path", ["", "/elsewhere"])
def test_a_wrong_path_is_told(path):
    with serving() as server:
        with pytest.raises(ServerError, match="no list of models"):
            models_of(server.url.removesuffix("/v1") + path)


def test_the_address_is_looked_at():
    assert checked_url(" http://localhost:8080/v1/ ") == "http://localhost:8080/v1"
    for wrong in ("", "localhost:8080", "ftp://x/v1", "http://", "http://a:99999/v1"):
        with pytest.raises(WorkbenchError, match="not the address of a server"):
            checked_url(wrong)
    for secret in ("http://me:canary@host/v1", "http://host/v1?key=canary", "http://host/v1#canary"):
        with pytest.raises(WorkbenchError, match="no name and no key") as caught:
            checked_url(secret)
        assert "canary" not in str(caught.value)


def test_which_addresses_are_of_this_computer():
    assert all(map(is_local, ("http://localhost:1/v1", "http://127.0.0.9/v1", "http://[::1]:8/v1")))
    assert not any(
        map(is_local, ("http://192.168.1.2/v1", "https://api.openai.com/v1", "http://localhost.example.org"))
    )


def test_what_an_answer_costs():
    assert cost({"price_in": 2.0, "price_out": 10.0}, 1000, 500) == pytest.approx(0.007)
    assert cost({"price_out": 10.0}, 1000, 500) == pytest.approx(0.005)
    assert cost({}, 1000, 500) is None


@pytest.mark.parametrize("url", ["file:///etc", "ftp://example.org/v1", "/models/tiny", "http://me:pass@localhost/v1"])
def test_an_address_of_a_merged_project_is_looked_at_before_it_is_asked(url):
    for ask in (lambda: check(Server(url, "m")), lambda: list(stream(Server(url, "m"), ASK, SAMPLER, 1))):
        with pytest.raises(WorkbenchError, match=r"not the address of a server|no name and no key"):
            ask()
