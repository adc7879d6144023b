"""Add an engine to the standalone app: the bundled uv puts it, from a lock with hashes, into a folder whole or absent.

Everything happens in `engines.new/`, beside the engines: packages are fetched and checked against their hashes, put
into place, compiled, and tried in a process as jobs are. Only then the folder is renamed into `engines/`, and only
after that it is the one in use. What was fetched stays for the next try when the network fails or a person stops it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .. import paths
from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, Progress, Stopped, Transferred
from ..lm.folders import sync_entries
from ..store.owners import held
from ..store.rows import now
from . import compute
from .compute import ABOUT, Variant
from .compute_trying import Stop, end, probe, stoppable
from .hub import bytes_text
from .hub_download import Pace

log = logging.getLogger(__name__)

LOOK = 0.25
"""Seconds between two looks at how far it has come."""
RETRIES = "3"
"""How often uv asks a server that does not answer."""
SPARE = 512 << 20
"""Bytes that stay free on the disk."""


def workplace() -> Path:
    """Where engines are put together: on the same disk as engines/, and never inside it."""
    return paths.engines().with_name("engines.new")


def add(name: str, wheels: Path | None = None, stop: Stop = lambda: False) -> Iterator[Event]:
    """Add an engine and use it. Ends with Finished({"engine", "device", "seconds"}) or Stopped; raises WorkbenchError.

    wheels: a folder of wheel files that is used instead of the network.
    """
    uv, chosen = _uv(), compute.variant(name)
    if wheels is not None and not wheels.is_dir():
        raise WorkbenchError(f"There is no folder {wheels}.", "Name the folder that holds the wheel files.")
    begun = time.monotonic()
    if any(engine.name == chosen.engine_name for engine in compute.engines()):
        engine = compute.use(chosen.engine_name)
        yield Finished({"engine": engine.name, "device": engine.device, "seconds": 0.0})
        return
    try:
        with _alone():
            yield from _put_together(chosen, uv, wheels, stop)
    except StopRequested:
        yield Stopped(0)
        return
    except OSError as error:
        raise _disk_error(chosen, error) from error
    engine = compute.use(chosen.engine_name)
    yield Finished({"engine": engine.name, "device": engine.device, "seconds": round(time.monotonic() - begun, 1)})


def _uv() -> Path:
    found = paths.uv()
    if found is None:
        raise WorkbenchError(
            "Engines are added to the standalone app only.",
            "Here pip installed PyTorch; install the one for your device: https://pytorch.org/get-started.",
        )
    return found


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Only this process puts an engine together. Raises WorkbenchError while another does."""
    place = workplace()
    place.mkdir(parents=True, exist_ok=True)
    busy = WorkbenchError("An engine is being added already.", "Wait for it, or stop it in the other window.")
    with held(place / "owner.json", busy):
        yield


def _put_together(chosen: Variant, uv: Path, wheels: Path | None, stop: Stop) -> Iterator[Event]:
    _check_room(chosen)
    staging, cache = workplace() / chosen.engine_name, workplace() / "fetched"
    shutil.rmtree(staging, ignore_errors=True)
    _clear(cache)  # of an app that was killed
    keep = False
    try:
        try:
            yield from _install(chosen, uv, wheels, staging, cache, stop)
            yield Progress(0, 0, "Compiling")
            _compile(staging, stop)
            yield Progress(0, 0, "Trying it")
            tried = probe(staging, stop)
            tried.pop("ready", None)
        except (StopRequested, _NoNetwork):
            keep = True
            raise
        about = {"variant": chosen.name, "installed": now(), "bytes": _size(staging)} | tried
        (staging / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
        _settle(staging, paths.engines() / chosen.engine_name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        (workplace() / "uv.log").unlink(missing_ok=True)  # what mattered in it is in the log
        if keep:
            _clear(cache)
        else:
            shutil.rmtree(cache, ignore_errors=True)


def _clear(cache: Path) -> None:
    """Delete what uv was in the middle of when it was ended: it begins such a package anew, in another folder."""
    for left in cache.glob(".tmp*"):
        shutil.rmtree(left, ignore_errors=True)


def _settle(staging: Path, target: Path) -> None:
    """Rename when everything has reached the disk; asking for each of its 15,000 files would take a minute."""
    if hasattr(os, "sync"):
        os.sync()
    target.parent.mkdir(parents=True, exist_ok=True)
    staging.rename(target)
    sync_entries(target.parent)


def _check_room(chosen: Variant) -> None:
    needed, free = chosen.installed_bytes, shutil.disk_usage(workplace()).free
    if needed and needed + SPARE > free:
        raise WorkbenchError(
            f"The engine needs {bytes_text(needed)}, and the disk has {bytes_text(free)} free.",
            f"Free some space and try again. {_stays()}",
        )


def _stays() -> str:
    """What a person wants to know first when an engine could not be added."""
    return "The engine before it stays in use." if compute.active() else "Nothing else has changed."


def _install(chosen: Variant, uv: Path, wheels: Path | None, staging: Path, cache: Path, stop: Stop) -> Iterator[Event]:
    """Have uv fetch, check and unpack. Raises WorkbenchError in the words that fit what uv said."""
    command = [str(uv), "pip", "install", "--target", str(staging), "--python", paths.interpreter(), "--no-config"]
    command += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(chosen.lock)]
    # A lock can name PyTorch's index, which has other packages too: the hash, not the index, says which file is meant.
    command += ["--cache-dir", str(cache), "--index-strategy", "unsafe-best-match"]
    command += ["--no-index", "--find-links", str(wheels), "--offline"] if wheels else []
    log.info("installing an engine: %s", command)
    said = workplace() / "uv.log"
    env = paths.fetching_environment() | {"UV_HTTP_RETRIES": RETRIES}
    with said.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            creationflags=paths.HIDDEN,
        )
        try:
            yield from _watch(process, chosen, cache, staging, stop)
        finally:
            if process.poll() is None:
                end(process)
    if process.returncode:
        words = said.read_text(encoding="utf-8", errors="replace")
        log.error("uv failed: %s", words[-8000:])
        raise _why(chosen, words, cache)


