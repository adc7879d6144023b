"""`python -m workbench.bench.side NAME`: one side of a comparison, in a process of its own.

It reads one JSON line with its configuration, sets up, and says that it is ready; each further line asks for one
iteration. Standard output is kept for answers; standard error is the side's log.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from ..errors import WorkbenchError
from . import (
    dpo_side,
    generate_sides,
    head_side,
    learning_side,
    matmul_side,
    ppo_side,
    reward_side,
    trl_dpo_side,
    trl_learning_side,
    trl_ppo_side,
    trl_reward_side,
)
from .turns import Over, Turns

SIDES: dict[str, Callable[[dict[str, Any], Turns], None]] = {
    "matmul": matmul_side.run,
    "untrained-reward": ppo_side.make_reward,
    "ppo": ppo_side.run,
    "trl-ppo": trl_ppo_side.run,
    "reward": reward_side.run,
    "trl-reward": trl_reward_side.run,
    "dpo": dpo_side.run,
    "trl-dpo": trl_dpo_side.run,
    "generate": generate_sides.ours,
    "transformers-generate": generate_sides.theirs,
    "head": head_side.run,
    "learn": learning_side.run,
    "learn-evaluate": learning_side.evaluate,
    "trl-grpo": trl_learning_side.grpo,
    "trl-rloo": trl_learning_side.rloo,
}


def main() -> int:
    """Be the side that the command line names until the parent closes the conversation."""
    out, sys.stdout = sys.stdout, sys.stderr
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    # Ctrl C in a terminal reaches the whole group; the parent ends its sides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    turns = Turns(sys.stdin, out)
    try:
        SIDES[sys.argv[1]](json.loads(sys.stdin.readline()), turns)
    except Over:
        return 0
    except WorkbenchError as error:
        traceback.print_exc()
        turns.say("failed", text=error.text, hint=error.hint)
        return 1
    except Exception as error:
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0][:300]
        turns.say("failed", text=f"{type(error).__name__}: {first}", hint="")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
