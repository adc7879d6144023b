"""Models and tokenizers from disk or the hub. Only safetensors and GGUF are opened, and no model brings code."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedTokenizerBase
from transformers.pytorch_utils import Conv1D

from ..errors import WorkbenchError
from . import gguf_positions
from .devices import Compute, check_attention, check_bits, in_dtype
from .files import check_folder, check_gguf, check_safetensors
from .full import Originals, matrices
from .fusing import fuse_adapters, fuse_layers
from .reading import choose_attention
from .refs import ModelRef
from .templates import Template

log = logging.getLogger(__name__)

POLICY = "policy"
"""Name of the adapter that is trained or generates."""

REWARD = "reward"
"""Name of the adapter that scores."""

CRITIC = "critic"
"""Name of the adapter that the value function may have for itself. Not "value": some transformers call a module so."""


@dataclass
class Loaded:
    """A causal language model in memory with all that turns text into its tokens."""

    model: Any
    """The transformers model, or a PeftModel around it once an adapter was added."""
    tokenizer: PreTrainedTokenizerBase
    template: Template
    compute: Compute
    ref: ModelRef
    packs: bool = False
    """Whether this model reads packed rows; see reading.choose_attention."""
    originals: Originals | None = None
    """What the base's own weights were, where they are trained."""

    @property
    def causal(self) -> Any:
        """The causal language model without the wrapper of its adapters."""
        return self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model

    @property
    def trunk(self) -> torch.nn.Module:
        """The transformer below the output layer: ids -> hidden states."""
        return self.causal.base_model

    @property
    def layers(self) -> torch.nn.ModuleList:
        """The trunk's layers, first to last."""
        count = int(self.causal.config.num_hidden_layers)
        for module in self.trunk.modules():
            if isinstance(module, torch.nn.ModuleList) and len(module) == count:
                return module
        raise WorkbenchError(f"{self.ref.name or self.ref.base} has no list of layers.", "Choose a usual transformer.")

    @property
    def pad_id(self) -> int:
        """Fills rows that are shorter than their batch; what it stands for never matters, it is masked by position."""
        return int(self.tokenizer.pad_token_id)  # type: ignore[arg-type]

    @property
    def hidden_size(self) -> int:
        """Width of the trunk's hidden states."""
        return int(self.causal.get_input_embeddings().weight.shape[1])  # type: ignore[union-attr]

    @property
    def context(self) -> int | None:
        """Most tokens of a conversation with its answer; None where the model does not say it."""
        return getattr(self.causal.config, "max_position_embeddings", None)

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        ids = {self.template.end_id}
        for source in (self.causal.generation_config, self.causal.config):
            end = getattr(source, "eos_token_id", None)
            ids |= set(end if isinstance(end, list | tuple) else [end])
        return frozenset(int(id_) for id_ in ids if id_ is not None)

    def untrained(self) -> contextlib.AbstractContextManager[None]:
        """Within it the base's own weights are what they were, whatever was trained."""
        return self.originals.put_back() if self.originals else contextlib.nullcontext()

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Within it the model is its base: no adapter, and the base's own weights as they were."""
        adapters = self.model.disable_adapter() if isinstance(self.model, PeftModel) else contextlib.nullcontext()
        with self.untrained(), adapters:
            yield


def load_as_chosen(ref: ModelRef, compute: Compute) -> Loaded:
    """The model in the number format, bits and attention kernel that `ref` asks for, which load() leaves to its caller.

    Raises WorkbenchError where this machine has not what was chosen.
    """
    return load(ref, in_dtype(compute, ref.dtype), quantize=ref.quantize, attention=ref.attention)


def load(
    ref: ModelRef, compute: Compute, *, offline: bool = True, quantize: str = "none", attention: str = "auto"
) -> Loaded:
    """The causal language model that `ref` names, with its adapter (as POLICY) when it has one.

    quantize: "4bit" and "8bit" keep the layers' matrices so. attention: one of the library's kernels; "auto" reads
    packed rows where the model can. Raises WorkbenchError with what is wrong when it is no such model, or cannot be
    kept so.
    """
    check_attention(compute, attention)
    if quantize != "none":
        check_bits(compute, quantize, gguf=ref.format == "gguf")
    tokenizer = load_tokenizer(ref, offline=offline)
    model = _load_causal(ref, compute, offline, _in_bits(compute, quantize) if quantize != "none" else {})
    loaded = Loaded(model.eval(), tokenizer, Template(tokenizer, ref.template), compute, ref)
    if attention == "auto":
        choose_attention(loaded)
    else:
        guarded(ref, lambda: loaded.causal.set_attn_implementation(attention))
    fuse_layers(loaded.trunk)
    if ref.adapter:
        add_saved_adapter(loaded, ref.adapter, POLICY)
    loaded.model.eval()
    return loaded


