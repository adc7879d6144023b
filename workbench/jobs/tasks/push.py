"""Send a folder to the Hugging Face hub. What was sent before a break is not sent again."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import StopRequested, WorkbenchError
from ...events import Event, Finished, Progress, Started, Stopped
from ...methods.base import Data, Job, knob

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

log = logging.getLogger(__name__)

name = "push"
title = "Push"
text = "Sends a folder to the Hugging Face hub."
KEPT = "The folder is kept: push again when that is done."


@dataclass(frozen=True)
class Options:
    """What, and where to."""

    folder: str = knob("", "The folder to send.", path="folder")
    repo: str = knob("", "Where to, as owner/name.")
    private: bool = knob(True, "Whether only the owner sees it.")


def lacks(data: Data) -> str:
    """Sending needs no examples."""
    return ""


def train(job: Job, options: Options) -> Iterator[Event]:
    """Make the repository unless it is there, send the large files one by one, and commit all of them at once."""
    # A child is offline unless it says otherwise, before the client is imported.
    os.environ["HF_HUB_OFFLINE"] = "0"
    from huggingface_hub import HfApi, get_token

    yield Started(1)
    if not get_token():
        raise WorkbenchError("You are not logged in to the Hugging Face hub.", f"Run: hf auth login. {KEPT}")
    try:
        with _told(options.repo):
            api = HfApi()
            yield Progress(0, 0, f"Asking for {options.repo}")
            api.create_repo(options.repo, private=options.private, exist_ok=True)
            _check_hidden(api, options)
            yield from _send(job, api, options)
    except StopRequested:
        yield Stopped()


def _check_hidden(api: HfApi, options: Options) -> None:
    """A repository that was there before may be one that everybody sees."""
    if options.private and not api.repo_info(options.repo).private:
        raise WorkbenchError(
            f"{options.repo} is there already and everybody sees it.", "Choose another name, or push it as public."
        )


def _send(job: Job, api: HfApi, options: Options) -> Iterator[Event]:
    from huggingface_hub import CommitOperationAdd

    folder = Path(options.folder)
    paths = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    files = [CommitOperationAdd(path.relative_to(folder).as_posix(), path) for path in paths]
    total, sent = sum(path.stat().st_size for path in paths), 0
    for file in files:
        job.check()
        yield Progress(sent >> 10, total >> 10, f"Sending {file.path_in_repo}")
        api.preupload_lfs_files(options.repo, [file], free_memory=False)
        sent += file.upload_info.size
    job.check()
    yield Progress(sent >> 10, total >> 10, "Publishing")
    done = api.create_commit(options.repo, _whole(files), commit_message="Add the model")
    log.info("committed as %s", done.oid)
    yield Finished({"repo": options.repo, "url": f"{api.endpoint}/{options.repo}", "files": len(files), "bytes": total})


def _whole(files: list[CommitOperationAdd]) -> list[Any]:
    return list(files)


@contextmanager
def _told(repo: str) -> Iterator[None]:
    """What may go wrong on the way, each in one sentence. The token is in no message: the client keeps it to itself."""
    # The base of all that the HTTP library beneath raises; which library that is changes with the client's version.
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError  # type: ignore[reportPrivateImportUsage]

    try:
        yield
    except HfHubHTTPError as error:
        log.info("the hub refused", exc_info=True)
        raise _refused(repo, error.response.status_code) from error
    except HFValidationError as error:
        raise WorkbenchError(f"The hub takes no such name as {repo}.", "Name it owner/name.") from error
    except (HTTPError, OSError, RuntimeError, ValueError) as error:
        log.info("the hub was not reached", exc_info=True)
        raise WorkbenchError("The Hugging Face hub could not be reached.", f"Check the network. {KEPT}") from error


def _refused(repo: str, status: int) -> WorkbenchError:
    if status == 401:
        return WorkbenchError("The Hugging Face hub does not know your login.", f"Run: hf auth login. {KEPT}")
    if status in (403, 404):
        return WorkbenchError(
            f"You may not write to {repo}.", f"Choose a name of your own, or a token that may write. {KEPT}"
        )
    return WorkbenchError(f"The Hugging Face hub refused (status {status}).", f"Try again later. {KEPT}")
