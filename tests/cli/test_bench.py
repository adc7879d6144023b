"""`workbench bench` as a person meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

KEYS = {"ours", "theirs", "speedup", "memory_ratio", "share_of_limit", "machine"}


@pytest.fixture
def shell(tmp_path):
    def run(*words):
        env = dict(os.environ, WORKBENCH_HOME=str(tmp_path / "home"))
        command = [sys.executable, "-m", "workbench", "bench", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=env, timeout=280, check=False)

    return run


def test_generate_prints_json_alone_on_standard_output(shell, llama_folder):
    sizes = [
        "--new-tokens",
        3,
        "--batch",
        2,
        "--iterations",
        1,
        "--threads",
        1,
        "--device",
        "cpu",
        "--dtype",
        "float32",
    ]
    done = shell("generate", "--against", "transformers", "--model", llama_folder, *sizes, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) >= KEYS
    assert found["ours"]["tokens"] == found["theirs"]["tokens"] == 6
    assert "round 1 of 1" in done.stderr


def test_head_prints_words(shell):
    done = shell("head", "--judgements", 100, "--width", 16, "--iterations", 1, "--threads", 1)
    assert done.returncode == 0, done.stderr
    assert "100 judgements with 16 cached features" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["ppo"], 1, "The starter model is not here"),
        (["ppo", "--prompts", "6", "--micro-batch", "4"], 1, "cannot be cut into micro-batches"),
        (["reward", "--pairs", "7"], 1, "cannot be cut into batches"),
        (["reward", "--kind", "nonesuch"], 1, "TRL has no way called nonesuch"),
        (["ppo", "--against", "nonesuch"], 2, "Invalid value"),
        (["generate", "--model", "/nonesuch"], 1, "no model folder at /nonesuch"),
    ],
)
def test_a_problem_is_one_sentence_and_no_traceback(shell, words, status, sentence):
    done = shell(*words)
    assert done.returncode == status
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