def load_tokenizer(ref: ModelRef, *, offline: bool = True) -> PreTrainedTokenizerBase:
    """The tokenizer, with a pad token that is not its end token.

    Padding is masked by position here, but a pad that equals the end token (as SmolLM2 ships it) would let
    libraries that mask by token id drop real tokens.
    """
    return _usable(ref, guarded(ref, lambda: AutoTokenizer.from_pretrained(**source_of(ref, offline))))


def tokenizer_in(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer in a folder, whether or not a model is there too. Raises WorkbenchError when there is none."""
    if not (folder / "tokenizer_config.json").is_file():
        raise WorkbenchError(f"Tokenizer not found in {folder}.", "Choose a model's folder, as transformers saves it.")
    about: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    ref = ModelRef(str(folder), name=f"The tokenizer in {folder}")
    return _usable(ref, guarded(ref, lambda: AutoTokenizer.from_pretrained(str(folder), **about)))


def _usable(ref: ModelRef, tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    if tokenizer.eos_token_id is None:
        raise WorkbenchError(f"{ref.name or ref.base} has no end token.", "Choose a generative language model.")
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        tokenizer.pad_token_id = _spare_token(tokenizer)
    return tokenizer


def _spare_token(tokenizer: PreTrainedTokenizerBase) -> int:
    for name in ("<|endoftext|>", "<|finetune_right_pad_id|>", "<pad>", "[PAD]", "<unk>"):
        id_ = tokenizer.convert_tokens_to_ids(name)
        if isinstance(id_, int) and id_ != tokenizer.eos_token_id and id_ != tokenizer.unk_token_id:
            return id_
    unknown = tokenizer.unk_token_id
    return int(unknown) if isinstance(unknown, int) and unknown != tokenizer.eos_token_id else 0


def _load_causal(ref: ModelRef, compute: Compute, offline: bool, quantised: dict[str, Any]) -> Any:
    source = source_of(ref, offline)
    model = guarded(
        ref,
        lambda: AutoModelForCausalLM.from_pretrained(
            **source,
            dtype=compute.dtype,
            use_safetensors=None if "gguf_file" in source else True,
            **quantised,
        ),
    )
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if quantised:
        return _steady(model, compute)
    forget_gguf(model)
    if "gguf_file" in source:
        gguf_positions.restore(model, Path(ref.base).expanduser())
    return model.to(compute.device)


def _in_bits(compute: Compute, quantize: str) -> dict[str, Any]:
    """NF4 with scales that are quantised too (Dettmers et al. 2023), or LLM.int8 (Dettmers et al. 2022); products in
    the format of everything else."""
    config = (
        BitsAndBytesConfig(load_in_8bit=True)
        if quantize == "8bit"
        else BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=compute.dtype,
        )
    )
    return {"quantization_config": config, "device_map": {"": compute.device}}


def _steady(model: Any, compute: Compute) -> Any:
    """Keep bitsandbytes 0.50 from what it does on CPUs. Where they have bf16 instructions it repacks weights when they
    are first read without gradients, in place and for good: what is repacked rounds in another way, so the reference
    would differ from itself. And it takes the wrong scales where a block of 64 weights goes on in the next row."""
    layers = [module for module in model.modules() if hasattr(module, "support_avx512bf16_for_cpu")]
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False
    if compute.device.type == "cpu" and any(layer.in_features % 64 for layer in layers):
        raise WorkbenchError(
            "On a CPU only layers whose width is a multiple of 64 can be kept in 4 bits.",
            "Choose unquantised weights.",
        )
    return model


def forget_gguf(model: Any) -> None:
    """Let a model that was read from GGUF be saved: transformers refuses while it remembers the quantisation."""
    if getattr(model, "hf_quantizer", None) is not None:
        model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    if getattr(model, "is_quantized", False):
        model.is_quantized = False


def source_of(ref: ModelRef, offline: bool) -> dict[str, Any]:
    """What transformers' from_pretrained is asked for, after a look at the files."""
    common: dict[str, Any] = {"trust_remote_code": False, "local_files_only": offline}
    path = Path(ref.base).expanduser()
    if ref.format == "gguf":
        check_gguf(path)
        return common | {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    if path.is_absolute() or path.exists():
        check_folder(path)
        return common | {"pretrained_model_name_or_path": str(path)}
    return common | {"pretrained_model_name_or_path": ref.base}


def guarded(ref: ModelRef, load_it: Any) -> Any:
    """What `load_it` gives. Raises WorkbenchError with a sentence about the model where it fails."""
    name = ref.name or ref.base
    try:
        return load_it()
    except WorkbenchError:
        raise
    except torch.OutOfMemoryError as error:
        raise WorkbenchError(
            f"{name} does not fit into memory.", "Close other models, or choose a smaller one."
        ) from error
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError, ImportError) as error:
        log.exception("cannot load %s", ref)
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        why = f"its files say nothing of {first}." if isinstance(error, KeyError) else first
        raise WorkbenchError(
            f"{name} cannot be loaded: {why}", "See the log for details, or get the model again."
        ) from error


def prepare_training(loaded: Loaded) -> None:
    """Choose the attention that trains fastest where rows are not packed: on a CPU the flash backward is slow for the
    short rows we train on, and plain matrix products are about 1.25 times as fast (measured; accelerators keep their
    own kernels)."""
    if loaded.compute.device.type == "cpu" and not loaded.packs:
        loaded.causal.set_attn_implementation("eager")


def train_whole(loaded: Loaded) -> None:
    """Make the matrices of the layers the policy. The base stays what it is under the adapter that training goes on
    from, if there is one: the adapter becomes part of the weights, and not of what is kept of them."""
    loaded.originals = Originals(matrices(loaded.layers))
    merge_adapter(loaded)


def merge_adapter(loaded: Loaded) -> None:
    """Make the adapter, if there is one, part of the base's weights."""
    if isinstance(loaded.model, PeftModel):
        loaded.model = loaded.model.merge_and_unload()  # type: ignore[operator]


def add_new_adapter(
    loaded: Loaded,
    name: str,
    *,
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    targets: str = "all-linear",
    rslora: bool = False,
    dora: bool = False,
) -> None:
    """Put a fresh LoRA adapter on linear layers of the trunk; it changes nothing until it is trained.

    targets: "all-linear", or "attention" for those of attention alone. rslora: scale by alpha / sqrt(rank)
    (Kalajdzievski 2023). dora: a length for each output beside the direction (Liu et al. 2024).
    """
    chosen: dict[str, Any] = {"r": rank, "lora_alpha": alpha, "lora_dropout": dropout}
    chosen |= {"use_rslora": rslora, "use_dora": dora}
    places = targets if targets == "all-linear" else _attention_layers(loaded)
    config = LoraConfig(target_modules=places, bias="none", **chosen)
    _add(loaded, name, config)


def _attention_layers(loaded: Loaded) -> list[str]:
    """The linear layers of attention by the ends of their names, as "self_attn.q_proj" or "attn.c_attn"."""
    ends = {
        ".".join(key.split(".")[-2:])
        for key, module in loaded.causal.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and ("attn" in key or "attention" in key)
    }
    if not ends:
        name = loaded.ref.name or loaded.ref.base
        raise WorkbenchError(f"{name} names none of its layers attention.", "Put the adapter on all layers.")
    return sorted(ends)


def _add(loaded: Loaded, name: str, config: LoraConfig) -> None:
    if isinstance(loaded.model, PeftModel):
        loaded.model.add_adapter(name, config, autocast_adapter_dtype=False)  # type: ignore[call-arg]
    else:
        loaded.model = PeftModel(loaded.model, config, adapter_name=name, autocast_adapter_dtype=False)
    # peft makes new weights in the base's format on some paths and in fp32 on others.
    for key, parameter in loaded.model.named_parameters():
        if f".{name}." in key:
            parameter.data = parameter.data.to(loaded.compute.dtype)
    fuse_adapters(loaded.model)


def add_saved_adapter(loaded: Loaded, folder: str, name: str) -> None:
    """Put the adapter in `folder` on the model under `name`. Raises WorkbenchError when it does not fit the base."""
    config = adapter_config(Path(folder))
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    weights = Path(folder) / "adapter_model.safetensors"
    check_safetensors(weights)
    _add(loaded, name, config)
    try:
        result = set_peft_model_state_dict(loaded.model, load_file(weights), adapter_name=name)
    except RuntimeError as error:
        raise WorkbenchError(
            f"The adapter in {folder} does not fit {loaded.ref.name or loaded.ref.base}.", "Choose its own base."
        ) from error
    if result.unexpected_keys:
        raise WorkbenchError(f"The adapter in {folder} belongs to another model.", "Choose its own base.")


def adapter_config(folder: Path) -> LoraConfig:
    """The LoRA configuration of an adapter folder, with only the fields that we use taken from it."""
    try:
        stored = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WorkbenchError(f"{folder} holds no adapter.", "Choose a folder with adapter_config.json.") from error
    if not isinstance(stored, dict) or stored.get("peft_type") != "LORA":
        raise WorkbenchError(f"The adapter in {folder} is not a LoRA adapter.", "Choose a LoRA adapter.")
    if not (folder / "adapter_model.safetensors").is_file():
        raise WorkbenchError(f"The adapter in {folder} has no safetensors weights.", "Get it in that form.")
    keys = ("r", "lora_alpha", "target_modules", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "bias")
    return LoraConfig(lora_dropout=0.0, **{key: stored[key] for key in keys if key in stored})
