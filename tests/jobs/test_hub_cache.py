"""Models that are on this computer already."""

from __future__ import annotations

import shutil

import pytest

from tests import tiny
from workbench.jobs import adding
from workbench.jobs.hub_cache import cached, in_folder
from workbench.store import Store


def put_in_cache(cache, hub_id, files, commit="c" * 40):
    """As huggingface_hub lays a model out: blobs, and links to them."""
    repo = cache / f"models--{hub_id.replace('/', '--')}"
    snapshot = repo / "snapshots" / commit
    for part in ("blobs", "refs"):
        (repo / part).mkdir(parents=True, exist_ok=True)
    snapshot.mkdir(parents=True)
    for number, path in enumerate(files):
        blob = repo / "blobs" / f"{number:040d}"
        shutil.copyfile(path, blob)
        (snapshot / path.name).symlink_to(blob)
    (repo / "refs" / "main").write_text(commit)
    return repo


@pytest.fixture
def cache(tmp_path, llama_folder):
    place = tmp_path / "hub"
    put_in_cache(place, "potter/tiny", list(llama_folder.iterdir()))
    return place


def test_a_cached_model_is_added_without_copying(cache, tmp_path):
    (found,) = cached(cache)
    assert (found.name, found.kind, found.place, found.trouble) == ("potter/tiny", "model", "cache", "")
    assert found.size > 10_000 and found.commit == "c" * 40
    store = Store.open(tmp_path / "project")
    model = adding.add_model(store, found.path, "tiny")
    assert model.location == found.path and model.parameters > 0
    store.close()


def test_a_gguf_file_of_the_cache_keeps_its_name(cache, tmp_path, llama_folder):
    put_in_cache(cache, "potter/gguf", [tiny.gguf(tmp_path, llama_folder)])
    found = next(each for each in cached(cache) if each.kind == "gguf")
    store = Store.open(tmp_path / "project")
    assert adding.add_model(store, found.path).location.endswith(".gguf")
    store.close()


def test_broken_and_partial_ones_say_so(cache, llama_folder):
    files = [path for path in llama_folder.iterdir() if path.suffix != ".safetensors"]
    repo = put_in_cache(cache, "potter/half", files)
    put_in_cache(cache, "potter/weightless", files)
    (repo / "blobs" / ("d" * 40 + ".incomplete")).write_bytes(b"x")
    trouble = {each.name: each.trouble for each in cached(cache)}
    assert trouble["potter/half"] == "Its download broke off."
    assert "has no weights" in trouble["potter/weightless"]
    assert trouble["potter/tiny"] == ""


def test_a_link_to_a_file_that_is_gone_says_so(cache):
    for blob in (cache / "models--potter--tiny" / "blobs").iterdir():
        blob.unlink()
    (found,) = cached(cache)
    assert found.trouble


def test_no_cache_is_no_models(tmp_path):
    assert cached(tmp_path / "nowhere") == []


def test_a_folder_is_looked_through_for_models_adapters_and_gguf_files(tmp_path, llama_folder):
    place = tmp_path / "models"
    shutil.copytree(llama_folder, place / "people" / "llama")
    tiny.gguf(place, llama_folder)
    (place / ".git").mkdir()
    shutil.copytree(llama_folder, place / ".git" / "hidden")
    (place / "lora").mkdir()
    (place / "lora" / "adapter_config.json").write_text('{"base_model_name_or_path": "x/y"}')
    (place / "cut").mkdir()
    (place / "cut" / "config.json").write_text('{"model_type": "llama"}')
    (place / "cut" / "model.safetensors").write_bytes(b"short")
    found = {each.name: each for each in in_folder(place)}
    assert {name: each.kind for name, each in found.items() if not each.trouble} == {
        "llama": "model",
        "lora": "adapter",
        "tiny": "gguf",
    }
    assert found["cut"].trouble == "model.safetensors is not a whole safetensors file."


def test_missing_parts_of_cut_weights_are_noticed(tmp_path, llama_folder):
    place = tmp_path / "models" / "two"
    shutil.copytree(llama_folder, place)
    (place / "model.safetensors").rename(place / "model-00001-of-00002.safetensors")
    (found,) = in_folder(place.parent)
    assert found.trouble == "1 of its 2 files of weights are here."


def test_a_folder_that_is_gone_is_one_line(tmp_path):
    (found,) = in_folder(tmp_path / "usb")
    assert found.trouble == "The folder is not there."
