"""Which engine writes answers, what each is asked, and what happens when one dies. No engine but our own needs CUDA."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest
import torch

from tests import tiny
from workbench.errors import StopRequested, WorkbenchError
from workbench.lm.devices import Compute
from workbench.lm.engines import BESIDE, Choice, choose_engine, takes_flash, vllm_bytes
from workbench.lm.estimates import Estimate
from workbench.lm.generating import Sampler, sample_all
from workbench.lm.loading import POLICY, add_new_adapter
from workbench.lm.policy import adapter_parameters
from workbench.lm.refs import ModelRef
from workbench.lm.vllm_engine import Vllm, next_rank, share_of
from workbench.lm.writing import Continuous, Own, Writer, paged_attention

GIB = 1 << 30
CUDA = Compute(torch.device("cuda"), torch.bfloat16, "a GPU", 24 * GIB)
CPU = Compute(torch.device("cpu"), torch.float32, "CPU", 24 * GIB)
FREE = Sampler(temperature=1.0, top_p=1.0, top_k=0, max_new_tokens=20)
GREEDY = Sampler(temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=20)
ESTIMATE = Estimate(weights=3 * GIB, adapters=0, optimiser=0, process=0, cache=GIB, writing=0, activations=0, logits=0)
NEEDED = ESTIMATE.fixed + vllm_bytes(ESTIMATE)
BOTH = ("vllm", "flash_attn")


def no_check():
    return None


def choose(ref, wanted="auto", compute=CUDA, *, there=BOTH, free=NEEDED, sampler=FREE, estimate=ESTIMATE, **fields):
    about = {"estimate": estimate, "free_bytes": free, "installed": lambda name: name in there}
    return choose_engine(wanted, compute, ref, sampler, **about, **fields)


@pytest.fixture
def ref(llama_folder):
    return ModelRef(str(llama_folder))


FP32_CUDA = Compute(CUDA.device, torch.float32, "a GPU", 24 * GIB)
SOME_LONG = Sampler(min_new_tokens=4, max_new_tokens=20)
ALL_LONG = Sampler(min_new_tokens=20, max_new_tokens=20)


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ({}, "vllm"),
        ({"free": NEEDED - 1}, "continuous"),
        ({"there": ("flash_attn",)}, "continuous"),
        ({"quantised": True}, "continuous"),
        ({"whole": True}, "continuous"),
        ({"estimate": None}, "continuous"),
        ({"there": ("flash_attn",), "sampler": ALL_LONG}, "continuous"),
        ({"there": ("flash_attn",), "sampler": SOME_LONG}, "own"),
        ({"there": ()}, "own"),
        ({"compute": FP32_CUDA}, "own"),
        ({"compute": CPU}, "own"),
        ({"wanted": "own"}, "own"),
        ({"wanted": "continuous"}, "continuous"),
        ({"wanted": "continuous", "compute": CPU, "there": ()}, "continuous"),
        ({"wanted": "vllm"}, "vllm"),
        ({"wanted": "vllm", "estimate": None}, "vllm"),
    ],
)
def test_the_choice_of_an_engine(ref, case, name):
    choice = choose(ref, **case)
    assert choice.name == name
    assert choice.why.startswith("Answers are written with")
    assert choice.why.endswith(".")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"wanted": "vllm", "compute": CPU}, "CUDA"),
        ({"wanted": "vllm", "there": ()}, "not installed"),
        ({"wanted": "vllm", "quantised": True}, "quantised"),
        ({"wanted": "vllm", "whole": True}, "as an adapter"),
        ({"wanted": "vllm", "compute": FP32_CUDA}, "16 bits"),
        ({"wanted": "vllm", "free": NEEDED - 1}, "GiB in all"),
        ({"wanted": "continuous", "sampler": SOME_LONG}, "shortest answer"),
    ],
)
def test_asking_for_an_engine_that_cannot_run_says_why_and_what_to_do(ref, case, words):
    with pytest.raises(WorkbenchError, match=words) as caught:
        choose(ref, **case)
    assert "auto" in caught.value.hint
    assert ("pip install" in caught.value.hint) == (case.get("there") == ())


def test_a_gguf_file_is_not_for_vllm(llama_folder, tmp_path):
    ref = ModelRef(str(tiny.gguf(tmp_path, llama_folder)), "gguf")
    assert choose(ref).name == "own"
    with pytest.raises(WorkbenchError, match="GGUF"):
        choose(ref, "vllm")


def test_flash_attention_is_asked_of_the_models_class(llama_folder, bert_folder, tmp_path):
    assert takes_flash(ModelRef(str(llama_folder)))
    assert not takes_flash(ModelRef("some/hub-id"))
    odd = tmp_path / "odd"
    odd.mkdir()
    for file in Path(llama_folder).iterdir():
        (odd / file.name).write_bytes(file.read_bytes())
    config = json.loads((odd / "config.json").read_text())
    (odd / "config.json").write_text(json.dumps(config | {"architectures": ["NoSuchModel"]}))
    assert not takes_flash(ModelRef(str(odd)))
    assert choose(ModelRef(str(odd)), there=("flash_attn",)).name == "own"


# --- continuous batching, on a CPU ----------------------------------------------------------------------------------


@pytest.fixture
def policy(llama):
    """The tiny Llama with an adapter that changes what it says."""
    add_new_adapter(llama, POLICY, rank=4, alpha=8)
    torch.manual_seed(1)
    for weight in adapter_parameters(llama, POLICY):
        torch.nn.init.normal_(weight, std=0.1)
    return llama


def prompts(loaded):
    texts = ("hello", "write a short kind answer about the quick brown fox", "hello")
    return [loaded.template.prompt_ids([{"role": "user", "content": text}]) for text in texts]


def test_continuous_batching_writes_what_our_own_loop_writes(policy):
    ids = prompts(policy)
    own = Own(policy, 2).write(ids, GREEDY, [1, 2, 3], no_check)
    found = Continuous(policy).write(ids, GREEDY, [1, 2, 3], no_check)
    assert [(draft.index, draft.ids, draft.finish_reason) for draft in found] == [
        (index, draft.ids, draft.finish_reason) for index, draft in enumerate(own)
    ]
    for mine, theirs in zip(own, found, strict=True):
        torch.testing.assert_close(torch.tensor(mine.logprobs), torch.tensor(theirs.logprobs), rtol=0, atol=1e-4)


def test_continuous_batching_leaves_attention_and_random_numbers_as_they_were(policy):
    ids, before = prompts(policy), torch.get_rng_state()
    writer = Writer(policy, Choice("continuous", ""), lambda: Continuous(policy))
    first = writer.write(ids, FREE, [5, 6, 7], no_check, rows=2)
    again = writer.write(ids, FREE, [5, 6, 7], no_check, rows=2)
    other = writer.write(ids, FREE, [8, 6, 7], no_check, rows=2)
    assert [draft.ids for draft in first] == [draft.ids for draft in again]
    assert [draft.ids for draft in first] != [draft.ids for draft in other]
    assert first[0].ids != first[2].ids, "two answers to one prompt are drawn apart"
    assert torch.equal(before, torch.get_rng_state())
    assert policy.causal.config._attn_implementation == "workbench"
    assert writer.told() == []


def test_continuous_batching_draws_at_the_temperature_and_can_forbid_an_end(policy):
    forced = Sampler(temperature=0.5, top_p=1.0, top_k=0, min_new_tokens=20, max_new_tokens=20)
    for prompt, draft in zip(
        prompts(policy), Continuous(policy).write(prompts(policy), forced, [1, 2, 3], no_check), strict=True
    ):
        assert len(draft.ids) == 20
        assert not set(draft.ids) & policy.stop_ids
        with torch.no_grad():
            logits = policy.causal(torch.tensor([prompt + draft.ids])).logits[0, len(prompt) - 1 : -1] / 0.5
        logits[:, list(policy.stop_ids)] = -torch.inf
        wanted = torch.log_softmax(logits, -1).gather(1, torch.tensor(draft.ids)[:, None]).squeeze(1)
        torch.testing.assert_close(torch.tensor(draft.logprobs), wanted, rtol=0, atol=1e-4)


def test_a_paged_cache_is_read_with_flash_attention_where_it_runs(policy, monkeypatch):
    assert paged_attention(policy, lambda name: True) == "sdpa"
    monkeypatch.setattr(policy, "compute", CUDA)
    assert paged_attention(policy, lambda name: True) == "flash_attention_2"
    assert paged_attention(policy, lambda name: False) == "sdpa"
    monkeypatch.setattr(policy, "compute", FP32_CUDA)
    assert paged_attention(policy, lambda name: True) == "sdpa"


def test_stopping_continuous_batching(policy):
    calls = 0

    def check():
        nonlocal calls
        calls += 1
        raise StopRequested

    writer = Writer(policy, Choice("continuous", ""), lambda: Continuous(policy))
    with pytest.raises(StopRequested):
        writer.write(prompts(policy), FREE, [1, 2, 3], check, rows=2)
    assert calls == 1
    assert writer.name == "continuous"
    assert policy.causal.config._attn_implementation == "workbench"


# --- vLLM, played by a module that is written here -------------------------------------------------------------------


class Played(types.ModuleType):
    """What we use of vLLM, with a diary of what it was asked. It answers each prompt with its seed's tokens."""

    def __init__(self):
        super().__init__("vllm")
        self.diary = []
        self.adapters = []
        self.asleep = False
        self.fails = None
        played = self

        class LLM:
            def __init__(self, **about):
                played.diary.append(("load", about))

            def generate(self, prompts, params, *, use_tqdm, lora_request):
                assert not played.asleep
                if played.fails:
                    raise played.fails
                folder = Path(lora_request.lora_path)
                played.adapters.append(json.loads((folder / "adapter_config.json").read_text()))
                assert (folder / "adapter_model.safetensors").stat().st_size
                played.diary.append(("generate", prompts, params, lora_request))
                return [types.SimpleNamespace(outputs=[played.answer(each.seed)]) for each in params]

            def sleep(self, level):
                played.asleep = True
                played.diary.append(("sleep", level))

            def wake_up(self):
                played.asleep = False
                played.diary.append(("wake",))

        self.LLM = LLM
        self.SamplingParams = lambda **about: types.SimpleNamespace(**about)

    @staticmethod
    def answer(seed):
        ids = [3 + seed, 4, 2]
        chances = [{id_: types.SimpleNamespace(logprob=-float(place))} for place, id_ in enumerate(ids)]
        return types.SimpleNamespace(token_ids=ids, logprobs=chances, finish_reason="stop" if seed else "length")

    def did(self):
        return [entry[0] for entry in self.diary]


