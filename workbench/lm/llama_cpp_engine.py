"""llama.cpp as a writer of answers: the weights of a GGUF file stay quantised in memory. It writes, and nothing else.

Its server lives in this process and listens on this computer alone, under a key that nobody else knows. Every token is
a request of its own: exact ids go in and one id comes back, so that the chat format, the tokenizer, the end tokens and
the place to stop are ours. The server keeps what it has read, and a token costs one pass. Its calls without a port tell
no ids for a character of several tokens.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib
import json
import math
import random
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from transformers import PreTrainedTokenizerBase

from ..errors import WorkbenchError
from .devices import Compute
from .drafts import Draft, Sampler
from .estimates import cache_bytes, shape_of
from .files import check_gguf
from .gguf_header import read_header
from .llama_cpp import PACKAGE, problem_with
from .loading import guarded, load_tokenizer
from .refs import ModelRef
from .templates import Template

CONTEXT = 4096
"""Most tokens that the cache holds, of all answers that are written at once."""
ROWS = 4
"""Answers written at once; others wait for their turn."""
PATIENCE = 0.05
"""Seconds that a step waits for its tokens before others have their turn and a stop is heard."""
ALTERNATIVES = 4
KEPT = 200
"""Answers whose chances are remembered."""
ORDER = ["penalties", "temperature", "top_k", "top_p", "min_p"]
"""In which transformers' generate() and our own loop apply them; llama.cpp's own order draws from another
distribution."""


@dataclass(frozen=True)
class Said:
    """One token of an answer, the model's own probability of it, and the likeliest in its place, by their ids."""

    id: int
    p: float
    others: tuple[tuple[int, float], ...]


def bytes_of(ref: ModelRef) -> int:
    """About how many bytes a model takes: its file as it is, and the cache, which is there from the beginning."""
    path, shape = Path(ref.base).expanduser(), shape_of(ref)
    if shape is None or not path.is_file():
        return 0
    return path.stat().st_size + cache_bytes(shape, 1, CONTEXT, 2)


def load(ref: ModelRef, compute: Compute) -> Running:
    """A model that llama.cpp runs. Raises WorkbenchError with what is wrong when it cannot."""
    if problem := problem_with(ref):
        raise problem
    path = Path(ref.base).expanduser()
    check_gguf(path)
    facts, _ = read_header(path)
    trained = int(facts.get(f"{facts.get('general.architecture')}.context_length") or CONTEXT)
    tokenizer, numbers = load_tokenizer(ref), _numbers(facts.get("general.file_type"))
    server = guarded(ref, lambda: _Server(path, compute, min(trained, CONTEXT), exact=numbers == "F32"))
    ends = {id_ for id_ in (tokenizer.eos_token_id, facts.get("tokenizer.ggml.eos_token_id")) if isinstance(id_, int)}
    return Running(server, tokenizer, Template(tokenizer, ref.template), compute, ref, frozenset(ends), numbers)


def _numbers(kind: Any) -> str:
    from gguf import LlamaFileType

    known = {int(each): each.name for each in LlamaFileType}
    return known.get(kind, "").removeprefix("MOSTLY_").removeprefix("ALL_")


