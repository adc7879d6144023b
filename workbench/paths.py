"""Where things are, and the command line of a child process: the only file that knows how we are installed."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import platformdirs

APP = "feedback-workbench"


def package() -> Path:
    """The folder of the `workbench` package."""
    return Path(__file__).resolve().parent


def bundle() -> Path | None:
    """The folder of the standalone app that this is part of; None where pip installed us, or in a checkout.

    It holds bundle.json, python/, app/ (this package, and the packages that the window needs), bin/uv, locks/ and, in
    the full edition, engine/site-packages.
    """
    root = package().parent.parent
    return root if (root / "bundle.json").is_file() else None


def engines() -> Path:
    """Compute engines that this person added to the standalone app, one folder each, and `current.json`.

    `site-packages` in the path tells dill, with which `datasets` caches functions, that these are installed packages:
    anywhere else it would save the whole of pyarrow with a function, and fail.
    """
    return user_data() / "engines" / "site-packages"


def current_engine() -> Path:
    """The file that names the added engine in use, as {"engine": name}. Where there is none, the built-in one is."""
    return engines() / "current.json"


def built_in_engine() -> Path | None:
    """The engine that came with the standalone app, in its full edition."""
    root = bundle()
    found = root / "engine" / "site-packages" if root else None  # see engines()
    return found if found and (found / "torch").is_dir() else None


def active_engine() -> Path | None:
    """The folder of packages (torch, transformers, trl) that jobs of the standalone app run on."""
    try:
        name = json.loads(current_engine().read_text(encoding="utf-8"))["engine"]
        added = engines() / Path(str(name)).name
    except (OSError, ValueError, KeyError, TypeError):  # none was added, or the file is damaged: `engines` says so
        return built_in_engine()
    return added if (added / "torch").is_dir() else built_in_engine()


def has_engine() -> bool:
    """Whether jobs can run: an engine of the standalone app, or torch in the environment that we are installed in."""
    return active_engine() is not None if bundle() else importlib.util.find_spec("torch") is not None


def borrow(package: str) -> bool:
    """Make one package of the engine importable here, where our own interpreter has it not; False if nobody has it.

    The rest of the engine stays out of this process: torch in the window would cost it seconds and gigabytes.
    """
    engine = active_engine()
    if package in sys.modules or importlib.util.find_spec(package) is not None:
        return True
    spec = importlib.machinery.PathFinder.find_spec(package, [str(engine)]) if engine else None
    if spec is None or spec.loader is None:
        return False
    module = sys.modules[package] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[package]
        raise
    return True


def uv() -> Path | None:
    """The installer of engines that the standalone app carries."""
    root = bundle()
    found = root / "bin" / ("uv.exe" if sys.platform == "win32" else "uv") if root else None
    return found if found and found.is_file() else None


def locks() -> Path:
    """Exact versions and hashes of each engine's packages, one file a kind of device."""
    root = bundle()
    return root / "locks" if root else package().parent / "packaging" / "locks"


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


HIDDEN = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
"""Flags of a process that has no window: on Windows each would open a console otherwise."""


def interpreter() -> str:
    """The Python that runs our processes. On Windows a window is run by pythonw, whose children could say nothing."""
    own = Path(sys.executable)
    beside = own.with_name("python.exe")
    return str(beside) if own.name.lower() == "pythonw.exe" and beside.is_file() else sys.executable


def child_command() -> list[str]:
    """The command line of a job's child process: the same interpreter, no shell, no multiprocessing."""
    return [interpreter(), "-m", "workbench", "--child"]


def script_command(script: Path) -> list[str]:
    """The command line of a Python script that a person has on this computer."""
    return [interpreter(), str(script)]


def rows_command(files: Iterable[Path]) -> list[str]:
    """The command line of the process that decodes tables from anywhere."""
    return [interpreter(), "-m", "workbench", "--rows", *(str(file) for file in files)]


def window_command(project: Path) -> list[str]:
    """The command line of a window on a project."""
    return [interpreter(), "-m", "workbench", "--project", str(project)]


def queue_command(project: Path) -> list[str]:
    """The command line of the process that works through a project's runs without a window."""
    return [interpreter(), "-m", "workbench", "runs", "start", "--project", str(project)]


QT_VARIABLES = ("QT_PLUGIN_PATH", "QT_QPA_PLATFORM_PLUGIN_PATH", "QML_IMPORT_PATH", "QML2_IMPORT_PATH")
"""Where another Qt keeps its plugins, which ours would load and fail with."""


def forget_other_qt() -> None:
    """Take from our own environment what leads to another Qt, where the app brings its own."""
    for name in QT_VARIABLES if bundle() else ():
        os.environ.pop(name, None)


def clean_environment() -> dict[str, str]:
    """Our environment, without what another Python on this computer left in it where the app brings its own."""
    env = dict(os.environ)
    if not bundle():
        return env
    strange = ("PYTHON", "PIP_", "UV_", "CONDA", "VIRTUAL_ENV")
    env = {name: value for name, value in env.items() if not name.upper().startswith(strange)}
    return env | {"PYTHONNOUSERSITE": "1", "PYTHONSAFEPATH": "1"}


def fetching_environment() -> dict[str, str]:
    """The environment of uv. A mirror is the person's own choice, and hashes fix what comes from it; other variables
    that a project left behind must not break this."""
    mirrors = {name: os.environ[name] for name in ("UV_DEFAULT_INDEX", "UV_INDEX") if name in os.environ}
    return clean_environment() | mirrors


WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
"""How OpenMP's threads wait for work. Spinning ones starve each other on a desktop that is never quiet; ones that
sleep at once have to be woken for each of the thousands of small products of a step. So GNU's, those of PyTorch on
Linux, look a thousand times first, some tens of microseconds. On two quiet cores a product of 8 rows was 2 to 4 times
as fast and a PPO iteration 1.15 times; with one core busy elsewhere such products were a fifth slower, with both
faster."""


def child_environment() -> dict[str, str]:
    """The environment of a child.

    TRL reports to its makers whenever a trainer is built, and the hub client does on import, unless told
    not to. OpenMP's threads wait as WAITING says unless the person says otherwise.
    """
    env = clean_environment()
    env.update(
        PYTHONUNBUFFERED="1",
        PYTHONUTF8="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        DO_NOT_TRACK="1",
        TOKENIZERS_PARALLELISM="false",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        TRANSFORMERS_NO_ADVISORY_WARNINGS="1",
    )
    if env.get("OMP_WAIT_POLICY", "PASSIVE").upper() == "PASSIVE":
        env = WAITING | env
    # oneDNN keeps every shape of matrix it has met, 1024 of them, at up to a megabyte each: a run's memory grew for
    # as long as its batches differed. A step needs about 40; with 8 it took 30 % longer.
    env.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    env.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    env["PYTHONPATH"] = os.pathsep.join(_packages(env))
    return env


def _packages(env: dict[str, str]) -> list[str]:
    """Where a child finds packages beyond its interpreter's own."""
    if not bundle():
        return [part for part in (str(package().parent), env.get("PYTHONPATH", "")) if part]
    engine = active_engine()
    # The interpreter of the bundle finds app/ by itself, after these: an engine brings its own numpy.
    return [str(engine)] if engine else []
