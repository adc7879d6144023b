"""What begins from nothing: a byte-level BPE tokenizer learned from text, and a small Llama with random weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from .devices import Compute
from .estimates import Shape
from .loading import Loaded, prepare_training
from .refs import ModelRef
from .templates import Template

END, PAD = "<|endoftext|>", "<|pad|>"


def learn_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerBase:
    """Byte-level BPE (Sennrich et al. 2016; Radford et al. 2019) of at most `vocabulary` tokens. Every text can be
    written in it: the 256 bytes are tokens. The same texts give the same tokens."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[END, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=END, bos_token=END, pad_token=PAD)


def new_llama(
    tokenizer: PreTrainedTokenizerBase,
    compute: Compute,
    folder: Path,
    *,
    layers: int,
    width: int,
    heads: int,
    context: int,
    seed: int,
) -> Loaded:
    """A causal model that has learned nothing, every weight of which is to be trained. The output layer is the
    embeddings. `folder`: where its tokenizer is. `width` is a multiple of twice the heads."""
    shape = Shape.of_llama(layers=layers, width=width, heads=heads, vocabulary=len(tokenizer))
    ids: dict[str, Any] = {key: getattr(tokenizer, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        initializer_range=0.5 * width**-0.5,
        **ids,
    )
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config).to(dtype=compute.dtype, device=compute.device).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        # What layers add must not drown the token that it is added to: with 0.02 for all, as large models have it, a
        # small one learns half as fast (1 MB of English after 160 steps: loss 5.9 instead of 4.9).
        model.get_input_embeddings().weight.mul_(2)
        for name, weight in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):  # as GPT-2: the sum of 2 x layers stays in scale
                weight.mul_((2 * layers) ** -0.5)
    loaded = Loaded(model, tokenizer, Template(tokenizer), compute, ModelRef(str(folder), name="new model"))
    prepare_training(loaded)
    return loaded
