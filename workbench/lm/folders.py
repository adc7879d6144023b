"""Folders that are whole or absent: written beside their place, synced to the disk, then renamed. No torch."""

from __future__ import annotations

import errno
import glob
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from safetensors import SafetensorError

from ..errors import WorkbenchError

log = logging.getLogger(__name__)

NEW, OLD = ".tmp-", ".old-"


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` when everything was written and has reached the disk.

    A folder that is there already is set aside and goes only when the new one stands in its place. Raises
    WorkbenchError when the disk does not take it; what was there before is there then.
    """
    temporary = target.with_name(f"{NEW}{target.name}-{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        sync(temporary)
        _put(temporary, target)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise not_saved(target, error) from error
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """The path of a file in a temporary folder; it becomes `target` when it was written and has reached the disk.

    What else is put into that folder goes with it. Raises WorkbenchError when the disk does not take it.
    """
    temporary = target.with_name(f"{NEW}{target.name}-{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary / target.name
        sync_file(temporary / target.name)
        (temporary / target.name).rename(target)
        sync_entries(target.parent)
    except OSError as error:
        raise not_saved(target, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def not_saved(target: Path, error: Exception) -> WorkbenchError:
    """What to say when the disk does not take it."""
    denied = isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    hint = "Choose a folder that you may write to." if denied else "Free some space and try again."
    return WorkbenchError(f"Saving to {target} failed: {reason(error)}.", hint)


def clear_left(target: Path) -> None:
    """Remove what processes that died while they wrote `target` left beside it."""
    start = f"{NEW}{target.name}-"
    for left in target.parent.glob(f"{glob.escape(start)}*"):
        process = left.name.removeprefix(start)
        if process.isdigit() and not psutil.pid_exists(int(process)):
            log.info("%s was left by a process that is gone", left)
            shutil.rmtree(left, ignore_errors=True)


def _put(new: Path, target: Path) -> None:
    """Rename; no system has one call that replaces a folder, so a kill between the two leaves the work to settle()."""
    old = target.with_name(OLD + target.name)
    if old.exists():
        _restore(old)
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    sync_entries(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _restore(old: Path) -> None:
    """Put back a folder that was set aside by a process that died before the new one stood in its place."""
    target = old.with_name(old.name.removeprefix(OLD))
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
    else:
        log.warning("%s is put back: replacing it was cut off", target)
        old.rename(target)


def free_place(parent: Path, name: str, step: int) -> Path:
    """Where a run saves what it made: `name`, or a name with the step if an earlier part of the run has saved there."""
    places = [parent / name, parent / f"{name}-{step:06d}"]
    number = 2
    while places[0].exists():
        places = [*places[1:], parent / f"{name}-{step:06d}-{number}"]
        number += 1
    return places[0]


def settle(parent: Path) -> None:
    """Clear up after processes that died while they wrote here: nothing half-written stays, nothing whole is lost."""
    for old in parent.glob(f"{OLD}*"):
        _restore(old)
    for left in parent.glob(f"{NEW}*"):
        process = left.name.rsplit("-", 1)[-1]
        # Our own number: a machine that starts anew, or a container, gives the same numbers again.
        if not process.isdigit() or int(process) == os.getpid() or not psutil.pid_exists(int(process)):
            shutil.rmtree(left, ignore_errors=True)


def sync(folder: Path) -> None:
    """Have everything in a folder reach the disk."""
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            sync_entries(path)
        else:
            sync_file(path)


def sync_file(path: Path) -> None:
    """Have a file's content reach the disk."""
    with path.open("r+b") as handle:  # Windows syncs only what is open for writing
        os.fsync(handle.fileno())


def sync_entries(folder: Path) -> None:
    """Have the names in a folder reach the disk: without this a rename may be undone by a power cut."""
    if os.name == "nt":  # folders cannot be opened there; NTFS keeps its own journal of names
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reason(error: Exception) -> str:
    """Why the disk did not take it, in a few words."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error).split(": ")[-1].split(" (os error")[0]
