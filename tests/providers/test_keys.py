"""Keys of servers: in the keyring alone, for one host each."""

from __future__ import annotations

import json

import pytest

from tests.providers.keyrings import kept, no_keyring  # noqa: F401
from workbench.errors import WorkbenchError
from workbench.providers import keys

URL = "https://example.org/v1"


def test_a_key_is_kept_under_its_host_and_forgotten(kept):  # noqa: F811
    keys.keep(URL, " canary \n")
    assert json.loads(kept.read_text()) == {"feedback-workbench/example.org": "canary"}
    assert keys.key_of(URL) == keys.key_for(URL) == "canary"
    assert keys.key_of("https://example.net/v1") == keys.NONE and not keys.has_key("https://example.net/v1")
    assert keys.forget(URL) and not keys.forget(URL)
    assert not keys.has_key(URL)


@pytest.mark.parametrize("wrong", ["", "  ", "two words", "naïve", "a\nb"])
def test_what_is_no_key_is_refused(kept, wrong):  # noqa: F811
    with pytest.raises(WorkbenchError, match="no key of a server"):
        keys.keep(URL, wrong)
    assert not kept.exists()


def test_no_keyring_is_one_sentence_with_another_way(no_keyring):  # noqa: F811
    for act in (lambda: keys.keep(URL, "canary"), lambda: keys.forget(URL)):
        with pytest.raises(WorkbenchError, match="no keyring") as caught:
            act()
        assert "WORKBENCH_KEY_EXAMPLE_ORG" in caught.value.hint and "canary" not in str(caught.value)
    assert keys.key_of(URL) == keys.NONE


def test_a_variable_is_for_one_host_and_the_keyring_goes_before_it(kept, monkeypatch):  # noqa: F811
    monkeypatch.setenv("WORKBENCH_KEY_EXAMPLE_ORG", "exported")
    assert keys.key_of(URL) == "exported" and keys.key_of("https://example.net/v1") == keys.NONE
    keys.keep(URL, "typed")
    assert keys.key_of(URL) == "typed"


def test_the_judges_variable_is_for_judges_alone(kept, monkeypatch):  # noqa: F811
    monkeypatch.setenv(keys.KEY, "for judges")
    assert keys.key_for(URL) == "for judges" and keys.key_of(URL) == keys.NONE


def test_openais_own_variable_goes_to_openai_alone(kept, monkeypatch):  # noqa: F811
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    assert keys.key_of("https://api.openai.com/v1") == "theirs"
    assert keys.key_of("http://api.openai.com/v1") == keys.NONE
    assert keys.key_of("https://api.openai.com.example.org/v1") == keys.NONE
