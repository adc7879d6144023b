"""Tiny random models on disk, made in a second: a Llama with a chat template, a GPT-2 without one, a BERT."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEXT = ["the quick brown fox jumps over the lazy dog", "hello world, how are you today?", "write a short kind answer"]


def tokenizer(*, chat: bool) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer of about 300 tokens whose pad is its end token, as SmolLM2 ships it."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        TEXT,
        trainers.BpeTrainer(vocab_size=300, special_tokens=specials, initial_alphabet=alphabet, show_progress=False),
    )
    end = "<|im_end|>" if chat else "<|endoftext|>"
    made = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=end, pad_token=end, bos_token="<|im_start|>")
    made.chat_template = CHAT if chat else None
    return made


def llama(folder: Path, *, seed: int = 0) -> Path:
    """A two-layer Llama with grouped-query attention and a chat template."""
    torch.manual_seed(seed)
    words = tokenizer(chat=True)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        tie_word_embeddings=True,
        # Wide enough that a random model is not nearly uniform: sampling and training have something to move.
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def gpt2(folder: Path, *, seed: int = 0) -> Path:
    """A two-layer GPT-2 without a chat template."""
    torch.manual_seed(seed)
    words = tokenizer(chat=False)
    config = GPT2Config(
        vocab_size=len(words), n_embd=32, n_layer=2, n_head=4, n_positions=512, bos_token_id=0, eos_token_id=0
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def bert(folder: Path, *, seed: int = 0) -> Path:
    """A two-layer BERT with a classification head."""
    torch.manual_seed(seed)
    words = tokenizer(chat=False)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=256,
        num_labels=1,
        pad_token_id=0,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
