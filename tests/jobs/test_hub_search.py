"""What the hub lists, what of it is believed, and whether it would run here."""

from __future__ import annotations

import pytest

from workbench import settings
from workbench.errors import WorkbenchError
from workbench.jobs import hub, hub_repository
from workbench.jobs.hub_fit import running
from workbench.jobs.hub_search import Found, Query, largest, looked_at, search

from . import hub_worlds
from .hub_server import Hub
from .hub_worlds import NAME, facts, model_files


@pytest.fixture
def served(tmp_path, monkeypatch):
    hub = Hub()
    hub_worlds.use(hub, tmp_path / "home", monkeypatch)
    hub.add(NAME, model_files(), facts=facts())
    hub.add("potter/giant", model_files(), facts=facts(7_000_000_000), gated=True)
    hub.add("potter/tiny-gguf", {"a-Q4.gguf": b"GGUFaaaa"}, facts=facts() | {"safetensors": None, "gguf": {"total": 9}})
    yield hub
    hub.close()


def test_results_say_size_licence_downloads_and_gate(served):
    tiny, giant, gguf = search(Query("potter"))
    assert tiny == Found(NAME, 100_000, 200_000, licence="apache-2.0", downloads=4200, likes=12, updated="2026-10-01")
    assert giant.gated and giant.size == 14_000_000_000
    assert gguf.gguf and gguf.parameters == 9


def test_filters_and_order_are_asked_of_the_hub(served):
    search(Query("tiny", licence="mit", most_parameters=10**9, sort="newest", limit=5))
    (asked,) = served.searches
    assert asked["search"] == ["tiny"] and asked["pipeline_tag"] == ["text-generation"]
    assert asked["filter"] == ["license:mit"] and asked["num_parameters"] == ["max:1000000000"]
    assert asked["sort"] == ["lastModified"] and asked["limit"] == ["5"]


def test_what_is_too_large_is_left_out_even_by_a_mirror_that_does_not_filter(served):
    assert [each.id for each in search(Query("potter", most_parameters=10**9))] == [NAME, "potter/tiny-gguf"]
    assert [each.id for each in search(Query("potter", most_bytes=10**9))] == [NAME, "potter/tiny-gguf"]


def test_looking_at_a_result_gives_the_bytes_that_would_be_fetched(served):
    found, _ = looked_at(search(Query("tiny-llama"))[0])
    files = model_files()
    assert found.exact
    assert found.size == sum(len(files[n]) for n in ("config.json", "tokenizer.json", "README.md", "model.safetensors"))
    gguf, _ = looked_at(search(Query("tiny-gguf"))[0])
    assert gguf.ggufs == ("a-Q4.gguf",) and gguf.size == 8


def test_a_result_that_cannot_be_used_says_why(served):
    served.add("potter/old", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    found, _ = looked_at(search(Query("old"))[0])
    assert found.trouble == "has only pickled weights, which can run code"
    served.repos["potter/old"].siblings = [{"rfilename": "../x"}]
    assert "not written here" in looked_at(found)[0].trouble


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("7B", (7_000_000_000, 0)),
        ("500M", (500_000_000, 0)),
        ("1.5b", (1_500_000_000, 0)),
        ("4GB", (0, 4_000_000_000)),
        ("4 g", (0, 4_000_000_000)),
        ("700MB", (0, 700_000_000)),
        ("123", (123, 0)),
    ],
)
def test_a_largest_size_as_people_write_it(text, meant):
    assert largest(text) == meant


@pytest.mark.parametrize("text", ["", "big", "-3B", "7 apples"])
def test_other_sizes_are_refused(text):
    with pytest.raises(WorkbenchError, match="is no size"):
        largest(text)


@pytest.mark.parametrize("answer", [{}, "x", None, 3])
def test_an_answer_that_is_no_list_is_said(served, monkeypatch, answer):
    monkeypatch.setattr(hub, "ask", lambda *args: answer)
    with pytest.raises(WorkbenchError, match="no list of models"):
        search(Query())


def test_facts_of_the_wrong_type_count_as_unknown():
    told = {"safetensors": {"parameters": {"BF16": -5, "F32": "x"}, "total": 1e30}, "tags": 5, "downloads": True}
    assert hub_repository.facts_of(told) == {
        "parameters": 0, "weights": 0, "licence": "", "gated": False, "downloads": 0, "likes": 0, "updated": "",
        "gguf": False,
    }  # fmt: skip


def test_a_hub_that_is_away_is_one_sentence(served):
    served.take_away()
    with pytest.raises(WorkbenchError) as told:
        search(Query())
    assert told.value.text == f"The mirror {served.url} cannot be reached."
    assert "local folder" in told.value.hint


def test_a_page_that_is_not_the_hub_is_said(served, monkeypatch):
    with pytest.raises(WorkbenchError, match="no public model called nobody/here"):
        hub_repository.look("nobody/here")
    with pytest.raises(WorkbenchError, match="is no name of a model"):
        hub_repository.look("../../etc")


def test_the_setting_beats_the_variable_and_either_beats_the_hub(served, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert hub.endpoint() == hub.Endpoint(served.url, "setting")
    settings.save(settings.Settings())
    assert hub.endpoint() == hub.Endpoint("https://mirror.example", "variable")
    monkeypatch.delenv("HF_ENDPOINT")
    assert hub.endpoint().is_hub and hub.endpoint().told_by == "usual"
    settings.save(settings.Settings(hub_endpoint="mirror"))
    with pytest.raises(WorkbenchError, match="no address of a hub"):
        hub.endpoint()


def test_a_token_is_not_sent_where_others_could_read_it(served, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_letter")
    search(Query())
    assert served.authorizations == ["Bearer hf_letter"]
    assert "Authorization" in hub.headers(hub.Endpoint("https://mirror.example", "setting"))
    assert "Authorization" not in hub.headers(hub.Endpoint("http://mirror.example", "setting"))


def test_a_proxy_of_the_environment_is_used(served, monkeypatch):
    """The small hub plays the proxy: it is asked for an address of another host."""
    from huggingface_hub.utils import close_session

    settings.save(settings.Settings(hub_endpoint="http://hub.example"))
    monkeypatch.setenv("http_proxy", served.url)
    close_session()
    try:
        assert [each.id for each in search(Query("tiny-llama"))] == [NAME]
    finally:
        monkeypatch.delenv("http_proxy")
        close_session()


def test_offline_mode_of_the_hub_library_is_said(served, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WorkbenchError, match="switched off here"):
        search(Query())


def test_the_count_of_parameters_decides_what_fits():
    need = running(10_000_000)
    assert need.fit(free=need.total * 2, total=need.total * 3) == "fits"
    assert need.fit(free=need.total, total=need.total * 3) == "tight"
    assert need.fit(free=1, total=need.total - 1) == "too large"
    assert running(10**9).weights == 2 * 10**9
