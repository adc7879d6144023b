"""Where things are, and the command line of a child process: the only file that knows how we are installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import platformdirs

APP = "feedback-workbench"


def package() -> Path:
    """The folder of the `workbench` package."""
    return Path(__file__).resolve().parent


def _data(name: str) -> Path:
    inside = package() / "_data" / name  # an installed wheel
    return inside if inside.exists() else package().parent / name  # a checkout


def resources() -> Path:
    """Icons, fonts, theme tokens, translations."""
    return _data("resources")


def samples() -> Path:
    """The sample project that ships with the app."""
    return _data("samples")


def user_data() -> Path:
    """What belongs to this person and every project: fetched models. WORKBENCH_HOME moves it."""
    home = os.environ.get("WORKBENCH_HOME")
    return Path(home) if home else Path(platformdirs.user_data_dir(APP, appauthor=False))


def user_config() -> Path:
    """Preferences."""
    home = os.environ.get("WORKBENCH_HOME")
    return Path(home) / "config" if home else Path(platformdirs.user_config_dir(APP, appauthor=False))


def user_logs() -> Path:
    """Logs of the window and the command line; a run's own log lies in its run folder."""
    home = os.environ.get("WORKBENCH_HOME")
    return Path(home) / "logs" if home else Path(platformdirs.user_log_dir(APP, appauthor=False))


def shared_models() -> Path:
    """Models fetched once and used by every project."""
    return user_data() / "models"


def default_project() -> Path:
    """The project that opens when none is named."""
    return user_data() / "projects" / "first-project"


def child_command() -> list[str]:
    """The command line of a job's child process: the same interpreter, no shell, no multiprocessing."""
    return [sys.executable, "-m", "workbench", "--child"]


def script_command(script: Path) -> list[str]:
    """The command line of a Python script that a person has on this computer."""
    return [sys.executable, str(script)]


def rows_command(files: Iterable[Path]) -> list[str]:
    """The command line of the process that decodes tables from anywhere."""
    return [sys.executable, "-m", "workbench", "--rows", *(str(file) for file in files)]


def queue_command(project: Path) -> list[str]:
    """The command line of the process that works through a project's runs without a window."""
    return [sys.executable, "-m", "workbench", "runs", "start", "--project", str(project)]


def child_environment() -> dict[str, str]:
    """The environment of a child.

    TRL reports to its makers whenever a trainer is built, and the hub client does on import, unless told
    not to. OpenMP's spinning threads starve each other on a desktop that is never quiet, so they wait passively.
    """
    env = dict(os.environ)
    env.update(
        PYTHONUNBUFFERED="1",
        PYTHONUTF8="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        DO_NOT_TRACK="1",
        TOKENIZERS_PARALLELISM="false",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        TRANSFORMERS_NO_ADVISORY_WARNINGS="1",
    )
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # oneDNN keeps every shape of matrix it has met, 1024 of them, at up to a megabyte each: a run's memory grew for
    # as long as its batches differed. A step needs about 40; with 8 it took 30 % longer.
    env.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    env.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    parts = [str(package().parent), env.get("PYTHONPATH", "")]
    env["PYTHONPATH"] = os.pathsep.join(part for part in parts if part)
    return env
