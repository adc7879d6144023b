"""Whether a model fits, for writing and for each way of training it, with the part that takes most."""

from __future__ import annotations

import dataclasses

import pytest

from tests import tiny
from workbench.lm.refs import LLAMA_CPP, ModelRef
from workbench.methods.fitting import WAYS, Machine, fits

ALL = ["running", *(way.key for way in WAYS)]
GB = 1_000_000_000


@pytest.fixture(scope="module")
def base(llama_folder):
    return ModelRef(str(llama_folder))


def test_every_way_is_told_by_parts_that_add_up(base):
    found = fits(base, Machine("cpu", 64 * GB, 32 * GB, 4))
    assert [fit.way for fit in found] == ALL
    for fit in found:
        assert sum(fit.parts.values()) == fit.total
        assert (fit.verdict, fit.over, fit.micro_tokens) == ("fits", 0, 0)
    running = found[0].parts
    assert "optimiser" not in running and found[1].parts["optimiser"] > 0
    whole, adapter = (next(fit for fit in found if fit.way == way) for way in ("ppo_whole", "ppo"))
    assert whole.parts["optimiser"] > adapter.parts["optimiser"]


def test_what_is_too_large_says_by_how_much_and_what_would_help(base):
    roomy = {fit.way: fit.total for fit in fits(base, Machine("cuda", 64 * GB, 64 * GB))}
    room = (roomy["running"] + roomy["dpo"]) // 2
    found = {fit.way: fit for fit in fits(base, Machine("cuda", room, room))}
    assert found["running"].verdict in ("fits", "tight")
    large = found["dpo"]
    assert large.verdict == "too large" and large.over == large.total - room
    assert large.micro_tokens > 0
    tight = {fit.way: fit for fit in fits(base, Machine("cuda", 64 * GB, roomy["dpo"] - 10))}["dpo"]
    assert (tight.verdict, tight.over) == ("tight", 10)


def test_bits_make_the_weights_smaller_and_unknown_memory_has_no_verdict(base):
    plain, small = (fits(base, Machine("cuda", 0, 0, 2, bits))[0] for bits in ("none", "4bit"))
    assert small.parts["model"] < plain.parts["model"]
    assert plain.verdict == ""


def test_a_model_whose_files_do_not_tell_has_no_figures(tmp_path, base):
    assert fits(ModelRef(str(tmp_path)), Machine()) == []
    assert fits(base, Machine(), writes=False) == []


def test_what_llama_cpp_runs_is_as_large_as_its_file(tmp_path, llama_folder):
    path = tiny.gguf(tmp_path, llama_folder)
    file = ModelRef(str(path), "gguf")
    ours, theirs = (fits(ref, Machine())[0] for ref in (file, dataclasses.replace(file, engine=LLAMA_CPP)))
    assert theirs.parts["model"] == path.stat().st_size != ours.parts["model"]