def _watch(
    process: subprocess.Popen[bytes], chosen: Variant, cache: Path, staging: Path, stop: Stop
) -> Iterator[Event]:
    pace, total = Pace(), chosen.installed_bytes
    looked = 0.0
    while process.poll() is None:
        if stop():
            raise StopRequested
        if time.monotonic() - looked > 1:  # a walk over many files
            # What uv has unpacked into its cache is linked into place: it counts once.
            done = max(_size(cache), _size(staging))
            pace.saw(done)
            looked = time.monotonic()
            speed = pace.speed()
            left = (total - done) / speed if speed and total > done else None
            yield Transferred(min(done, total) if total else done, total, "Fetching", speed, left)
        time.sleep(LOOK)


class _NoNetwork(WorkbenchError):
    """What was fetched is kept for the next try."""


def _why(chosen: Variant, said: str, cache: Path) -> WorkbenchError:
    """What uv said, as a sentence that says what to do."""
    stays = _stays()
    if found := re.search(r"Hash mismatch for `([^`]+)`", said):
        return WorkbenchError(
            f"{found[1]} is not the file that was published: its hash is another.",
            f"Get the wheel again from where it was published. {stays}",
        )
    if "No space left on device" in said or "os error 28" in said or "os error 112" in said:
        return WorkbenchError("The disk is full.", f"Free some space and try again. {stays}")
    if re.search(r"Disk quota exceeded|os error 122", said):
        return WorkbenchError("Your share of the disk is full.", f"Free some space and try again. {stays}")
    network = r"Failed to (fetch|download)|error sending request|dns error|Connection refused|timed? ?out|offline"
    if re.search(network, said, re.IGNORECASE) and "No solution found" not in said:
        return _NoNetwork(
            "The packages could not be fetched: the network is away.",
            f"Try again when it is back, and it goes on with what is here; or use a folder of wheels. {stays}",
        )
    if found := re.search(r"[Bb]ecause (\S+) was not found|there (?:is|are) no (?:version|wheels)[^.]*?of (\S+)", said):
        return WorkbenchError(f"{found[1] or found[2]} is missing.", f"Put its wheel into the folder. {stays}")
    lines = [line for line in said.strip().splitlines() if line.strip()]
    last = re.sub(r"^\W+", "", lines[-1])[:300] if lines else "it did not say why"
    return WorkbenchError(f"{chosen.title} could not be installed: {last}.", f"The log has the details. {stays}")


def _disk_error(chosen: Variant, error: OSError) -> WorkbenchError:
    log.error("the engine could not be written", exc_info=True)
    if error.errno in (28, 122):
        return WorkbenchError("The disk is full.", f"Free some space and try again. {_stays()}")
    return WorkbenchError(
        f"{chosen.title} could not be written: {error.strerror}.", f"Mend that and try again. {_stays()}"
    )


def _compile(folder: Path, stop: Stop) -> None:
    """Bytecode beside every module: without it a job starts in 8 seconds instead of 3. Unchecked, so that a copy with
    other times stays valid; nothing in an engine is ever changed in place."""
    how = ["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    command, env = [paths.interpreter(), *how, str(folder)], paths.clean_environment()
    done = stoppable(command, env, stop)
    if done.returncode:  # some packages ship files for other Pythons, which do not compile; nothing imports them
        log.info("not everything was compiled: %s", done.stdout[-2000:])


def _size(folder: Path) -> int:
    """Bytes of all files, each once, however many names it has. What vanishes meanwhile is not counted."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                found = os.lstat(os.path.join(root, name))
                if (key := (found.st_dev, found.st_ino)) not in seen:
                    seen.add(key)
                    total += found.st_size
    return total
