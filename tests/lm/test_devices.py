"""Which number format "auto" is on a processor: the faster one."""

from __future__ import annotations

import time

import pytest
import torch

from workbench.lm import devices
from workbench.ui import train_estimate


@pytest.fixture
def processor(monkeypatch):
    """A processor with these instructions, on which a product takes these seconds in either format."""

    def make(*, tiles: bool, instructions: bool, seconds: dict[torch.dtype, float]) -> list[torch.dtype]:
        tried: list[torch.dtype] = []

        def product(left, right):
            tried.append(left.dtype)
            time.sleep(seconds[left.dtype])

        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: instructions)
        monkeypatch.setattr(torch, "mm", product)
        return tried

    devices._measured_faster_in_bf16.cache_clear()
    yield make
    devices._measured_faster_in_bf16.cache_clear()


@pytest.mark.parametrize(
    ("bf16", "fp32", "chosen"), [(0.001, 0.004, torch.bfloat16), (0.004, 0.001, torch.float32)], ids=["amd", "intel"]
)
def test_without_tiles_the_faster_format_is_measured_once(processor, bf16, fp32, chosen):
    tried = processor(tiles=False, instructions=True, seconds={torch.bfloat16: bf16, torch.float32: fp32})
    assert devices.choose("cpu").dtype == chosen
    count = len(tried)
    assert set(tried) == {torch.bfloat16, torch.float32}
    assert devices.choose("cpu").dtype == chosen
    assert len(tried) == count


@pytest.mark.parametrize(("tiles", "chosen"), [(True, torch.bfloat16), (False, torch.float32)])
def test_tiles_or_no_instructions_at_all_need_no_measuring(processor, tiles, chosen):
    tried = processor(tiles=tiles, instructions=tiles, seconds={})
    assert devices.choose("cpu").dtype == chosen
    assert tried == []


def test_what_was_asked_for_is_not_measured(processor):
    tried = processor(tiles=False, instructions=True, seconds={})
    assert devices.choose("cpu", "bfloat16").dtype == torch.bfloat16
    assert tried == []


@pytest.mark.parametrize(
    ("said", "bytes_a_weight"),
    [
        ("vendor_id : AuthenticAMD\nflags : fpu avx512_bf16", 2),
        ("vendor_id : GenuineIntel\nflags : fpu avx512_bf16", 4),
        ("vendor_id : GenuineIntel\nflags : fpu avx512_bf16 amx_tile", 2),
        ("vendor_id : AuthenticAMD\nflags : fpu", 4),
    ],
)
def test_an_estimate_before_the_first_run_expects_the_same(monkeypatch, said, bytes_a_weight):
    monkeypatch.setattr(train_estimate.Path, "read_text", lambda *args, **kwargs: said)
    train_estimate._cpu_is_faster_in_bf16.cache_clear()
    assert train_estimate.bytes_of({}, []) == bytes_a_weight
    train_estimate._cpu_is_faster_in_bf16.cache_clear()
