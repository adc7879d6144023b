"""The command line as a person meets it: in a process of its own, with a project folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import click
import pytest

from workbench.cli import cli
from workbench.methods import METHODS
from workbench.methods.base import knobs

FAST = ["--device", "cpu", "--dtype", "float32"]


class Shell:
    """Runs `workbench` with a home of its own."""

    def __init__(self, home, project) -> None:
        self.env = dict(os.environ, WORKBENCH_HOME=str(home), QT_QPA_PLATFORM="offscreen")
        self.project = project

    def __call__(self, *words, project=True):
        command = [sys.executable, "-m", "workbench", *map(str, words)]
        command += ["--project", str(self.project)] if project else []
        return subprocess.run(command, capture_output=True, text=True, env=self.env, timeout=280, check=False)

    def json(self, *words, **kwargs):
        done = self(*words, "--json", **kwargs)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    return Shell(folder / "home", folder / "project")


@pytest.fixture(scope="module")
def loop(shell, llama_folder, tmp_path_factory):
    """Models, prompts, answers, judgements, reward model, PPO, evaluation: each by its own command."""
    folder = tmp_path_factory.mktemp("files")
    found = {"model": shell.json("models", "add", llama_folder, "--name", "tiny")}
    lines = [{"prompt": f"say fox {n}", "chosen": f"fox kind {n}", "rejected": f"dog lazy over {n}"} for n in range(40)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found["import"] = shell.json("import", folder / "pairs.jsonl")
    found["again"] = shell.json("import", folder / "pairs.jsonl")
    found["generate"] = shell.json("generate", "--samples", 1, "--max-new-tokens", 6, *FAST)
    found["reward"] = shell.json("train", "reward", "--epochs", 2, "--rank", 4, "--max-tokens", 64, *FAST)
    found["ppo"] = shell.json(
        "train", "ppo", "--steps", 2, "--batch-size", 4, "--max-new-tokens", 6, "--rank", 2, *FAST
    )
    found["evaluate"] = shell.json("evaluate", "--max-new-tokens", 6, *FAST)
    return found


def test_each_step_alone_makes_the_whole_loop(loop):
    assert loop["model"]["kind"] == "base"
    assert loop["import"]["added"] == {"prompts": 40, "responses": 80, "feedback": 40}
    assert loop["import"]["skipped"] == []
    assert sum(loop["again"]["added"].values()) == 0
    assert loop["again"]["already_there"] > 0
    assert len(loop["generate"]["answers"]) == 40
    assert loop["reward"]["status"] == loop["ppo"]["status"] == loop["evaluate"]["status"] == "finished"
    assert 0 <= loop["reward"]["summary"]["accuracy"] <= 1
    assert loop["ppo"]["model"]["kind"] == "adapter"
    assert set(loop["evaluate"]["summary"]) >= {"reward", "kl", "words", "prompts"}


def test_a_plan_says_what_a_run_would_take_and_runs_nothing(loop, shell):
    before = shell.json("models", "list")
    for method, parts in (("reward", {"weights", "activations"}), ("ppo", {"weights", "adapters", "optimiser"})):
        found = shell.json("train", method, "--plan", "--rank", 2, *FAST)
        assert parts <= set(found["parts"])
        assert sum(found["parts"].values()) == found["estimate_bytes"]
        assert found["fit"] in ("fits", "tight", "too large")
    told = shell("train", "ppo", "--plan", *FAST)
    assert "In all, about" in told.stdout
    assert shell.json("models", "list") == before
    assert shell("train", "ppo", "--plan", "--rank", 0, *FAST).returncode != 0


def test_list_and_export_read_what_the_loop_made(loop, shell, tmp_path):
    kinds = [model["kind"] for model in shell.json("models", "list")]
    assert kinds == ["base", "reward", "adapter"]
    for what in ("all", "pairs", "table"):
        assert shell.json("export", tmp_path / what, "--what", what)["rows"] >= 40


def test_results_are_alone_on_standard_output(loop, shell):
    done = shell("generate", "--prompt", "hello", "--samples", 1, "--max-new-tokens", 4, "--json", *FAST)
    json.loads(done.stdout)
    assert "Loading the model" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["models", "add", "/nonesuch"], 1, "There is nothing at /nonesuch"),
        (["import", "/nonesuch.jsonl"], 1, "nonesuch.jsonl"),
        (["train", "ppo", "--steps", "0"], 1, "Steps cannot be 0"),
        (["train", "nonesuch"], 2, "No such command"),
        (["--nonesuch"], 2, "No such option"),
        (["train", "reward", "--model", "nonesuch"], 1, "no model called nonesuch"),
    ],
)
def test_a_problem_is_one_sentence_and_no_traceback(shell, words, status, sentence):
    done = shell(*words)
    assert done.returncode == status
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_says_what_there_is(shell):
    report = shell.json("doctor")
    assert report["ok"], report
    names = [check["name"] for check in report["checks"]]
    assert {"SQLite", "Compute", "Project"} <= set(names)


def test_help_has_every_knob_of_every_method():
    train = cli.get_command(click.Context(cli), "train")
    for method in METHODS.values():
        flags = {flag for param in train.commands[method.name].params for flag in param.opts}
        assert {f"--{knob.name.replace('_', '-')}" for knob in knobs(method.Options)} <= flags


def test_ctrl_c_stops_and_keeps_what_was_learned(loop, shell):
    command = [
        sys.executable,
        "-m",
        "workbench",
        "train",
        "reward",
        "--epochs",
        "50",
        "--batch-size",
        "1",
        *FAST,
        "--json",
    ]
    process = subprocess.Popen(
        [*command, "--project", str(shell.project)],
        env=shell.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # a step must have been taken before it can be stopped
        if "step" in process.stderr.readline():
            break
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert "Stopped at step" in err, err
    found = json.loads(out)
    assert found["status"] == "stopped"
    assert found["model"]["kind"] == "reward"


def test_demo_headless_writes_both_reports(shell, llama_folder, tmp_path):
    words = ["demo", "--headless", "--out", tmp_path / "out", "--model", llama_folder]
    found = shell.json(*words, "--ppo-steps", 1, "--samples", 2, "--words", 12, project=False)
    stored = json.loads((tmp_path / "out" / "report.json").read_text())
    assert stored == found
    for key in ("rule", "held_out_prompts", "gain", "gain_ci", "win_rate", "win_rate_ci", "kl", "seconds"):
        assert key in found
    assert found["held_out_prompts"] >= 24
    assert found["gain"] == pytest.approx(found["tuned"]["score"] - found["base"]["score"])
    assert 0 <= found["reward_model"]["accuracy"] <= 1
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<svg" in page
    assert "not a person" in page


def test_a_run_goes_on_by_its_name(loop, shell):
    """The loop's PPO run took two steps; one more is asked for."""
    found = shell.json("train", "--resume", loop["ppo"]["name"], "--steps", 3)
    assert found["run"] == loop["ppo"]["run"]
    assert found["status"] == "finished"
    assert found["summary"]["step"] == 3
    assert found["model"]["name"] == f"{loop['ppo']['model']['name']}, step 3"


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["train"], 2, "Name a method, or a run to go on with"),
        (["train", "--resume", "nonesuch"], 1, "no run called nonesuch"),
        (["train", "--resume", "PPO 1", "ppo"], 2, "--resume stands alone"),
        (["train", "--resume", "Reward model 1"], 1, "has no checkpoint to go on from"),
    ],
)
def test_what_cannot_go_on_is_one_sentence(loop, shell, words, status, sentence):
    done = shell(*words)
    assert done.returncode == status, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
