"""A reward function of one's own runs only as it was confirmed, and stays with its run."""

import pytest

from tests import tiny
from workbench.errors import WorkbenchError
from workbench.jobs import bundling, functions, preparing, unbundling
from workbench.methods.rewarding import FUNCTION_FILE
from workbench.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    for number in range(20):
        store.prompts.add(f"Question {number}?")
    yield store
    store.close()


@pytest.fixture
def base(store, tmp_path):
    return store.models.add(name="tiny", kind="base", source="local", location=str(tiny.llama(tmp_path / "tiny")))


def write(store, text="def reward(prompt, answer, reference):\n    return 1.0\n"):
    (store.folder / "mine.py").write_text(text)


def prepare(store, base):
    return preparing.prepare(store, "grpo", {"function": "mine.py"}, model_id=base.id)


def test_a_function_must_be_confirmed_and_again_when_it_was_changed(store, base):
    write(store)
    with pytest.raises(functions.Untrusted, match="has not been confirmed"):
        prepare(store, base)
    assert store.runs.list() == []
    functions.trust(store, "mine.py")
    run, _ = prepare(store, base)
    assert (store.runs_folder / run.id / FUNCTION_FILE).read_text() == (store.folder / "mine.py").read_text()
    write(store, "def reward(*any):\n    return 2.0\n")
    with pytest.raises(functions.Untrusted, match="was changed"):
        prepare(store, base)
    assert "1.0" in (store.runs_folder / run.id / FUNCTION_FILE).read_text()


def test_a_version_that_was_confirmed_once_stays_confirmed(store):
    write(store)
    functions.trust(store, "mine.py")
    write(store, "def reward(*any):\n    return 2.0\n")
    functions.trust(store, "mine.py")
    write(store)
    assert functions.check(store, "mine.py").name == "mine.py"


def test_a_run_again_has_its_function_and_one_that_was_tampered_with_does_not_run(store, base):
    write(store)
    functions.trust(store, "mine.py")
    run, _ = prepare(store, base)
    again = preparing.repeat(store, run.id)
    frozen = store.runs_folder / again.id / FUNCTION_FILE
    assert frozen.read_text() == (store.folder / "mine.py").read_text()
    assert preparing.spec_of(store, again).options["function"] == "mine.py"
    frozen.write_text("import os\n")
    with pytest.raises(WorkbenchError, match="not the one that you confirmed"):
        preparing.spec_of(store, again)
    frozen.unlink()
    with pytest.raises(WorkbenchError, match="is gone"):
        preparing.repeat(store, again.id)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"function": "mine.py"}, "a function of one's own, which does not travel"),
        ({"judge_url": "http://localhost:1/v1", "judge_model": "m"}, "a judge on a server, which does not travel"),
    ],
)
def test_a_bundle_brings_neither_python_nor_a_server(store, base, tmp_path, monkeypatch, options, words):
    write(store)
    functions.trust(store, "mine.py")
    run, _ = preparing.prepare(store, "grpo", options, model_id=base.id)
    with pytest.raises(WorkbenchError, match=words):
        bundling.write(store, run.id, tmp_path / "made.zip")
    with monkeypatch.context() as patch:  # as somebody else's program would write it
        patch.setattr(bundling, "check_rewards", lambda *any: None)
        bundling.write(store, run.id, tmp_path / "made.zip")
    with pytest.raises(WorkbenchError, match=words):
        unbundling.unbundle(tmp_path / "made.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "words"), [("../mine.py", "not in the project"), ("gone.py", "no file")])
def test_only_files_of_the_project_can_be_confirmed(store, name, words):
    (store.folder.parent / "mine.py").write_text("")
    with pytest.raises(WorkbenchError, match=words):
        functions.trust(store, name)


def test_without_a_reward_model_a_rule_is_enough(store, base):
    with pytest.raises(WorkbenchError, match="needs a reward model"):
        preparing.prepare(store, "ppo", {}, model_id=base.id)
    with pytest.raises(WorkbenchError, match="needs a reward model"):
        preparing.prepare(store, "ppo", {"rule": "length", "rule_weight": 0.0}, model_id=base.id)
    run, spec = preparing.prepare(store, "ppo", {"rule": "length"}, model_id=base.id)
    assert spec.reward is None and run.reward_id is None
