"""Downloads from a hub on this machine that breaks, lies, refuses and goes away."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from workbench import paths
from workbench.errors import WorkbenchError
from workbench.events import Finished, Stopped, Transferred
from workbench.jobs import adding, hub_download, hub_partial
from workbench.jobs.hub_download import Pace, download, fetch
from workbench.store import Store

from . import hub_worlds
from .hub_server import Hub
from .hub_worlds import NAME, model_files

MODEL = "model.safetensors"
OTHER_COMMIT = "b" * 40


@pytest.fixture
def hub(tmp_path, monkeypatch):
    served = Hub()
    hub_worlds.use(served, tmp_path / "home", monkeypatch)
    monkeypatch.setattr(hub_download, "WAITS", [0.01, 0.01])
    monkeypatch.setattr(hub_download, "EVERY", 0.0)
    yield served
    served.close()


@pytest.fixture
def files(hub):
    files = model_files()
    hub.add(NAME, files, facts=hub_worlds.facts())
    return files


def ended(events) -> Finished | Stopped:
    *_, last = events
    return last


def until(events, amount):
    """Take events until so many bytes are here; the iterator stays open."""
    for event in events:
        if isinstance(event, Transferred) and event.done >= amount:
            return event
    raise AssertionError("it ended before")


def stopping_after(amount):
    """A stop that comes once so many bytes of the model are on the disk."""
    return lambda: any(partial.done >= amount for partial in hub_partial.partials())


def check_whole(path: Path, files: dict[str, bytes]) -> None:
    wanted = {"config.json", "tokenizer.json", "README.md", MODEL}
    assert {each.name for each in path.iterdir()} == wanted | {".origin"}
    for name in wanted:
        assert hashlib.sha256((path / name).read_bytes()).digest() == hashlib.sha256(files[name]).digest()
    assert hub_partial.partials() == []


def test_a_model_is_whole_under_its_name_and_never_before(hub, files):
    place = paths.shared_models() / "potter--tiny-llama"
    events = download(NAME)
    until(events, 1)
    assert not place.exists()
    end = ended(events)
    assert end.summary == {"path": str(place), "hub_id": NAME, "name": "tiny-llama"}
    check_whole(place, files)
    assert {file for file, _ in hub.asked} == {"config.json", "tokenizer.json", "README.md", MODEL}


def test_events_say_bytes_speed_and_time_left(hub, files):
    told = [event for event in download(NAME) if isinstance(event, Transferred)]
    total = sum(len(files[name]) for name in ("config.json", "tokenizer.json", "README.md", MODEL))
    assert told[-1].done == told[-1].total == total
    assert [event.done for event in told] == sorted(event.done for event in told)
    assert any(event.speed > 0 and event.seconds_left is not None for event in told)


def test_pace_is_measured_over_the_last_seconds():
    times = iter([0.0, 1.0, 2.0, 20.0, 21.0])
    pace = Pace(lambda: next(times))
    assert pace.speed() == 0
    for done in (0, 100, 200, 5000, 5500):
        pace.saw(done)
    assert pace.speed() == 500


def test_a_pause_resumes_from_the_byte_where_it_was(hub, files):
    hub.pause = 0.001
    end = ended(download(NAME, stop=stopping_after(60_000)))
    assert isinstance(end, Stopped)
    (partial,) = hub_partial.partials()
    there = (partial.folder / f"{MODEL}.incomplete").stat().st_size
    assert 0 < there < len(files[MODEL]) and partial.done == end.summary["done"]
    hub.pause, hub.sent = 0.0, {}
    ended(fetch(partial))
    assert hub.asked[-1] == (MODEL, there)
    assert hub.sent == {MODEL: len(files[MODEL]) - there}
    check_whole(paths.shared_models() / "potter--tiny-llama", files)


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub, files):
    hub.break_after[MODEL] = [50_000, 70_000]
    ended(download(NAME))
    assert [first for file, first in hub.asked if file == MODEL] == [0, 50_000, 120_000]
    assert hub.sent[MODEL] == len(files[MODEL])
    check_whole(paths.shared_models() / "potter--tiny-llama", files)


def test_the_network_pulled_away_in_mid_download_loses_nothing_and_says_what_to_do(hub, files):
    hub.pause = 0.001
    events = download(NAME)
    until(events, 60_000)
    hub.take_away()
    with pytest.raises(WorkbenchError) as told:
        ended(events)
    assert "cannot be reached. tiny-llama is at " in told.value.text and told.value.text.endswith("of 200 kB.")
    assert told.value.hint == "What was downloaded is kept. Resume when the network is back."
    (partial,) = hub_partial.partials()
    there = (partial.folder / f"{MODEL}.incomplete").stat().st_size
    assert there >= 50_000
    with pytest.raises(WorkbenchError, match="cannot be reached"):  # still gone: nothing is lost by trying
        ended(fetch(partial))
    hub.pause, hub.sent = 0.0, {}
    hub.start()
    ended(download(NAME))
    assert hub.sent == {MODEL: len(files[MODEL]) - there}
    check_whole(paths.shared_models() / "potter--tiny-llama", files)


def test_a_process_that_is_killed_goes_on(hub, files):
    hub.pause = 0.002
    code = f"from workbench.jobs.hub_download import download\nfor event in download({NAME!r}): pass"
    child = subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ))
    deadline = time.monotonic() + 60
    while not any(partial.done > 60_000 for partial in hub_partial.partials()):
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    child.wait()
    (partial,) = hub_partial.partials()
    assert (partial.folder / ".lock").exists()
    there = (partial.folder / f"{MODEL}.incomplete").stat().st_size
    hub.pause = 0.0
    ended(download(NAME))
    assert hub.asked[-1] == (MODEL, there)
    check_whole(paths.shared_models() / "potter--tiny-llama", files)


@pytest.mark.parametrize("name", [MODEL, "config.json"])  # a published sha256, and git's own hash
def test_bytes_that_do_not_match_their_hash_are_thrown_away(hub, files, name):
    hub.wrong = {name}
    with pytest.raises(WorkbenchError, match="did not match its published hash and was thrown away"):
        ended(download(NAME))
    (partial,) = hub_partial.partials()
    assert not (partial.folder / name).exists() and not (partial.folder / f"{name}.incomplete").exists()
    assert not (paths.shared_models() / "potter--tiny-llama").exists()
    hub.wrong = set()
    ended(fetch(partial))
    check_whole(paths.shared_models() / "potter--tiny-llama", files)


def test_a_partial_file_that_was_damaged_on_the_disk_is_noticed(hub, files):
    hub.pause = 0.001
    ended(download(NAME, stop=stopping_after(60_000)))
    (partial,) = hub_partial.partials()
    broken = partial.folder / f"{MODEL}.incomplete"
    broken.write_bytes(bytes(broken.stat().st_size))
    hub.pause = 0.0
    with pytest.raises(WorkbenchError, match="did not match"):
        ended(fetch(partial))
    ended(fetch(partial))
    check_whole(paths.shared_models() / "potter--tiny-llama", files)


def test_a_server_without_ranges_sends_it_all_again(hub, files):
    hub.ranges = False
    hub.break_after[MODEL] = [50_000]
    ended(download(NAME))
    assert [first for file, first in hub.asked if file == MODEL] == [0, 0]
    check_whole(paths.shared_models() / "potter--tiny-llama", files)


def test_a_resumed_download_never_mixes_two_revisions(hub, files):
    hub.pause = 0.001
    ended(download(NAME, stop=stopping_after(60_000)))
    hub.repos[NAME].commits[OTHER_COMMIT] = model_files(seed=5)
    hub.pause = 0.0
    end = ended(download(NAME))
    check_whole(Path(end.summary["path"]), files)
    newer = ended(download(NAME))
    assert newer.summary["path"].endswith(f"potter--tiny-llama@{OTHER_COMMIT[:12]}")
    check_whole(Path(newer.summary["path"]), model_files(seed=5))
    check_whole(Path(end.summary["path"]), files)


def test_an_older_revision_can_be_asked_for(hub, files):
    hub.repos[NAME].commits[OTHER_COMMIT] = model_files(seed=5)
    end = ended(download(NAME, revision="a" * 40))
    check_whole(Path(end.summary["path"]), files)
    with pytest.raises(WorkbenchError, match="no such revision"):
        ended(download(NAME, revision="v9"))


def test_what_is_here_is_not_fetched_again(hub, files):
    first = ended(download(NAME))
    hub.asked.clear()
    assert ended(download(NAME)) == first
    assert hub.asked == []


def test_a_folder_of_an_earlier_version_is_taken_over_where_its_hashes_match(hub, files):
    old = paths.shared_models() / "potter--tiny-llama"
    old.mkdir(parents=True)
    for name in ("config.json", MODEL):
        (old / name).write_bytes(files[name])
    end = ended(download(NAME))
    assert MODEL not in {file for file, _ in hub.asked}
    check_whole(Path(end.summary["path"]), files)


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (500, {}, "has a fault of its own (500)"),
        (429, {"Retry-After": "0"}, "asks to wait: too many requests"),
        (403, {}, "does not let you read potter/tiny-llama"),
        (404, {}, "has no public model called potter/tiny-llama"),
        (401, {}, "has no public model called potter/tiny-llama"),
        (401, {"X-Error-Message": "Invalid credentials in Authorization header"}, "does not accept the token"),
    ],
)
def test_a_refusal_is_one_sentence(hub, files, status, headers, words):
    hub.statuses, hub.headers = [status], headers
    with pytest.raises(WorkbenchError) as told:
        ended(download(NAME))
    assert words in told.value.text and told.value.hint
    assert hub_partial.partials() == []


def test_a_passing_refusal_in_mid_download_is_waited_out(hub, files):
    events = download(NAME)
    next(event for event in events if isinstance(event, Transferred))
    hub.statuses = [503, 429]
    ended(events)
    check_whole(paths.shared_models() / "potter--tiny-llama", files)


def test_a_gated_model_says_what_to_do_and_opens_with_a_token(hub, files, monkeypatch):
    hub.repos[NAME].gated, hub.token = True, "hf_letter"
    with pytest.raises(WorkbenchError) as told:
        ended(download(NAME))
    assert told.value.text == f"{NAME} is gated: its makers ask you to accept their terms first."
    assert told.value.hint == f"Accept them on {hub.url}/{NAME} and sign in: hf auth login."
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(WorkbenchError, match="your account has not been given access"):
        ended(download(NAME))
    monkeypatch.setenv("HF_TOKEN", "hf_letter")
    ended(download(NAME))
    check_whole(paths.shared_models() / "potter--tiny-llama", files)


Usage = namedtuple("Usage", "total used free")


def test_a_disk_without_room_is_said_before_anything_is_fetched(hub, files, monkeypatch):
    monkeypatch.setattr(hub_partial.shutil, "disk_usage", lambda place: Usage(10**9, 10**9, 1000))
    with pytest.raises(WorkbenchError, match="tiny-llama needs 200 kB more, and the disk has 1 kB free"):
        ended(download(NAME))
    assert hub.asked == [] and hub_partial.partials() == []


def test_a_disk_that_fills_up_keeps_what_is_there(hub, files, small_disk, monkeypatch):
    """On a real disk of 2 MiB that something else fills in the meantime."""
    hub.repos[NAME].commits = {"a" * 40: model_files(1_500_000)}
    monkeypatch.setattr(paths, "shared_models", lambda: small_disk)
    monkeypatch.setattr(hub_partial, "SPARE", 0)
    events = download(NAME)
    until(events, 100_000)
    (small_disk / "other").write_bytes(bytes(1_000_000))
    with pytest.raises(WorkbenchError, match="The disk is full"):
        ended(events)
    (partial,) = hub_partial.partials()
    assert partial.done > 100_000
    (small_disk / "other").unlink()
    end = ended(fetch(partial))
    check_whole(Path(end.summary["path"]), model_files(1_500_000))


ODD = ["../evil.json", "/etc/evil.json", "a/../../evil.json", "C:\\evil.json", "a\\..\\evil.json", "", "x\0.json", 7]


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_leads_out_of_the_folder_is_refused(hub, files, name, tmp_path):
    hub.repos[NAME].siblings = [{"rfilename": name, "size": 3, "blobId": "c" * 40}]
    with pytest.raises(WorkbenchError, match="lists a file under a name that is not written here"):
        ended(download(NAME))
    assert not list(tmp_path.rglob("*evil*")) and hub_partial.partials() == []


@pytest.mark.parametrize("size", [-1, 1 << 60, "12", None, True, 1.5])
def test_a_size_that_cannot_be_is_refused(hub, files, size):
    listed = {"rfilename": MODEL, "lfs": {"sha256": "c" * 64, "size": size}}
    hub.repos[NAME].siblings = [listed]
    with pytest.raises(WorkbenchError, match="a size that cannot be"):
        ended(download(NAME))


def test_more_bytes_than_were_announced_are_not_kept(hub, files):
    told = {"sha256": hashlib.sha256(b"x").hexdigest(), "size": 1000}
    hub.repos[NAME].siblings = [{"rfilename": MODEL, "lfs": told}]
    with pytest.raises(WorkbenchError, match="did not match"):
        ended(download(NAME))
    (partial,) = hub_partial.partials()
    assert partial.done == 0


def test_a_manifest_that_was_tampered_with_is_not_gone_on_with(hub, files):
    hub.pause = 0.001
    ended(download(NAME, stop=stopping_after(60_000)))
    (partial,) = hub_partial.partials()
    origin = json.loads((partial.folder / ".origin").read_text())
    origin["files"][0]["path"] = "../evil"
    (partial.folder / ".origin").write_text(json.dumps(origin))
    assert hub_partial.partials() == []


def test_two_at_once_do_not_write_one_file(hub, files):
    events = download(NAME)
    until(events, 1)
    (partial,) = hub_partial.partials()
    with pytest.raises(WorkbenchError, match="being downloaded already"):
        ended(fetch(partial))
    with pytest.raises(WorkbenchError, match="being downloaded already"):
        partial.discard()
    events.close()
    partial.discard()
    assert hub_partial.partials() == [] and list(paths.shared_models().iterdir()) == []


def test_one_gguf_file_of_several_is_chosen(hub):
    ggufs = {"Q4/tiny-Q4_K_M.gguf": b"GGUF" + bytes(5000), "tiny-Q8_0.gguf": b"GGUF" + bytes(9000), "README.md": b"x"}
    hub.add("potter/tiny-gguf", ggufs)
    with pytest.raises(WorkbenchError, match="several GGUF files") as told:
        ended(download("potter/tiny-gguf"))
    assert told.value.hint == "Name one of its GGUF files: Q4/tiny-Q4_K_M.gguf, tiny-Q8_0.gguf."
    end = ended(download("potter/tiny-gguf", file="tiny-Q4_K_M.gguf"))
    assert Path(end.summary["path"]).read_bytes() == ggufs["Q4/tiny-Q4_K_M.gguf"]
    assert end.summary["name"] == "tiny-Q4_K_M"
    assert {file for file, _ in hub.asked} == {"Q4/tiny-Q4_K_M.gguf"}


def test_only_pickled_weights_are_refused_before_anything_is_fetched(hub):
    hub.add("potter/old", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    with pytest.raises(WorkbenchError, match="has only pickled weights, which can run code"):
        ended(download("potter/old"))
    assert hub.asked == []


def test_a_second_layout_of_the_weights_is_left_out(hub, files):
    parts = {f"model-0000{part}-of-00002.safetensors": b"x" * part for part in (1, 2)}
    index = {"config.json": b"{}", "model.safetensors.index.json": b"{}"}
    hub.add("potter/two", index | {"consolidated.safetensors": b"y"} | parts)
    chosen = hub_partial.look("potter/two").files
    assert {file.path for file in chosen} == {*index, *parts}


def test_a_downloaded_model_is_in_the_project_with_its_revision(hub, files, tmp_path, llama_folder):
    hub.add(NAME, {path.name: path.read_bytes() for path in llama_folder.iterdir()}, facts=hub_worlds.facts())
    store = Store.open(tmp_path / "project")
    model = adding.add_model(store, NAME)
    assert (model.name, model.source, model.note, model.licence) == ("tiny-llama", "hub", NAME, "apache-2.0")
    assert model.info["hub"] == {"id": NAME, "commit": "a" * 40, "revision": "main", "from": hub.url}
    store.close()
