"""GGUF files that are written here, read again: by transformers, by the gguf package, and by this program."""

from __future__ import annotations

import copy
import itertools
import json
from collections import Counter

import gguf
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, pre_tokenizers

from tests.conftest import FP32
from tests.lm import gguf_models
from workbench.errors import WorkbenchError
from workbench.lm import gguf_positions, gguf_shapes, gguf_words
from workbench.lm.generating import Sampler, sample_all
from workbench.lm.gguf_writing import About, write_gguf
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef

GREEDY = Sampler(temperature=0, max_new_tokens=24)
IDS = torch.tensor([[5, 9, 3, 17, 20, 4, 300, 8]])
ABOUT = About("tuned", "apache-2.0", "owner/base")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models by kind, made when first asked for."""
    place, made = tmp_path_factory.mktemp("models"), {}

    def of(kind):
        if kind not in made:
            made[kind] = gguf_models.write(place / kind, kind)
        return load(ModelRef(str(made[kind])), FP32)

    return of


def written(loaded, folder, dtype="float32"):
    path = folder / "model.gguf"
    steps = list(write_gguf(loaded, path, dtype, ABOUT))
    assert steps[0] == (0, len(steps) - 1) and steps[-1][0] == steps[-1][1]
    return path


def again(path):
    return load(ModelRef(str(path), "gguf"), FP32)


def logits(loaded):
    with torch.no_grad():
        return loaded.causal(IDS).logits


def halved(loaded):
    with torch.no_grad():
        for weight in loaded.causal.parameters():
            if weight.ndim > 1:
                weight.copy_(weight.half().float())
    return loaded


def drafts(loaded):
    prompts = [loaded.template.prompt_ids([{"role": "user", "content": text}]) for text in ("hello", "a kind answer")]
    found = [draft.ids for draft in sample_all(loaded, prompts, GREEDY, [0, 0])]
    # Rows that no token has are a text of their own in a file, and none in a tokenizer.
    return found, [loaded.template.text_of([id_ for id_ in ids if id_ < 390]) for ids in found]


@pytest.mark.parametrize("kind", ["llama", "llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "gpt2"])
def test_a_file_has_the_model_s_own_numbers(models, tmp_path, kind):
    loaded = models(kind)
    torch.testing.assert_close(logits(again(written(loaded, tmp_path))), logits(loaded), rtol=0, atol=2e-4)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2"])
def test_float16_writes_the_text_of_the_rounded_weights(models, tmp_path, kind):
    loaded = models(kind)
    back = again(written(loaded, tmp_path, "float16"))
    assert back.template.text == loaded.template.text and back.stop_ids == loaded.stop_ids
    assert drafts(back) == drafts(halved(loaded))


@pytest.mark.parametrize(("dtype", "near"), [("q8_0", 0.05), ("bfloat16", 0.05)])
def test_coarser_numbers_are_near(models, tmp_path, dtype, near):
    loaded = models("qwen2")
    path = written(loaded, tmp_path, dtype)
    ours, theirs = logits(loaded), logits(again(path))
    assert 0 < (ours - theirs).abs().max() < near * ours.abs().max()
    kinds = {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(path).tensors}
    assert kinds["blk.0.attn_q.weight"] == {"q8_0": "Q8_0", "bfloat16": "BF16"}[dtype]
    assert kinds["blk.0.attn_q.bias"] == kinds["blk.0.attn_norm.weight"] == "F32"


def test_the_file_says_what_the_model_is(models, tmp_path):
    fields = gguf.GGUFReader(written(models("qwen2"), tmp_path, "float16")).fields
    told = {key: fields[key].contents() for key in fields}
    tokens = told["tokenizer.ggml.tokens"]
    assert told["general.architecture"] == "qwen2" and told["general.name"] == "tuned"
    assert told["general.license"] == "apache-2.0"
    assert told["general.base_model.0.repo_url"] == "https://huggingface.co/owner/base"
    assert told["general.file_type"] == gguf.LlamaFileType.MOSTLY_F16
    assert told["tokenizer.ggml.pre"] == "qwen2" and told["tokenizer.ggml.model"] == "gpt2"
    assert tokens[told["tokenizer.ggml.eos_token_id"]] == "<|im_end|>"
    assert told["tokenizer.ggml.add_bos_token"] is False
    assert told["tokenizer.chat_template"].startswith("{% for message")
    kinds = told["tokenizer.ggml.token_type"]
    assert kinds[0] == gguf.TokenType.CONTROL and kinds[-1] == gguf.TokenType.UNUSED and tokens[-1].startswith("[PAD")
    assert len(tokens) == told["qwen2.vocab_size"] == models("qwen2").causal.config.vocab_size
    assert all(merge.count(" ") == 1 for merge in told["tokenizer.ggml.merges"])


def test_a_sentencepiece_vocabulary_has_scores_by_which_the_same_tokens_are_found(models, tmp_path):
    loaded = models("mistral")
    path = written(loaded, tmp_path)
    fields = gguf.GGUFReader(path).fields
    tokens, scores = (fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "scores"))
    by_token = dict(zip(tokens, scores, strict=True))
    text = "the lazy dog writes a quick answer"
    assert joined(text, by_token) == loaded.tokenizer.tokenize(text)
    kinds = fields["tokenizer.ggml.token_type"].contents()
    assert kinds[tokens.index("<0x41>")] == gguf.TokenType.BYTE and kinds[0] == gguf.TokenType.UNKNOWN
    assert fields["tokenizer.ggml.add_space_prefix"].contents() is True
    assert fields["llama.context_length"].contents() == 256  # its window: beyond it llama.cpp would differ


def joined(text, scores):
    """llama.cpp's way: again and again the neighbours whose union has the highest score."""
    parts = list("▁" + text.replace(" ", "▁"))
    while True:
        pairs = [(scores.get(a + b, -1e9), -at) for at, (a, b) in enumerate(itertools.pairwise(parts))]
        best, at = max(pairs, default=(-1e9, 0))
        if best <= -1e6:
            return parts
        parts[-at : 2 - at] = ["".join(parts[-at : 2 - at])]