class _Server:
    """llama.cpp's server with one model: rows that answers are written in, and a connection for each.

    exact: in float32 throughout. By itself it keeps the cache in float16, and so do its sums over it.
    """

    def __init__(self, path: Path, compute: Compute, context: int, *, exact: bool) -> None:
        native: Any = importlib.import_module(PACKAGE)
        self._key = secrets.token_urlsafe(32)
        self.context = self.left = context
        self.free = list(range(ROWS))
        self.pool = ThreadPoolExecutor(ROWS, thread_name_prefix="llama.cpp")
        params = self._params(native.CommonParams(), path, compute)
        if exact:
            params.cache_type_k = params.cache_type_v = native.ggml_type.GGML_TYPE_F32
            params.flash_attn_type = native.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        with _own_signals():
            self._native = native.Server(params)
        self._connections = [self._connection() for _ in range(ROWS)]

    def _params(self, params: Any, path: Path, compute: Compute) -> Any:
        params.model.path = str(path)
        params.model_alias = {"model"}  # else it would tell everybody where the file is
        params.n_ctx, params.n_parallel, params.kv_unified = self.context, ROWS, True
        params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [self._key]
        params.ui = params.endpoint_slots = params.warmup = False
        params.cache_ram_mib = 0  # it would keep up to 8 GiB of conversations that nobody goes on with
        params.verbosity = 1  # errors, to standard error
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = torch.get_num_threads()
        if compute.device.type == "cpu":
            params.n_gpu_layers, params.fit_params = 0, False
        return params

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self._native.listening_address).netloc)

    def ask(self, row: int, body: dict[str, Any], path: str = "/completion") -> dict[str, Any]:
        """The reply to one request. Raises WorkbenchError where there is none, or it is a refusal."""
        about = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        connection = self._connections[row]
        try:
            connection.request("POST", path, json.dumps(body).encode(), about)
            reply = connection.getresponse()
            found = json.loads(reply.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise WorkbenchError("llama.cpp broke off.", "The log has the details. Load the model again.") from error
        if reply.status != 200:
            said = str(found.get("error", {}).get("message", reply.reason))
            raise WorkbenchError(f"llama.cpp refused to write: {said}.", "Choose transformers, or other settings.")
        return found

    def break_off(self, row: int) -> None:
        """End what a row is doing: the server stops when nobody listens."""
        connection, self._connections[row] = self._connections[row], self._connection()
        if connection.sock is not None:
            with contextlib.suppress(OSError):  # the server was faster
                connection.sock.shutdown(socket.SHUT_RDWR)

    def admit(self, tokens: int) -> int:
        """A row that holds so many tokens; -1 while there is none."""
        if not self.free or tokens > self.left:
            return -1
        self.left -= tokens
        return self.free.pop(0)

    def release(self, row: int, tokens: int) -> None:
        """Give a row back."""
        self.left += tokens
        self.free.append(row)


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what this process does when it is told to end: the server answers these signals itself, and stays."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class _Row:
    """One answer while it is written: its prompt, where its seeds come from, and the token that is asked for."""

    draft: Draft
    prompt: tuple[int, ...]
    seeds: random.Random
    most: int
    """Tokens that it may have in the end, with its prompt."""
    said: list[Said] = field(default_factory=list)
    place: int = -1
    asked: Future[dict[str, Any]] | None = None

    def take(self, found: dict[str, Any], stops: frozenset[int], longest: int) -> None:
        """Add the token that came."""
        id_ = int(found["tokens"][0])
        self.draft.ids.append(id_)
        self.said.append(_said(id_, found.get("completion_probabilities") or []))
        if id_ in stops:
            self.draft.finish_reason = "stop"
        elif len(self.draft.ids) == longest:
            self.draft.finish_reason = "length"


def _said(id_: int, told: list[dict[str, Any]]) -> Said:
    """A token that is the beginning of a character has no figures, and no text either."""
    if not told:
        return Said(id_, 1.0, ())
    others = tuple((int(other["id"]), math.exp(other["logprob"])) for other in told[0]["top_logprobs"])
    return Said(id_, math.exp(told[0]["logprob"]), others)


@dataclass
class Running:
    """A model that llama.cpp runs, with all that turns text into its tokens: what loading.Loaded is for writing."""

    model: _Server
    tokenizer: PreTrainedTokenizerBase
    template: Template
    compute: Compute
    ref: ModelRef
    ends: frozenset[int]
    numbers: str
    """How the file keeps its weights, as "Q8_0"."""
    remembered: dict[tuple[tuple[int, ...], str], list[Said]] = field(default_factory=dict)
    """What was said of each token of the newest answers, by prompt and text."""

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        return self.ends | {self.template.end_id}

    @property
    def context(self) -> int:
        """Most tokens of a conversation with its answer."""
        return self.model.context

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        sampler: Sampler,
        seeds: Sequence[int],
        check: Callable[[], None] = lambda: None,
    ) -> Iterator[list[Draft]]:
        """Write an answer to each prompt, as generating.sample does. Yields an empty list where a step takes long."""
        waiting = [self._row(index, *each, sampler) for index, each in enumerate(zip(prompts, seeds, strict=True))]
        writing: list[_Row] = []
        try:
            while waiting or writing:
                check()
                self._admit(waiting, writing)
                for row in writing:
                    row.asked = row.asked or self.model.pool.submit(self.model.ask, row.place, self._body(row, sampler))
                asked = [row.asked for row in writing if row.asked is not None]
                if not asked or wait(asked, PATIENCE).not_done:
                    if not asked:
                        time.sleep(PATIENCE)  # others write with this model, and its cache is full
                    yield []
                    continue
                yield self._step(writing, sampler)
        finally:
            for row in writing:
                self._leave(row)

    def _row(self, index: int, prompt: Sequence[int], seed: int, sampler: Sampler) -> _Row:
        most = len(prompt) + sampler.max_new_tokens
        if most > self.context:
            raise WorkbenchError(
                f"Prompt and longest answer have {most} tokens, and llama.cpp has room for {self.context} here.",
                "Shorten one of them, or choose transformers.",
            )
        return _Row(Draft(index), tuple(prompt), random.Random(seed), most)

    def _admit(self, waiting: list[_Row], writing: list[_Row]) -> None:
        while waiting and (place := self.model.admit(waiting[0].most)) >= 0:
            waiting[0].place = place
            writing.append(waiting.pop(0))

    def _body(self, row: _Row, sampler: Sampler) -> dict[str, Any]:
        early = len(row.draft.ids) < sampler.min_new_tokens
        return {
            "prompt": [*row.prompt, *row.draft.ids],
            "n_predict": 1,
            "id_slot": row.place,
            "cache_prompt": True,
            "return_tokens": True,
            "n_probs": ALTERNATIVES,
            "response_fields": ["tokens", "completion_probabilities"],
            "seed": row.seeds.getrandbits(31),
            "samplers": ORDER,
            "temperature": sampler.temperature,
            "top_k": sampler.top_k,
            "top_p": sampler.top_p,
            "min_p": sampler.min_p,
            "repeat_penalty": sampler.repetition_penalty,
            "repeat_last_n": self.context,
            "logit_bias": [[id_, False] for id_ in sorted(self.stop_ids)] if early else [],
        }

    def _step(self, writing: list[_Row], sampler: Sampler) -> list[Draft]:
        """The drafts, each a token longer. Rows that ended leave."""
        grown, stops = [row.draft for row in writing], self.stop_ids
        for row in list(writing):
            assert row.asked is not None
            row.take(row.asked.result(), stops, sampler.max_new_tokens)
            row.asked = None
            if row.draft.finish_reason:
                self._remember(row)
                writing.remove(row)
                self._leave(row)
        return grown

    def _leave(self, row: _Row) -> None:
        if row.asked is not None:
            self.model.break_off(row.place)
        self.model.release(row.place, row.most)

    def _remember(self, row: _Row) -> None:
        while len(self.remembered) >= KEPT:
            del self.remembered[next(iter(self.remembered))]
        kept = row.said[:-1] if row.draft.finish_reason == "stop" else row.said
        self.remembered[row.prompt, self.template.text_of(row.draft.ids)] = kept
