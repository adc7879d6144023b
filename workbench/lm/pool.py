"""Several models in memory at once: each base once, its adapters on it, and what leaves when another needs the room."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import psutil
import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer

from ..errors import WorkbenchError
from . import llama_cpp_engine
from .devices import Compute, in_dtype
from .estimates import BITS, shape_of, weight_bytes
from .llama_cpp_engine import Running
from .loading import Loaded, add_saved_adapter, load_as_chosen
from .memory import give_back, out_of_memory
from .refs import LLAMA_CPP, ModelRef
from .templates import Template

log = logging.getLogger(__name__)

RESERVE = 1 << 30
"""Bytes that stay free on the device for caches and whatever else the computer does."""


class NoRoom(WorkbenchError):
    """A model does not fit beside those that are writing."""


@dataclass
class _Resident:
    """A base in memory, the names of the adapters on it by their folders, and when it was last asked for."""

    base: Loaded | Running
    adapters: dict[str, str] = field(default_factory=dict)
    views: dict[str, Loaded | Running] = field(default_factory=dict)
    layers: list[Any] = field(default_factory=list)
    """Those that hold adapters: found when one comes, because every token asks which of them is active."""
    used: int = 0


class Pool:
    """Models for writing. `take` gives one, loaded when it is not; `activate` must stand before each use of it."""

    def __init__(self, compute: Compute, free: Callable[[], int] | None = None) -> None:
        self.compute = compute
        self._free = free or (lambda: free_bytes(compute))
        self._residents: dict[str, _Resident] = {}
        self._clock = 0
        self.left: list[str] = []
        """Names of the models that left for another one since somebody has last looked here."""

    def ids(self) -> list[str]:
        """Ids of the models in memory."""
        return [view.ref.id for resident in self._residents.values() for view in resident.views.values()]

    def holds(self, ref: ModelRef) -> bool:
        """Whether a model is in memory as it is wanted."""
        resident = self._residents.get(key_of(ref))
        return resident is not None and _view_key(ref) in resident.views

    def take(self, ref: ModelRef, busy: Collection[str] = ()) -> Loaded | Running:
        """A model, its adapter active. `busy`: keys of bases that somebody writes with, which cannot leave.

        Raises NoRoom when it fits only once these are done, and WorkbenchError when it cannot be loaded.
        """
        self._clock += 1
        self._drop_otherwise(ref, busy)
        resident = self._residents.get(key_of(ref)) or self._bring(ref, busy)
        resident.used = self._clock
        if _view_key(ref) not in resident.views:
            resident.views[_view_key(ref)] = self._view(resident, ref)
        loaded = resident.views[_view_key(ref)]
        self.activate(loaded)
        return loaded

    def activate(self, loaded: Loaded | Running) -> None:
        """Make the adapter that a model writes with the active one on its base, or none."""
        resident = self._residents[key_of(loaded.ref)]
        name, layers = resident.adapters.get(loaded.ref.adapter, ""), resident.layers
        if not layers or (
            layers[0].disable_adapters == (not name) and (not name or layers[0].active_adapters == [name])
        ):
            return
        for layer in layers:  # peft's own way also sets which weights learn, a millisecond and more at every token
            layer._disable_adapters = not name
            if name:
                layer._active_adapter = [name]

    def drop(self, model_id: str) -> bool:
        """Let a model leave, and its base when nothing else stands on it. Whether it was there."""
        for key, resident in list(self._residents.items()):
            for view_key, view in list(resident.views.items()):
                if view.ref.id == model_id:
                    self._drop_view(key, resident, view_key)
                    return True
        return False

    def _drop_otherwise(self, ref: ModelRef, busy: Collection[str]) -> None:
        """Let a model leave that is now wanted in other numbers, or run by another engine."""
        for key, resident in list(self._residents.items()):
            ids = {view.ref.id for view in resident.views.values()}
            if key != key_of(ref) and key not in busy and ref.id and ids == {ref.id}:
                self.drop(ref.id)

    def _drop_view(self, key: str, resident: _Resident, view_key: str) -> None:
        view = resident.views.pop(view_key)
        if not resident.views:
            del self._residents[key]
        elif view.ref.adapter and all(other.ref.adapter != view.ref.adapter for other in resident.views.values()):
            _take_off(resident, resident.adapters.pop(view.ref.adapter))
        del view, resident
        give_back(self.compute)

    # -- bringing one in

    def _bring(self, ref: ModelRef, busy: Collection[str]) -> _Resident:
        self._make_room(ref, busy)
        base = dataclasses.replace(ref, adapter="", kind="base")
        try:
            loaded = load(base, self.compute)
        except WorkbenchError as error:
            if not out_of_memory(error.__cause__ or error) or not self._residents:
                raise
            log.info("%s did not fit beside the others", ref.name, exc_info=True)
            loaded = None
        if loaded is None:  # outside `except`: a traceback holds tensors
            while self._evict(busy):
                pass
            if self._residents:
                raise NoRoom(f"{ref.name} does not fit beside the models that are writing.", "It waits for them.")
            loaded = load(base, self.compute)
        self._residents[key_of(ref)] = _Resident(loaded)
        return self._residents[key_of(ref)]

    def _make_room(self, ref: ModelRef, busy: Collection[str]) -> None:
        while self._residents and self._free() < bytes_of(ref, self.compute) + RESERVE:
            if self._evict(busy):
                continue
            if busy:
                raise NoRoom(f"{ref.name} does not fit beside the models that are writing.", "It waits for them.")
            return

    def _evict(self, busy: Collection[str]) -> bool:
        """Let the base leave that was asked for longest ago. Whether there was one."""
        idle = [key for key in self._residents if key not in busy]
        if not idle:
            return False
        oldest = min(idle, key=lambda key: self._residents[key].used)
        views = self._residents[oldest].views
        self.left += [view.ref.name for view in views.values()]
        log.info("%s leaves memory", ", ".join(view.ref.name for view in views.values()))
        del self._residents[oldest], views
        give_back(self.compute)
        return True

    def _view(self, resident: _Resident, ref: ModelRef) -> Loaded | Running:
        if ref.adapter and ref.adapter not in resident.adapters:
            assert isinstance(resident.base, Loaded)  # what llama.cpp runs has none
            name = f"a{self._clock}"
            try:
                add_saved_adapter(resident.base, ref.adapter, name)
            except WorkbenchError:
                _take_off(resident, name)
                raise
            resident.base.model.eval()
            resident.adapters[ref.adapter] = name
            _settle(resident)
        return dataclasses.replace(resident.base, ref=ref, template=Template(resident.base.tokenizer, ref.template))


def _take_off(resident: _Resident, name: str) -> None:
    """Remove an adapter, if it is there. With the last one peft's wrapper goes too: it would look for the adapter that
    was active at every token, and fail."""
    assert isinstance(resident.base, Loaded)
    model = resident.base.model
    if isinstance(model, PeftModel) and name in model.peft_config:
        if len(model.peft_config) > 1:
            model.delete_adapter(name)
        else:
            resident.base.model = model.unload()
    _settle(resident)


def _settle(resident: _Resident) -> None:
    """After an adapter came or went: every view goes through what the base is inside of now."""
    assert isinstance(resident.base, Loaded)
    model = resident.base.model
    resident.layers = [each for each in model.modules() if isinstance(each, BaseTunerLayer)]
    for key, view in resident.views.items():
        resident.views[key] = dataclasses.replace(view, model=model)


def load(ref: ModelRef, compute: Compute) -> Loaded | Running:
    """A model as it was chosen to be loaded, by the engine that was chosen."""
    return llama_cpp_engine.load(ref, compute) if ref.engine == LLAMA_CPP else load_as_chosen(ref, compute)


def key_of(ref: ModelRef) -> str:
    """What tells one base in memory from another: where it is, and how it was chosen to be loaded."""
    return f"{ref.engine}:{ref.format}:{ref.dtype}:{ref.quantize}:{ref.attention}:{ref.base}"


def _view_key(ref: ModelRef) -> str:
    return f"{ref.id}:{ref.adapter}:{ref.template}"


def bytes_of(ref: ModelRef, compute: Compute) -> int:
    """About how many bytes a base's weights take in memory; 0 where its files do not say."""
    if ref.engine == LLAMA_CPP:
        return llama_cpp_engine.bytes_of(ref)
    shape = shape_of(ref)
    if shape is None:
        return 0
    bits = BITS.get(ref.quantize, 0)
    return weight_bytes(shape, in_dtype(compute, ref.dtype).dtype.itemsize, bits)


def free_bytes(compute: Compute) -> int:
    """Bytes that are free on the device now."""
    if compute.device.type == "cuda":
        return torch.cuda.mem_get_info()[0]
    if compute.device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    if compute.device.type == "xpu":
        return torch.xpu.mem_get_info()[0]
    return psutil.virtual_memory().available