def test_llama_3_slows_its_positions_as_transformers_does(models, tmp_path):
    loaded = models("llama3")
    tensors = {tensor.name: tensor.data for tensor in gguf.GGUFReader(written(loaded, tmp_path)).tensors}
    plain = 1 / 10000.0 ** (np.arange(0, 16, 2) / 16)
    theirs = loaded.trunk.rotary_emb.inv_freq.numpy()
    assert np.allclose(plain / tensors["rope_freqs.weight"], theirs, rtol=1e-5)
    assert tensors["rope_freqs.weight"].max() == 8 and tensors["rope_freqs.weight"].min() == 1


def test_the_positions_of_llama_3_are_read_again_or_refused(models, tmp_path):
    config = models("llama3").causal.config
    assert again(written(models("llama3"), tmp_path)).causal.config.rope_parameters == config.rope_parameters
    real = {**config.rope_parameters, "factor": 32.0, "rope_theta": 500000.0, "original_max_position_embeddings": 8192}
    config.rope_parameters = {"rope_theta": 500000.0}
    assert gguf_positions.settings_of(gguf_shapes.slowed(real, 16), config, "x") == real
    with pytest.raises(WorkbenchError, match="slows its positions down in a way"):
        gguf_positions.settings_of([1.0, 2.0, 3.0, 1.5, 8.0, 8.0, 8.0, 8.0], config, "x")


@pytest.mark.parametrize("way", ["gpt-2", "smollm", "qwen2", "llama-bpe", "smaug-bpe", "tekken"])
def test_ways_of_splitting_are_told_apart(way):
    assert gguf_words.split_of(gguf_models.byte_level(way)) == way


def changed(loaded, change):
    """The model with another tokenizer.json."""
    about = json.loads(loaded.tokenizer.backend_tokenizer.to_str())
    change(about)
    loaded.tokenizer = copy.copy(loaded.tokenizer)
    loaded.tokenizer._tokenizer = Tokenizer.from_str(json.dumps(about))
    return loaded


HOSTILE = {
    "has no merges": lambda about: about["model"].update(merges=[]),
    "a way of its own": lambda about: about.update(pre_tokenizer={"type": "Whitespace"}),
    "with Lowercase": lambda about: about.update(normalizer={"type": "Lowercase"}),
}


@pytest.mark.parametrize("said", HOSTILE)
def test_a_tokenizer_that_llama_cpp_would_read_otherwise_is_refused(models, tmp_path, said):
    loaded = changed(models("llama"), HOSTILE[said])
    with pytest.raises(WorkbenchError, match=said):
        list(write_gguf(loaded, tmp_path / "x.gguf", "float16", ABOUT))
    assert not (tmp_path / "x.gguf").exists()


def test_a_tokenizer_with_a_space_before_the_first_word_is_another_way():
    tokenizer = gguf_models.byte_level("gpt-2")
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    with pytest.raises(gguf_shapes.NeedsConverter, match="a way of its own"):
        gguf_words.split_of(tokenizer)


def test_merges_that_are_not_all_ways_to_make_a_token_are_refused(models, tmp_path):
    def lose_one(about):
        made = Counter("".join(pair) for pair in about["model"]["merges"])
        several = next(pair for pair in about["model"]["merges"] if made["".join(pair)] > 1)
        about["model"]["merges"].remove(several)

    loaded = changed(models("mistral"), lose_one)
    with pytest.raises(gguf_shapes.NeedsConverter, match="merges"):
        list(write_gguf(loaded, tmp_path / "x.gguf", "float16", ABOUT))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "mamba"}, "A mamba model"),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}, "dynamic positions"),
        ({"hidden_act": "relu"}, "with relu"),
    ],
)
def test_a_shape_that_is_not_known_names_the_converter(models, change, said):
    config = models("llama").causal.config
    for key, value in change.items():
        setattr(config, key, value)
    with pytest.raises(gguf_shapes.NeedsConverter, match=said) as refused:
        gguf_shapes.shape_of(config)
    assert "LLAMA_CPP" in refused.value.hint


def test_numbers_that_float16_cannot_hold_are_refused(models, tmp_path):
    loaded = models("llama")
    with torch.no_grad():
        loaded.causal.model.embed_tokens.weight[3, 3] = 1e6
    with pytest.raises(WorkbenchError, match="do not fit into float16"):
        list(write_gguf(loaded, tmp_path / "x.gguf", "float16", ABOUT))