@pytest.fixture
def vllm(monkeypatch):
    played = Played()
    inputs, request = types.ModuleType("vllm.inputs"), types.ModuleType("vllm.lora.request")
    inputs.TokensPrompt = dict
    request.LoRARequest = lambda name, number, path: types.SimpleNamespace(
        lora_name=name, lora_int_id=number, lora_path=path
    )
    made = {"vllm": played, "vllm.inputs": inputs, "vllm.lora": types.ModuleType("vllm.lora")}
    for name, module in (made | {"vllm.lora.request": request}).items():
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("VLLM_ENABLE_V1_MULTIPROCESSING", "VLLM_NO_USAGE_STATS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "unset")
    return played


def start(policy, **fields):
    return Vllm(policy, **{"estimate": ESTIMATE, "longest": 60, "rows": 3, "seed": 9} | fields)


def test_vllm_is_loaded_with_room_for_the_run_beside_it(policy, vllm, monkeypatch):
    import os

    monkeypatch.setattr(policy, "compute", Compute(torch.device("cpu"), torch.bfloat16, "a GPU", 24 * GIB))
    start(policy)
    about = vllm.diary[0][1]
    assert about["model"] == policy.ref.base
    assert about["gpu_memory_utilization"] == pytest.approx((3 * GIB + 1.25 * GIB + BESIDE) / (24 * GIB), abs=1e-3)
    assert (about["dtype"], about["seed"], about["max_model_len"], about["max_num_seqs"]) == ("bfloat16", 9, 60, 3)
    assert about["enable_lora"] and about["enable_sleep_mode"] and about["max_lora_rank"] == 8
    assert about["logprobs_mode"] == "processed_logprobs"
    assert os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0" and os.environ["VLLM_NO_USAGE_STATS"] == "1"


def test_vllm_writes_with_the_newest_adapter_and_sleeps_while_it_learns(policy, vllm):
    engine = start(policy)
    sampler = Sampler(temperature=0.7, top_p=1.0, top_k=0, min_new_tokens=1, max_new_tokens=20)
    for _ in range(2):
        drafts = engine.write(prompts(policy), sampler, [0, 1, 2], no_check)
    assert vllm.did() == ["load", "generate", "sleep", "wake", "generate", "sleep"]
    assert [draft.ids for draft in drafts] == [[3, 4, 2], [4, 4, 2], [5, 4, 2]]
    assert [draft.finish_reason for draft in drafts] == ["length", "stop", "stop"]
    assert drafts[1].logprobs == [0.0, -1.0, -2.0]
    _, asked, params, request = vllm.diary[4]
    assert asked == [{"prompt_token_ids": ids} for ids in prompts(policy)]
    assert [each.seed for each in params] == [0, 1, 2]
    each = params[0]
    assert (each.temperature, each.top_k, each.top_p, each.max_tokens, each.min_tokens) == (0.7, -1, 1.0, 20, 1)
    assert each.logprobs == 0 and set(each.stop_token_ids) == policy.stop_ids
    assert (vllm.diary[1][3].lora_int_id, request.lora_int_id) == (1, 2), "an adapter is kept by its number"
    assert not Path(request.lora_path).exists()
    assert vllm.adapters[0]["r"] == 4 and vllm.adapters[0]["peft_type"] == "LORA"
    assert vllm.diary[-1] == ("sleep", 1)


def test_vllm_does_not_write_for_a_policy_that_is_no_adapter(llama, vllm):
    writer = Writer(llama, Choice("vllm", ""), lambda: start(llama))
    assert len(writer.write(prompts(llama), FREE, [1, 2, 3], no_check, rows=2)) == 3
    assert "as an adapter" in writer.told()[0]


def test_vllm_takes_the_next_rank_that_it_knows(llama):
    add_new_adapter(llama, POLICY, rank=24, alpha=8)
    assert next_rank(llama) == 32


def test_share_of_the_device_is_bounded():
    assert share_of(None, 24 * GIB) == 0.4
    assert share_of(ESTIMATE, 4 * GIB) == 0.9


# --- engines that die ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory"), ImportError("no module"), ValueError("")])
def test_a_round_is_written_by_our_own_loop_when_vllm_dies(policy, vllm, error):
    vllm.fails = error
    writer = Writer(policy, Choice("vllm", ""), lambda: start(policy))
    ids = prompts(policy)
    wanted = sample_all(policy, ids, FREE, [1, 2, 3], keep_logprobs=True)
    assert [draft.ids for draft in writer.write(ids, FREE, [1, 2, 3], no_check, rows=8)] == [
        draft.ids for draft in wanted
    ]
    assert writer.name == "own"
    assert len(vllm.diary) == 2
    (notice,) = writer.told()
    assert "vLLM failed" in notice and (str(error) or "ValueError") in notice
    writer.write(ids, FREE, [1, 2, 3], no_check, rows=8)
    assert len(vllm.diary) == 2 and writer.told() == []


def test_an_engine_that_cannot_be_built_costs_no_round(policy, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    writer = Writer(policy, Choice("vllm", ""), lambda: start(policy))
    assert len(writer.write(prompts(policy), FREE, [1, 2, 3], no_check, rows=2)) == 3
    assert "vLLM failed" in writer.told()[0]


def test_continuous_batching_that_breaks_costs_no_round(policy, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the cache is broken")

    monkeypatch.setattr("transformers.generation.continuous_batching.cache.PagedAttentionCache.update", broken)
    writer = Writer(policy, Choice("continuous", ""), lambda: Continuous(policy))
    assert len(writer.write(prompts(policy), FREE, [1, 2, 3], no_check, rows=2)) == 3
    assert writer.name == "own" and "continuous batching failed" in writer.told()[0]
    assert policy.causal.config._attn_implementation == "workbench"


def test_an_adapter_that_cannot_be_saved_is_no_failure_of_the_engine(policy, vllm):
    with torch.no_grad():
        adapter_parameters(policy, POLICY)[0].fill_(float("nan"))
    writer = Writer(policy, Choice("vllm", ""), lambda: start(policy))
    with pytest.raises(WorkbenchError, match="not finite"):
        writer.write(prompts(policy), FREE, [1, 2, 3], no_check, rows=2)
    assert writer.name == "vllm"
    assert vllm.asleep


def test_an_engine_that_wrote_with_other_weights_writes_no_more(policy, vllm):
    writer = Writer(policy, Choice("vllm", ""), lambda: start(policy))
    writer.write(prompts(policy), FREE, [1, 2, 3], no_check, rows=2)
    assert not writer.doubts(0.05)
    assert writer.name == "vllm"
    assert writer.doubts(float("nan")) or writer.doubts(2.0)
    assert writer.name == "own"
    assert "not this policy's" in writer.told()[0]
    assert not writer.doubts(2.0), "our own loop is not doubted"
