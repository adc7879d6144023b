"""Tiny random models on disk, made in a second: a Llama with a chat template, a GPT-2 without one, a BERT."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from gguf import GGUFWriter
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


def llama(folder: Path, *, seed: int = 0, hidden: int = 32) -> Path:
    """A two-layer Llama with grouped-query attention and a chat template."""
    torch.manual_seed(seed)
    words = tokenizer(chat=True)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
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


def gguf(folder: Path, source: Path) -> Path:
    """The tiny Llama in `source` as a GGUF file with float32 weights, as llama.cpp's converter writes it."""
    words, model = PreTrainedTokenizerFast.from_pretrained(source), LlamaForCausalLM.from_pretrained(source)
    config, raw = model.config, json.loads((source / "tokenizer.json").read_text())["model"]
    path = folder / "tiny.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    tokens = [token for token, _ in sorted(raw["vocab"].items(), key=lambda item: item[1])]
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<|") else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) if isinstance(pair, list) else pair for pair in raw["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(words.chat_template)
    names = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    for key, weight in model.model.state_dict().items():
        array = weight.numpy()
        if key.startswith("layers."):
            _, number, rest = key.split(".", 2)
            name = names[rest.removesuffix(".weight")]
            if name in heads:  # llama.cpp rotates pairs that lie side by side, transformers pairs half a head apart
                rows, columns = array.shape
                array = array.reshape(heads[name], 2, rows // heads[name] // 2, columns).swapaxes(1, 2)
                array = array.reshape(rows, columns)
            key = f"blk.{number}.{name}.weight"
        else:
            key = {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}[key]
        writer.add_tensor(key, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


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
