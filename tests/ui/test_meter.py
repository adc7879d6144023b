"""What the status bar says of the machine: a card by its driver, else the loaded model's child, else the CPU."""

from types import SimpleNamespace

import pynvml
import pytest

from workbench.ui import meter

GB = 1e9


@pytest.fixture(autouse=True)
def forgotten():
    meter._nvidia.cache_clear()
    yield
    meter._nvidia.cache_clear()


@pytest.fixture
def card(monkeypatch):
    asked = []
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda place: asked.append(place) or "card")
    memory = SimpleNamespace(used=int(6 * GB), total=int(24 * GB))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda card: memory)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", lambda card: "NVIDIA RTX 4090")
    monkeypatch.setattr(pynvml, "nvmlDeviceGetUtilizationRates", lambda card: SimpleNamespace(gpu=87))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetTemperature", lambda card, sensor: 71)
    return asked


def no_card(monkeypatch):
    def absent():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", absent)


def test_a_card_is_read_from_its_driver(card, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    assert meter.read({}) == meter.Reading("NVIDIA RTX 4090", 6 * GB, 24 * GB, 0.87, 71.0)
    assert card == [2]


def test_a_card_that_stops_telling_gives_way_to_the_processor(card, monkeypatch):
    def lost(card):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lost)
    assert meter.read({}).name == "CPU"


def test_without_a_driver_the_child_of_the_model_is_believed(monkeypatch):
    no_card(monkeypatch)
    session = {"device_kind": "xpu", "device": "Arc", "memory_used": 3, "memory_total": 16}
    assert meter.read(session) == meter.Reading("Arc", 3.0, 16.0)


def test_the_processors_heat_is_told_where_it_has_a_sensor(monkeypatch):
    no_card(monkeypatch)
    sensors = {"nvme": [SimpleNamespace(current=40.0)], "k10temp": [SimpleNamespace(current=63.5)]}
    monkeypatch.setattr(meter.psutil, "sensors_temperatures", lambda: sensors, raising=False)
    found = meter.read({})
    assert (found.name, found.celsius) == ("CPU", 63.5) and 0 < found.used < found.total


def test_little_memory_is_told_once_under_a_job_and_again_after_there_was_enough(monkeypatch):
    free = [1.0]
    memory = lambda: SimpleNamespace(available=free[0] * GB, total=32 * GB)
    monkeypatch.setattr(meter.psutil, "virtual_memory", memory)
    watch = meter.MemoryWatch()
    assert watch.look(going=False) is None
    assert watch.look(going=True) == (GB, 32 * GB)
    assert watch.look(going=True) is None
    free[0] = 8.0
    assert watch.look(going=True) is None
    free[0] = 1.5
    assert watch.look(going=True) == (1.5 * GB, 32 * GB)
