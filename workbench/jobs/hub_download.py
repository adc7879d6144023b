"""Download a model from the hub as an iterator of events: it can be stopped at any byte and gone on with.

Each file goes on from the byte where it broke off and is compared with its published hash before it counts as there.
A connection that breaks is taken up again a few times; then the work ends in a sentence, with everything kept.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, Progress, Stopped, Transferred
from ..lm.folders import sync, sync_entries, sync_file
from . import hub
from .hub_partial import LOCK, Origin, Partial, begin, check_room, is_whole, place_of
from .hub_repository import RemoteFile

log = logging.getLogger(__name__)

WAITS = [1.0, 2.0, 4.0, 8.0]
"""Seconds before each new try while nothing arrives; the count begins anew with every byte."""
LONGEST_WAIT = 60.0
EVERY = 0.1
"""Seconds between events."""
SPAN = 5.0
"""Seconds over which the speed is measured."""
BLOCK = 1 << 20

Stop = Callable[[], bool]


def download(hub_id: str, *, file: str = "", revision: str = "", stop: Stop = lambda: False) -> Iterator[Event]:
    """Download a model, or go on with it. Ends with Finished or Stopped; raises WorkbenchError."""
    yield Progress(0, 0, f"Asking {hub.endpoint().name}")
    yield from fetch(begin(hub_id, file, revision), stop)


def fetch(partial: Partial, stop: Stop = lambda: False) -> Iterator[Event]:
    """Go on with a download that was begun, until it is whole or `stop` says to end.

    Ends with Finished({"path", "hub_id", "name"}) or Stopped; raises WorkbenchError, and then what is here is kept.
    """
    place = place_of(partial.origin)
    if is_whole(place, partial.origin):
        partial.discard()
        yield _finished(place, partial.origin)
        return
    try:
        with partial.locked():
            yield from _Fetching(partial, stop).run()
            _settle(partial, place)
    except StopRequested:
        yield Stopped(0, {"done": partial.done, "total": partial.origin.size})
        return
    except OSError as error:
        raise _disk_error(error, partial.origin) from error
    yield _finished(place, partial.origin)


def _finished(place: Path, origin: Origin) -> Finished:
    path = place / origin.file if origin.file else place
    return Finished({"path": str(path), "hub_id": origin.hub_id, "name": origin.name})


def _settle(partial: Partial, place: Path) -> None:
    """Give the folder its final name. Everything in it reaches the disk before."""
    sync(partial.folder)
    (partial.folder / LOCK).unlink(missing_ok=True)
    partial.folder.rename(place)
    sync_entries(place.parent)


def _disk_error(error: OSError, origin: Origin) -> WorkbenchError:
    log.info("the download could not be written", exc_info=True)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkbenchError(
            f"The disk is full, so {origin.name} is not whole.", "Free some space and go on: what is here is kept."
        )
    why = error.strerror or str(error)
    return WorkbenchError(f"{origin.name} cannot be written: {why}.", "Mend that and go on: what is here is kept.")


class Pace:
    """How fast bytes have come over the last seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def saw(self, done: int) -> None:
        """So many bytes are here now."""
        now = self._clock()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > SPAN:
            self._seen.popleft()

    def speed(self) -> float:
        """Bytes a second; 0 while nobody can say."""
        if len(self._seen) < 2:
            return 0.0
        (first, begun), (last, done) = self._seen[0], self._seen[-1]
        return max(0, done - begun) / (last - first) if last > first else 0.0


class _Growing:
    """A file that is being fetched, open for appending, with the hash of what it holds."""

    def __init__(self, file: RemoteFile, out: BinaryIO) -> None:
        self.file, self.digest, self._out = file, file.hasher(), out
        self.size = out.tell()

    def write(self, block: bytes) -> None:
        """Append; the system has it when this returns, so that a process that is killed loses nothing of it."""
        self._out.write(block)
        self._out.flush()
        self.digest.update(block)
        self.size += len(block)

    def restart(self) -> None:
        """Begin with nothing."""
        self._out.truncate(0)
        self._out.seek(0)
        self.digest, self.size = self.file.hasher(), 0

    def matches(self) -> bool:
        """Whether this is what was published."""
        return self.size == self.file.size and self.digest.hexdigest() == self.file.digest


def _goes_on(response: Any, begin_at: int) -> bool:
    """Whether the server sends the rest and not the whole file again."""
    return response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {begin_at}-")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)


