"""A run is taken along in one file and run in a fresh folder, to the same figures; a hostile file is refused."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile

import pytest
from click.testing import CliRunner

from tests.jobs import worlds
from workbench.cli import cli
from workbench.errors import WorkbenchError
from workbench.jobs import bundling, preparing, running, unbundling
from workbench.store import Store

KNOBS = {
    "reward": worlds.REWARD | {"epochs": 1, "heads": 3, "seed": 5},
    "ppo": worlds.PPO | {"steps": 3, "learning_rate": 2e-3, "seed": 5},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory, llama_folder):
    """A project with a finished run of each kind; its model lies in a folder that a test may move."""
    folder = tmp_path_factory.mktemp("bundling")
    shutil.copytree(llama_folder, folder / "model")
    store = worlds.project(folder / "project", folder / "model")
    base = store.models.list("base")[0].id
    for method in KNOBS:
        scorer = store.models.list("reward")[0].id if method == "ppo" else None
        made = preparing.prepare(store, method, KNOBS[method], model_id=base, reward_id=scorer, name=method)
        running.run_to_end(store, *made)
    yield store
    store.close()


@pytest.fixture(scope="module")
def bundles(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    return {name: bundling.write(world, name, folder / f"{name}.zip", with_models=True) for name in KNOBS}


def run_it(*words):
    return CliRunner().invoke(cli, ["train", "--bundle", *map(str, words), "--json"], catch_exceptions=False)


@pytest.mark.parametrize("method", KNOBS)
def test_a_bundle_run_in_a_fresh_folder_gives_the_same_figures_bit_for_bit(world, bundles, method, tmp_path):
    """With everything in it, and nothing else: the project that it came from is out of the way."""
    hidden = world.folder.parent / "model"
    hidden.rename(hidden.with_name("away"))
    try:
        done = run_it(bundles[method], "--out", tmp_path / "fresh")
    finally:
        hidden.with_name("away").rename(hidden)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["status"], found["differs"]) == ("finished", [])
    store = Store.open(tmp_path / "fresh")
    (run,) = store.runs.list()
    old = world.runs.find(method)
    ours, theirs = store.runs.metrics(run.id), world.runs.metrics(old.id)
    for curves in (ours, theirs):
        curves.pop("perf/memory_bytes", None)
    assert ours == theirs
    assert len(ours) > 2
    assert (run.options, run.data_hash, run.name) == (old.options, old.data_hash, old.name)
    weights = "reward.safetensors" if method == "reward" else "adapter_model.safetensors"
    files = [
        next(each for each in bundling.model_files(place.models.find(end.result_id)) if each.suffix == ".safetensors")
        for place, end in ((store, run), (world, old))
    ]
    assert files[0].read_bytes() == files[1].read_bytes(), weights
    store.close()


def test_without_models_the_base_is_named_with_its_hash_and_can_be_pointed_to(world, tmp_path):
    bundle = bundling.write(world, "ppo", tmp_path / "ppo.zip")
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        about = json.loads(archive.read("run.json"))
    assert [name for name in names if name.startswith("models/0/")] == []
    assert "models/1/adapter_model.safetensors" in names  # the reward model is nowhere else
    assert about["models"][0]["hash"] == world.models.list("base")[0].hash
    assert about["seed"] == 5
    assert len(about["feedback_ids"]) == world.runs.count_feedback(world.runs.find("ppo").id)
    moved = world.folder.parent / "model"
    moved.rename(tmp_path / "elsewhere")
    try:
        with pytest.raises(WorkbenchError, match="is not here"):
            unbundling.unbundle(bundle, tmp_path / "a")
        with pytest.raises(WorkbenchError, match="its hash differs"):
            unbundling.unbundle(bundle, tmp_path / "b", world.runs_folder)
        store, made = unbundling.unbundle(bundle, tmp_path / "c", tmp_path / "elsewhere")
        assert made.spec.model.base == str(tmp_path / "elsewhere")
        assert made.spec.reward.adapter.startswith(str(tmp_path / "c"))
        store.close()
    finally:
        (tmp_path / "elsewhere").rename(moved)
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


def test_a_folder_with_something_in_it_is_left_alone(bundles, tmp_path):
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(WorkbenchError, match="is not empty"):
        unbundling.unbundle(bundles["reward"], tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_a_run_is_repeated_on_the_same_rows(world):
    again = preparing.repeat(world, "reward")
    old = world.runs.find("reward")
    assert (again.status, again.options, again.data_hash) == ("waiting", old.options, old.data_hash)
    assert again.spec["folder"] != old.spec["folder"]
    assert world.runs.count_feedback(again.id) == world.runs.count_feedback(old.id)
    (world.runs_folder / again.id / "data.jsonl").write_text("")
    with pytest.raises(WorkbenchError, match="no longer there"):
        preparing.repeat(world, again.id)


# ---- files from strangers


def packed(members, manifest=None, compress=zipfile.ZIP_DEFLATED):
    """A zip of these members, with the manifest that would be right for them or another one."""
    right = {name: {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in members.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compress) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
        archive.writestr("manifest.json", json.dumps(manifest or {"workbench_bundle": 1, "members": right}))
    return file.getvalue()


def members_of(bundle):
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}


def changed(bundle, **members):
    return packed(members_of(bundle) | {name.replace("__", "/"): body for name, body in members.items()})


def about(bundle, **values):
    told = json.loads(members_of(bundle)["run.json"])
    return packed(members_of(bundle) | {"run.json": json.dumps(told | values).encode()})


def wrong_hash(bundle):
    members = members_of(bundle)
    right = {name: {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in members.items()}
    members["data.jsonl"] = members["data.jsonl"][:-2] + b" \n"
    return packed(members, {"workbench_bundle": 1, "members": right})


HOSTILE = {
    "nothing": (lambda b: b"", "damaged, or not a bundle"),
    "no zip": (lambda b: b"hello" * 100, "damaged, or not a bundle"),
    "another zip": (lambda b: packed({"a.txt": b"a"}), "does not hold what its manifest says"),
    "no manifest": (lambda b: _plain({"data.jsonl": b""}), "is not a bundle of a run"),
    "truncated": (lambda b: b.read_bytes()[: b.stat().st_size // 2], "damaged, or not a bundle"),
    "a bit flipped": (lambda b: _flipped(b.read_bytes()), "damaged, or not a bundle|its hash differs"),
    "wrong hash": (wrong_hash, "data.jsonl in .* is not what it was"),
    "zip slip": (lambda b: packed(members_of(b) | {"../../evil.txt": b"x"}), "none of a bundle"),
    "a root path": (lambda b: packed(members_of(b) | {"/etc/evil": b"x"}), "none of a bundle"),
    "slip by a model": (lambda b: packed(members_of(b) | {"models/0/..": b"x"}), "none of a bundle"),
    "a bomb": (lambda b: packed(members_of(b) | {"models/0/x.json": b"0" * 40_000_000}), "far larger than it says"),
    "newer": (lambda b: packed(members_of(b), {"workbench_bundle": 9, "members": {}}), "newer Workbench"),
    "strange manifest": (lambda b: packed(members_of(b), [1, 2]), "damaged, or not a bundle"),
    "deep manifest": (lambda b: _plain({"manifest.json": b"[" * 100_000}), "damaged, or not a bundle"),
    "strange run": (lambda b: changed(b, **{"run.json": b'{"method": "reward"}'}), "damaged, or not a bundle"),
    "unknown method": (lambda b: about(b, method="rm -rf"), "has no method called 'rm -rf'"),
    "a task": (lambda b: about(b, method="generate"), "has no method"),
    "strange knobs": (lambda b: about(b, options={"epochs": 10**9}), "Epochs cannot be"),
    "a model that is none": (lambda b: about(b, model=7), "damaged, or not a bundle"),
    "strange data": (lambda b: changed(b, **{"data.jsonl": b'{"kind": "os.system"}\n'}), "cannot be read"),
}


def _plain(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return file.getvalue()


def _flipped(body):
    place = len(body) // 2
    return body[:place] + bytes([body[place] ^ 4]) + body[place + 1 :]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_bundle_gets_one_sentence_and_leaves_nothing(bundles, name, tmp_path):
    make, sentence = HOSTILE[name]
    file = tmp_path / "bundle.zip"
    file.write_bytes(make(bundles["reward"]))
    with pytest.raises(WorkbenchError, match=sentence) as refused:
        unbundling.unbundle(file, tmp_path / "out" / "fresh")
    assert "\n" not in refused.value.text
    assert not (tmp_path / "out" / "fresh").exists()
    assert not list(tmp_path.parent.glob("evil*"))


def test_a_file_that_is_not_there_and_a_place_that_cannot_be_written_are_said(world, tmp_path):
    with pytest.raises(WorkbenchError, match="cannot be read"):
        unbundling.unbundle(tmp_path / "none.zip", tmp_path / "out")
    with pytest.raises(WorkbenchError, match="cannot be written"):
        bundling.write(world, "reward", tmp_path / "no" / "b.zip")
    task = world.runs.add(name="answers", method="generate", options={})
    with pytest.raises(WorkbenchError, match="no training run"):
        bundling.write(world, task.id, tmp_path / "b.zip")


def test_the_command_line_exports(world, tmp_path):
    words = ["runs", "export", "reward", str(tmp_path / "r.zip"), "--project", str(world.folder)]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert "workbench train --bundle" in done.output
    assert zipfile.is_zipfile(tmp_path / "r.zip")
    wrong = CliRunner().invoke(cli, ["train", "--out", "x"])
    assert wrong.exit_code == 2
