"""Preferences survive a restart, a newer version and a damaged file."""

from __future__ import annotations

import json

import pytest

from workbench import paths, settings


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    return tmp_path


def test_what_was_saved_comes_back_and_unknown_keys_are_kept():
    settings.save(settings.Settings(theme="light", annotator="Ada"))
    file = paths.user_config() / "settings.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"from_the_future": 1}))
    settings.save(settings.Settings(theme="dark"))
    assert settings.load() == settings.Settings(theme="dark")
    assert json.loads(file.read_text())["from_the_future"] == 1


def test_keys_that_were_changed_come_back_without_those_that_are_damaged():
    settings.save(settings.Settings(keys={"FeedbackPane/S": "K"}))
    assert settings.load().keys == {"FeedbackPane/S": "K"}
    file = paths.user_config() / "settings.json"
    file.write_text(json.dumps({"keys": {"FeedbackPane/S": "K", "FeedbackPane/F": 7}}))
    assert settings.load().keys == {"FeedbackPane/S": "K"}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"theme": 5, "letters": "yes"}', '{"keys": ["S"]}', "\x00"]
)  # fmt: skip
def test_a_damaged_file_gives_the_usual_ones(content):
    paths.user_config().mkdir(parents=True)
    (paths.user_config() / "settings.json").write_text(content)
    assert settings.load() == settings.Settings()


def test_a_home_that_cannot_be_written_does_not_stop_the_work(home):
    (home / "config").write_text("a file where a folder should be")
    settings.save(settings.Settings(theme="light"))
    assert settings.load() == settings.Settings()