class _Fetching:
    """One download at work. `done` counts bytes that are on the disk, of all files."""

    def __init__(self, partial: Partial, stop: Stop) -> None:
        self.partial, self.origin, self.stop = partial, partial.origin, stop
        self.at = hub.endpoint()
        self.pace = Pace()
        self.done = partial.done
        self._told = 0.0

    def run(self) -> Iterator[Event]:
        """Every file that is not here yet."""
        yield from self._adopt()
        check_room(self.origin, self.origin.size - self.done)
        for file in self.origin.files:
            if not (self.partial.folder / file.path).is_file():
                yield from self._file(file)
        yield self._state("Checked")

    def _adopt(self) -> Iterator[Event]:
        """Take over files of an earlier version's download that have the right hashes."""
        old = self.partial.folder.with_name(self.origin.folder_name)
        if not old.is_dir() or (old / ".origin").exists():
            return
        for file in self.origin.files:
            source, target = old / file.path, self.partial.folder / file.path
            if target.exists() or not source.is_file() or source.stat().st_size != file.size:
                continue
            digest = file.hasher()
            yield from self._feed(digest, source)
            if digest.hexdigest() == file.digest:
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(source, target)
        self.done = self.partial.done

    def _file(self, file: RemoteFile) -> Iterator[Event]:
        path = self.partial.incomplete(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as out:
            growing = _Growing(file, out)
            if growing.size > file.size:
                self._restart(growing)
            if growing.size:
                yield from self._feed(growing.digest, path)
            yield from self._bytes(growing)
        if not growing.matches():
            path.unlink()
            raise self._mismatch(file)
        sync_file(path)
        path.rename(self.partial.folder / file.path)

    def _feed(self, digest: Any, path: Path) -> Iterator[Event]:
        """Read again what is here, so that the hash goes on from it."""
        with path.open("rb") as there:
            while block := there.read(BLOCK):
                digest.update(block)
                self._check_stop()
                yield from self._tell("Checking what is here")

    def _bytes(self, growing: _Growing) -> Iterator[Event]:
        """The rest of a file, taken up again where the connection breaks."""
        tries = 0
        while growing.size < growing.file.size:
            before = growing.size
            try:
                yield from self._stream(growing)
                if growing.size == before:
                    raise hub.HubProblem(f"{self.at.name} sent nothing.", hub.LOCAL_HINT, passing=True)
            except hub.HubProblem as problem:
                tries = 0 if growing.size > before else tries
                if not problem.passing or tries >= len(WAITS):
                    raise self._broken(problem) from problem
                yield self._state("Waiting for the hub")
                self._wait(max(WAITS[tries], min(problem.wait, LONGEST_WAIT)))
                tries += 1

    def _stream(self, growing: _Growing) -> Iterator[Event]:
        file, begin_at = growing.file, growing.size
        url = hub.file_url(self.at, self.origin.hub_id, self.origin.commit, file.path)
        with hub.reading(url, self.at, begin_at, self.origin.hub_id) as response:
            if begin_at and not _goes_on(response, begin_at):
                self._restart(growing)
                if response.status_code == 416:
                    return
            for block in response.iter_raw():
                if growing.size + len(block) > file.size:
                    self._restart(growing)
                    raise self._mismatch(file)
                growing.write(block)
                self.done += len(block)
                self._check_stop()
                yield from self._tell(f"Downloading {file.path}")

    def _restart(self, growing: _Growing) -> None:
        self.done -= growing.size
        growing.restart()

    def _mismatch(self, file: RemoteFile) -> WorkbenchError:
        return WorkbenchError(
            f"{file.path} of {self.origin.name} did not match its published hash and was thrown away.",
            "Go on to fetch it again; the files that matched are kept.",
        )

    def _broken(self, problem: hub.HubProblem) -> WorkbenchError:
        done, total = hub.bytes_text(self.done), hub.bytes_text(self.origin.size)
        if not problem.passing:
            return problem
        text = f"{problem.text} {self.origin.name} is at {done} of {total}."
        return WorkbenchError(text, "What was downloaded is kept. Resume when the network is back.")

    # -- telling

    def _check_stop(self) -> None:
        if self.stop():
            raise StopRequested

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._check_stop()
            time.sleep(min(0.05, seconds))

    def _tell(self, text: str) -> Iterator[Event]:
        now = time.monotonic()
        if now - self._told >= EVERY:
            self._told = now
            yield self._state(text)

    def _state(self, text: str) -> Transferred:
        self.pace.saw(self.done)
        speed = self.pace.speed()
        left = (self.origin.size - self.done) / speed if speed else None
        return Transferred(self.done, self.origin.size, text, speed, left)
