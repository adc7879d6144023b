"""Whole comparisons with a tiny model: their structure and that both sides did the same work. Never their times."""

from __future__ import annotations

import math

import pytest

from workbench import paths
from workbench.bench import generate, head, models, older_trl, ppo, reward
from workbench.bench.alternating import Plan, environment, running, same
from workbench.errors import WorkbenchError

COMMON = {"device": "cpu", "dtype": "float32", "iterations": 1, "threads": 1}
PPO = {"prompts": 4, "new_tokens": 5, "epochs": 2, "micro_batch": 2, "rank": 2, "soak": 3}
REWARD = {"pairs": 4, "batch": 2, "held_out": 4, "shortest": 3, "longest": 8, "limit": 256, "rank": 2}
INSTALLED = models.cache() / f"trl-{older_trl.VERSION}"
"""Where a person's own cache has it, read before a test moves the app's home."""


def quiet(text: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def older(home):
    """TRL 1.12 from this person's cache, or fetched; the test is skipped where neither is possible."""
    if (INSTALLED / "trl").is_dir():
        models.cache().mkdir(parents=True)
        (models.cache() / INSTALLED.name).symlink_to(INSTALLED, target_is_directory=True)
    try:
        return older_trl.folder(quiet)
    except WorkbenchError as error:
        pytest.skip(str(error))


def test_ppo_alone_soaks_and_says_what_it_trains(llama_folder, home):
    found = ppo.compare(ppo.Options(str(llama_folder), **PPO, **COMMON), quiet)
    assert found["theirs"] == found["others"] == {}
    assert found["iterations_of_ours"] == PPO["soak"]
    shortest, longest = found["job"]["prompt_lengths"]
    assert shortest <= found["job"]["prompt_tokens"] / PPO["prompts"] <= longest
    assert math.isfinite(found["growth_bytes_per_iteration"])
    ours = found["ours"]
    assert ours["trains"]["linear value head"] == 33
    assert ours["peak_bytes"] >= found["resident_bytes_at_end"] > 0
    assert set(ours["split"]) == {"write", "score", "optimise"}
    assert sum(ours["split"].values()) == pytest.approx(ours["seconds"])
    assert found["share_of_limit"] == pytest.approx(
        ours["flops"] / found["machine"]["matmul_flops"]["float32"] / ours["seconds"]
    )
    assert "ours trains LoRA r=2" in ppo.words(found)
    assert "speedup" not in found
    assert found["policy_is_reference"]["kl"] == pytest.approx(0.0, abs=1e-4)
    assert found["policy_is_reference"]["ratio"] == pytest.approx(1.0, abs=1e-4)
    assert 0 < found["policy_is_reference"]["drift"] < 1e-4


def test_ppo_against_trl_does_the_same_work(llama_folder, older):
    options = ppo.Options(str(llama_folder), **PPO, **COMMON, trl=True)
    found = ppo.compare(options, quiet)
    assert set(found["others"]) == {ppo.FP32, ppo.BF16}
    assert found["theirs"]["dtype"] == "float32"
    assert found["others"][ppo.BF16]["dtype"] == "bfloat16, adapters float32"
    for name, ending in ((ppo.FP32, ""), (ppo.BF16, "_bf16")):
        theirs = found["others"][name]
        assert found[f"speedup{ending}"] == pytest.approx(theirs["seconds"] / found["ours"]["seconds"])
        assert found[f"memory_ratio{ending}"] == pytest.approx(found["ours"]["peak_bytes"] / theirs["peak_bytes"])
        assert theirs["trains"]["separate value model"] > 20_000
        assert theirs["flops"] > found["ours"]["flops"]
    assert found["theirs"]["trains"]["LoRA r=2"] == found["ours"]["trains"]["LoRA r=2"]
    assert f"times as fast as {ppo.BF16}" in ppo.words(found)


def test_ppo_against_trl_in_full_trains_the_whole_policy_too():
    plans = ppo._their_plans(ppo.Options(trl=True, full=True), {"model": "m"}, "")
    assert [(plan.name, plan.config["dtype"], plan.config["lora"]) for plan in plans] == [
        (ppo.FP32, "float32", True),
        (ppo.BF16, "bfloat16", True),
        (ppo.FULL, "float32", False),
    ]


def test_ppo_refuses_sizes_that_trl_could_not_share():
    with pytest.raises(WorkbenchError, match="micro-batches"):
        ppo.compare(ppo.Options(prompts=6, micro_batch=4), quiet)


def test_reward_against_trl_does_the_same_work(llama_folder, home):
    kinds = ("trl_lora_bf16", "trl_full_bf16_autocast")
    # TRL refuses bf16 on a CPU unless it is told that it is on one, also when nobody named a device.
    options = reward.Options(str(llama_folder), **REWARD, **COMMON | {"device": "auto"}, trl=True, kinds=kinds)
    found = reward.compare(options, quiet)
    assert set(found["others"]) == set(kinds)
    assert found["others"]["trl_full_bf16_autocast"]["dtype"] == "float32 (bf16 autocast)"
    assert found["others"]["trl_lora_bf16"]["dtype"] == "bfloat16, adapters float32"
    best = found["others"][found["best"]]
    assert best["pairs_per_second"] == max(side["pairs_per_second"] for side in found["others"].values())
    assert found["speedup"] == pytest.approx(found["ours"]["pairs_per_second"] / best["pairs_per_second"])
    assert found["speedup_with_warm_start"] < found["speedup"]
    for side in (found["ours"], *found["others"].values()):
        assert side["accuracy"] * REWARD["held_out"] * 2 == int(side["accuracy"] * REWARD["held_out"] * 2)
    assert found["job"]["steps"] == 4
    assert found["best"] in reward.words(found)


def test_reward_with_checkpointing_has_both_ways(llama_folder, home):
    options = reward.Options(str(llama_folder), **REWARD, **COMMON, trl=True, all_checkpointing=True)
    plans = reward._their_plans(options, {})
    assert len(plans) == 2 * len(reward.KINDS)
    assert [plan.config["checkpointing"] for plan in plans] == [False, True] * len(reward.KINDS)


def test_generation_writes_the_same_answers_as_transformers_in_fp32(llama_folder, home):
    options = generate.Options(str(llama_folder), (1, 3), 5, **COMMON, transformers=True)
    found = generate.compare(options, quiet)
    assert found["same_answers"]
    for side in (found["ours"], found["theirs"]):
        assert {size: batch["tokens"] for size, batch in side["batches"].items()} == {"1": 5, "3": 15}
    assert set(found["speedup_by_batch"]) == {"1", "3"}
    assert "tokens/s at 3" in generate.words(found)


def test_heads_refit_on_more_judgements_each_time():
    found = head.compare(head.Options(judgements=200, width=32, iterations=2, threads=1), quiet)
    assert found["ours"]["accuracy"] > 0.7
    assert found["job"]["heads"] > 1
    assert "200 judgements" in head.words(found)


def test_a_gguf_file_becomes_a_folder_once(llama_folder, home, tmp_path):
    from tests import tiny

    file = tiny.gguf(tmp_path, llama_folder)
    folder = models.model_folder(str(file))
    assert (folder / "model.safetensors").is_file()
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert models.model_folder(str(file)) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made


def test_without_a_starter_the_hint_says_how_to_get_it(home):
    with pytest.raises(WorkbenchError, match="fetch-starter"):
        models.model_folder()


def test_a_side_that_fails_is_told_in_one_sentence(tmp_path):
    plan = Plan("ours", "generate", {"model": str(tmp_path), "device": "cpu", "dtype": "float32", "new_tokens": 1})
    with pytest.raises(WorkbenchError, match=r"The side ours failed: .*config\.json"):
        with running([plan], 1, tmp_path, quiet):
            pass


def test_a_side_that_is_not_there_is_no_riddle(tmp_path):
    with pytest.raises(WorkbenchError, match="The side ours failed"):
        with running([Plan("ours", "nonesuch")], 1, tmp_path, quiet):
            pass


def test_sides_that_were_given_other_work_are_not_compared(llama_folder, tmp_path):
    def plan(name, size):
        config = {"model": str(llama_folder), "batches": [size], "new_tokens": 1, "device": "cpu", "dtype": "float32"}
        return Plan(name, "generate", config)

    with running([plan("one", 1), plan("two", 2)], 1, tmp_path, quiet) as sides:
        with pytest.raises(WorkbenchError, match="do not do the same work"):
            same(sides, "prompts_digest")


def test_every_side_waits_passively_with_the_same_threads_and_tells_nobody(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    found = environment(3, "/somewhere")
    assert found["OMP_NUM_THREADS"] == "3"
    assert paths.WAITING.items() <= found.items()
    assert found["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert found["PYTHONPATH"].startswith("/somewhere")
    assert str(paths.package().parent) in found["PYTHONPATH"]
