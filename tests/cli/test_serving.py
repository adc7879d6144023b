"""`workbench models add-server` and `key` against a server on this machine."""

from __future__ import annotations

import json
import socket

import pytest
from click.testing import CliRunner

from tests.providers.keyrings import kept, no_keyring  # noqa: F401
from tests.providers.openai_server import serving
from workbench.cli import cli


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run("add-server", url, ...) on a project of its own."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))

    def invoke(*words, **more):
        command = ["--project", str(tmp_path / "project"), "models", *map(str, words)]
        return CliRunner().invoke(cli, command, **more)

    return invoke


def test_a_servers_models_are_listed_and_one_is_added(run):
    with serving() as server:
        assert run("add-server", server.url).stdout.split() == ["small", "large"]
        done = run("add-server", server.url, "large", "--name", "Big", "--price-in", 0.5, "--price-out", 2, "--json")
    made = json.loads(done.stdout)
    assert (made["name"], made["kind"], made["location"]) == ("Big", "server", server.url)
    assert made["info"] == {"model": "large", "price_in": 0.5, "price_out": 2.0, "extras": True}
    assert run("list").stdout.split("\t") == ["Big", "server", "large", f"{server.url}\n"]


def test_a_server_that_is_off_is_added_with_a_warning(run):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    done = run("add-server", url, "small")
    assert done.exit_code == 0 and "could not be reached. It is added all the same." in done.stderr
    assert "could not be reached" in str(run("add-server", url).exception)


def test_a_model_that_is_not_listed_is_told(run):
    with serving() as server:
        done = run("add-server", server.url, "gigantic")
    assert "does not list gigantic. It has: small, large." in done.stderr and "Added gigantic." in done.stdout


def test_a_key_is_asked_for_hidden_and_then_used(run, kept):  # noqa: F811
    with serving(key="canary") as server:
        assert "refused the key" in str(run("add-server", server.url).exception)
        done = run("key", server.url, input="canary\n")
        assert done.exit_code == 0 and "canary" not in done.output
        assert run("add-server", server.url).stdout.split() == ["small", "large"]
        assert "is forgotten" in run("key", server.url, "--forget").stdout
        assert "There was no key" in run("key", server.url, "--forget").stdout
    assert json.loads(kept.read_text()) == {}


def test_no_keyring_is_one_sentence(run, no_keyring):  # noqa: F811
    assert "no keyring" in str(run("key", "https://example.org/v1", input="canary\n").exception)
