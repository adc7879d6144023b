"""What the status bar says of the machine: the memory that models live in, how busy and how hot it is."""

from __future__ import annotations

import functools
import importlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil

log = logging.getLogger(__name__)

CPU_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
"""What Linux calls the sensor in a processor of Intel, AMD or ARM."""
LITTLE = 0.05
"""Share of the computer's memory that is too little to go on with."""


@dataclass(frozen=True)
class Reading:
    """A device's name, its memory in bytes, and where they are known its load from 0 to 1 and its degrees Celsius."""

    name: str
    used: float
    total: float
    load: float | None = None
    celsius: float | None = None


def read(session: Mapping[str, Any]) -> Reading:
    """The accelerator, where there is one: from its driver, or as the child of the loaded model reported it. Else this
    computer's processor and memory."""
    if (nvidia := _read_nvidia()) is not None:
        return nvidia
    if session.get("device_kind") in ("cuda", "xpu"):
        return Reading(str(session["device"]), float(session["memory_used"]), float(session["memory_total"]))
    memory = psutil.virtual_memory()
    used = float(memory.total - memory.available)
    return Reading("CPU", used, float(memory.total), psutil.cpu_percent() / 100, _cpu_celsius())


class MemoryWatch:
    """Says when the computer's own memory, which every job needs on whatever device, is about to run out."""

    def __init__(self) -> None:
        self._said = False

    def look(self, going: bool) -> tuple[float, float] | None:
        """Bytes that are free and bytes in all, when they have become too few for a job that is `going`. It is said
        once, and again after there was enough."""
        memory = psutil.virtual_memory()
        little = going and memory.available < LITTLE * memory.total
        news = little and not self._said
        self._said = little
        return (float(memory.available), float(memory.total)) if news else None


def _cpu_celsius() -> float | None:
    if not hasattr(psutil, "sensors_temperatures"):  # not on Windows and macOS
        return None
    sensors = psutil.sensors_temperatures()
    return next((sensors[name][0].current for name in CPU_SENSORS if sensors.get(name)), None)


@functools.cache
def _nvidia() -> Any:
    """The handle of the NVIDIA card that jobs use; None where there is none."""
    import pynvml

    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetHandleByIndex(_first_visible())
    except pynvml.NVMLError as error:
        log.info("no NVIDIA card is read: %s", error)
        return None


def _first_visible() -> int:
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    return int(first) if first.isdecimal() else 0


def _read_nvidia() -> Reading | None:
    card = _nvidia()
    if card is None:
        return None
    pynvml: Any = importlib.import_module("pynvml")  # its hints say that a name may be bytes, which it was in 2019
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(card)
        name = pynvml.nvmlDeviceGetName(card)
        load = pynvml.nvmlDeviceGetUtilizationRates(card).gpu / 100
        celsius = float(pynvml.nvmlDeviceGetTemperature(card, pynvml.NVML_TEMPERATURE_GPU))
    except pynvml.NVMLError as error:  # a driver that is being replaced, or a card that tells only some of it
        log.warning("the NVIDIA card cannot be read: %s", error)
        return None
    return Reading(str(name), float(memory.used), float(memory.total), load, celsius)
