"""Tiny random models of every architecture that is written as GGUF, with byte-level and SentencePiece tokenizers."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests import tiny
from workbench.lm import gguf_words

LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


def byte_level(way: str) -> PreTrainedTokenizerFast:
    """A tokenizer that splits text as llama.cpp does under a name."""
    split = {each.name: each for each in gguf_words._splits()}[way]
    raw = Tokenizer(models.BPE(ignore_merges=split.whole_first))
    raw.pre_tokenizer, raw.decoder = split.way, decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        [*tiny.TEXT, gguf_words.PROBE, gguf_words.PROBE],
        trainers.BpeTrainer(vocab_size=400, special_tokens=specials, initial_alphabet=alphabet, show_progress=False),
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    made.chat_template = tiny.CHAT
    return made


def pieces(*, space: bool = True) -> PreTrainedTokenizerFast:
    """A SentencePiece vocabulary as transformers converts one: every way to make a token is a merge. space: a
    text begins with one."""
    raw = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    first = [normalizers.Prepend("▁")] if space else []
    raw.normalizer = normalizers.Sequence([*first, normalizers.Replace(" ", "▁")])
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    raw.train_from_iterator(
        [*tiny.TEXT, "banana nananana ananana"] * 4,
        trainers.BpeTrainer(vocab_size=420, special_tokens=specials, show_progress=False),
    )
    about = json.loads(raw.to_str())
    vocab, made = about["model"]["vocab"], dict.fromkeys("".join(pair) for pair in about["model"]["merges"])
    about["model"]["merges"] = [
        [token[:at], token[at:]]
        for token in made
        for at in range(1, len(token))
        if token[:at] in vocab and token[at:] in vocab
    ]
    about["added_tokens"] = [each for each in about["added_tokens"] if each["id"] < 3]
    raw = Tokenizer.from_str(json.dumps(about))
    last = [decoders.Strip(" ", 1, 0)] if space else []
    raw.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *last])
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def write(folder: Path, kind: str) -> Path:
    """A model of a kind in a folder."""
    words = {"qwen2": "qwen2", "qwen3": "smaug-bpe", "llama3": "llama-bpe", "gpt2": "gpt-2", "llama": "smollm"}
    tokenizer = byte_level(words[kind]) if kind in words else pieces(space=not kind.startswith("gemma"))
    torch.manual_seed(0)
    _model(kind, len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _model(kind: str, size: int) -> torch.nn.Module:
    common = {
        "vocab_size": size, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
        "initializer_range": 0.2, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    }  # fmt: skip
    # transformers takes the usual scale of attention when it reads a file: no key tells it.
    narrow = {"head_dim": 256, "query_pre_attn_scalar": 256, "sliding_window": 64}
    own = {
        "llama": {"tie_word_embeddings": True},
        "llama3": {"rope_parameters": LLAMA3},
        "mistral": {"sliding_window": 256},
        # Qwen's embeddings have more rows than its tokenizer has tokens.
        "qwen2": {"tie_word_embeddings": True, "vocab_size": size + 20},
        "qwen3": {"head_dim": 128},
        "gemma": {"head_dim": 16},
        "gemma2": narrow,
        "gemma3": narrow | {"num_hidden_layers": 7},
        "phi3": {"num_key_value_heads": 4},
    }
    names = {
        "llama": "Llama", "llama3": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3",
        "gemma": "Gemma", "gemma2": "Gemma2", "gemma3": "Gemma3", "phi3": "Phi3",
    }  # fmt: skip
    if kind == "gpt2":
        shape = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 1024, "initializer_range": 0.2}
        config = transformers.GPT2Config(vocab_size=size, bos_token_id=1, eos_token_id=2, **shape)
        return transformers.GPT2LMHeadModel(config)
    config = getattr(transformers, f"{names[kind]}{'Text' if kind == 'gemma3' else ''}Config")
    return getattr(transformers, f"{names[kind]}ForCausalLM")(config(**common | own[kind]))
