"""The self-test passes where everything works, and says what does not, each with the exit status that is promised."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workbench.jobs import deep_checks

NO_ENGINE = "import sys; from workbench import __main__, paths; paths.has_engine = lambda: False; sys.argv = {words}"
SLOW = {"TRL trainer", "datasets", "multiprocessing", "data loader", "torch.compile"}
"""Each starts processes or a compiler; `packaging/test_linux.sh` runs them."""


def run(words: list[str], home) -> subprocess.CompletedProcess[str]:
    import os

    env = os.environ | {"WORKBENCH_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=280)


def test_everything_works_here_and_nothing_is_left_behind(tmp_path):
    picture = tmp_path / "window.png"
    words = [sys.executable, "-m", "workbench", "--selftest", "--json", "--picture", str(picture)]
    done = run(words, tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    told = json.loads(done.stdout)
    assert [check["name"] for check in told["checks"]] == [
        "Window", "Panes", "Engine", "Pretrain 1", "Reward model 1", "PPO 1",
    ]  # fmt: skip
    assert told["ok"] and not told["torch_in_window"] and told["child_ready_s"] > 0
    assert picture.stat().st_size > 10_000
    assert not (tmp_path / "projects").exists()


def test_without_an_engine_the_window_opens_and_the_status_is_six(tmp_path):
    code = NO_ENGINE.format(words=["workbench", "--selftest"]) + "; sys.exit(__main__.main())"
    done = run([sys.executable, "-c", code], tmp_path)
    assert done.returncode == 6
    assert "ok   Panes: 6 opened" in done.stdout
    assert done.stderr.startswith("No compute engine is installed") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["--selftets"], ["--deep"], ["--selftest", "doctor"], ["--selftest", "--project", "x"]]
)
def test_flags_that_nobody_knows_end_with_two(words, tmp_path):
    assert run([sys.executable, "-m", "workbench", *words], tmp_path).returncode == 2


def test_the_time_since_the_start_is_that_of_this_process():
    code = "import time; begun = time.monotonic(); from workbench.selftest import _since_the_start as since; "
    code += "time.sleep(0.5); print(since(), time.monotonic() - begun)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    told, slept = map(float, said)
    assert slept < told < slept + 2


@pytest.mark.parametrize("name", [name for name in deep_checks.CHECKS if name not in SLOW])
def test_checks_in_depth_pass_here(name, tmp_path):
    assert deep_checks.CHECKS[name](tmp_path)


def test_a_check_that_fails_is_told_and_the_others_go_on(tmp_path, capsys, monkeypatch):
    def broken(folder):
        raise OSError("no such library")

    monkeypatch.setattr(deep_checks, "CHECKS", {"first": broken, "second": lambda folder: "fine"})
    assert deep_checks.main(tmp_path) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"name": "first", "ok": False, "text": "OSError: no such library"}
    assert lines[1] == {"name": "second", "ok": True, "text": "fine"}
