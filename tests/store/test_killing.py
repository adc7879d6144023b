"""kill -9 at random moments: what was acknowledged is there afterwards, and the file is whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.store import Store

KILLS = 30

CHILD = """
import sys
from workbench.store import Store
store = Store.open(sys.argv[1])
prompt = store.prompts.add("Hi")[0]
answer = store.responses.add(prompt.id, "Hello.")
number = 0
while True:
    number += 1
    item = store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [number % 5 + 1]}, annotator="you")
    line = item.id
    if number % 7 == 0:
        store.feedback.undo("you")
        line += " undone"
    print(line, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_no_acknowledged_judgement_is_lost(tmp_path: Path) -> None:
    rng = random.Random(7)
    acked: dict[str, bool] = {}
    for _ in range(KILLS):
        acked |= acks_until_killed(tmp_path, rng.randint(1, 12), rng.uniform(0, 0.01))
    store = Store.open(tmp_path)
    rows = {item.id: item.retracted_at is not None for item in store.feedback.list(retracted=True)}
    assert len(acked) >= KILLS
    assert {id_: rows.get(id_) for id_ in acked} == acked
    assert store.value("PRAGMA quick_check") == "ok"
    assert store.value("SELECT COUNT(*) FROM shown") == len(rows)
    assert store.value("SELECT COUNT(DISTINCT seq) FROM judged") == sum(not undone for undone in rows.values())
    store.close()


def acks_until_killed(folder: Path, lines: int, wait: float) -> dict[str, bool]:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    acks = [child.stdout.readline() for _ in range(lines)]
    time.sleep(wait)
    child.send_signal(signal.SIGKILL)
    acks += child.stdout.read().splitlines()
    child.wait()
    child.stdout.close()
    whole = [ack.split() for ack in acks if ack.strip()]
    # The last line may have been cut by the kill; a whole id has 32 characters.
    return {words[0]: len(words) == 2 for words in whole[:-1] if len(words[0]) == 32}
