"""The models in memory, seen from the window: they are loaded in one child, which writes answers on request."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from .. import events as ev
from ..errors import WorkbenchError
from ..jobs import compute
from ..jobs.feeding import Feeder
from ..jobs.recording import store_answer
from ..jobs.spec import JobSpec
from ..lm.refs import SERVER, ModelRef
from ..store import Model, Response, Store
from .job_thread import SessionThread


class ModelSession(QObject):
    """Loads and unloads models, asks them for answers, and says what comes of it."""

    session_changed = Signal()
    """A model came into memory or left it, or one is loading."""
    session_event = Signal(object)
    """Token, Progress, Finished, Stopped or Failed of the session."""
    answer_stored = Signal(object, object)
    """(Answer, Response): an answer of the session is finished and on disk."""
    looked_at = Signal(object)
    """Chances of an answer's tokens."""
    rewritten = Signal(object)
    """Rewritten: what the model that was used last has made of a text so far, or how that ended."""
    store_changed = Signal(str, object)
    """(table, by): rows changed through the window's store or by a run. `by` is whoever did it, or None."""
    message = Signal(str, str, str)
    """(text, hint, tone): something to tell the person; tone is "info", "good", "warn" or "bad"."""

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self.session: SessionThread | None = None
        self.session_model: Model | None = None
        """The model that was used last, or that is the first to be loaded."""
        self.session_info: Mapping[str, Any] = {}
        self.session_ids: list[str] = []
        """Ids of the models in memory."""
        self.loading_ids: set[str] = set()
        self._feeder: Feeder | None = None
        self._outlived: list[SessionThread] = []
        self._numbers = itertools.count(1)

    @property
    def session_loading(self) -> bool:
        """Whether a model is on its way into memory."""
        return bool(self.loading_ids)

    def load_model(self, model_id: str) -> None:
        """Load a model (by id or name) beside those in memory; what has no room beside it leaves. Raises
        WorkbenchError."""
        from ..jobs import preparing

        ref = preparing.reference(self.store, model_id)
        if ref.kind == SERVER:
            raise WorkbenchError(f"{ref.name} is on a server and needs no loading.", "Write with it in Generate.")
        self._begins(ref)
        if self.session is None:
            self.session_model = self.store.models.find(ref.id)
            self._open_session(ref)
        else:
            self.session.request({"do": "load", "model": ref.to_json()})
        self.session_changed.emit()

    def _open_session(self, ref: ModelRef | None) -> None:
        spec = JobSpec("session", "session", {}, str(self.store.folder), ref)
        thread = self.session = SessionThread(spec, self.store.folder / "session.log", self)
        self._feeder = thread.feeder
        self._feeder.paused = self._needs_rest()
        thread.happened.connect(lambda event: self._on_session_event(thread, event))
        thread.finished.connect(lambda: self._on_session_end(thread))
        thread.start()

    def _needs_rest(self) -> bool:
        """Whether something else needs the machine, so that an idle model reads nothing ahead."""
        return False

    def unload_model(self, model_id: str = "") -> None:
        """Free the memory of one model, or of all of them."""
        if self.session is None:
            return
        if model_id and set(self.session_ids) | self.loading_ids != {model_id}:
            self.session.request({"do": "unload", "id": model_id})
            return
        self._outlived.append(self.session)
        self.session.unload()
        self._forget_session()

    def _forget_session(self) -> None:
        self.session, self.session_model, self.session_info = None, None, {}
        self.session_ids, self._feeder = [], None
        self.loading_ids.clear()
        self.session_changed.emit()

    def request_answers(
        self,
        *,
        prompt_id: str,
        model_id: str,
        sampler: Mapping[str, Any],
        samples: int,
        seed: int,
        column: int = 0,
        reward_id: str | None = None,
    ) -> str:
        """Have a model (loaded first when it is not) write answers to a prompt, and return the request's id.

        Requests are answered side by side. Tokens come as session_event, whole answers as answer_stored. Raises
        WorkbenchError.
        """
        from ..jobs import preparing

        ref = preparing.reference(self.store, model_id)
        reward = preparing.reference(self.store, reward_id) if reward_id else None
        messages = list(self.store.prompts.find(prompt_id).messages)
        self._have_session(ref)
        request_id = f"{prompt_id}:{column}:{next(self._numbers)}"
        assert self.session is not None
        self.session.request(
            {
                "do": "generate",
                "id": request_id,
                "column": column,
                "prompt_id": prompt_id,
                "messages": messages,
                "model": ref.to_json(),
                "samples": samples,
                "sampler": dict(sampler),
                "seed": seed,
                "reward": reward.to_json() if reward else None,
            }
        )
        return request_id

    def _have_session(self, ref: ModelRef) -> None:
        if self.session is None and ref.kind == SERVER:
            self._open_session(None)
        elif self.session is None:
            self.load_model(ref.id)
        elif ref.kind != SERVER and ref.id not in self.session_ids:
            self._begins(ref)
            self.session_changed.emit()

    def _begins(self, ref: ModelRef) -> None:
        """A model is about to be loaded: say what is odd about how it is used. Raises NoEngine."""
        compute.require()
        self.loading_ids.add(ref.id)
        self._warn_of_templates(ref.id)

    def _warn_of_templates(self, *model_ids: str | None) -> None:
        from ..jobs.chat_templates import mismatches

        for found in mismatches(self.store, *model_ids):
            self.message.emit(found.text, found.hint, "warn")

    def request_chances(self, response: Response, model_id: str) -> str:
        """Ask how likely a model finds each token of an answer, and return the request's id. Raises WorkbenchError."""
        from ..jobs import preparing

        ref = preparing.reference(self.store, model_id)
        messages = list(self.store.prompts.find(response.prompt_id).messages)
        self._have_session(ref)
        assert self.session is not None
        id_ = f"{response.id} {model_id}"
        about = {"messages": messages, "text": response.text}
        self.session.request({"do": "chances", "id": id_, "model": ref.to_json()} | about)
        return id_

    def request_rewrite(self, *, prompt_id: str, text: str, instruction: str, seed: int) -> str:
        """Have the loaded model change a text as it is told, and return the request's id. Nothing of it is stored.

        What it makes of it comes as `rewritten`. Raises WorkbenchError when there is no model, or it is busy.
        """
        if self.session is None:
            raise WorkbenchError("No model is loaded.", "Load one in Models.")
        if self.session.feeder.writing:
            raise WorkbenchError("The model is writing answers.", "Ask when it is done, or stop it in Generate.")
        request_id = f"rewrite {prompt_id} {seed}"
        self.session.request(
            {
                "do": "rewrite",
                "id": request_id,
                "messages": list(self.store.prompts.find(prompt_id).messages),
                "text": text,
                "instruction": instruction,
                "seed": seed,
            }
        )
        return request_id

    def stop_writing(self, ids: Sequence[str] | None = None) -> None:
        """Stop the requests with these ids, or whatever is being written; the models stay loaded."""
        if self.session:
            self.session.stop_writing(ids)

    def _on_session_event(self, thread: SessionThread, event: ev.Event) -> None:
        if thread is not self.session:
            return
        if isinstance(event, ev.Loaded):
            self._on_loaded(event.info)
        elif isinstance(event, ev.Answer):
            self.answer_stored.emit(event, self._keep(event))
        elif isinstance(event, ev.Rewritten):
            self.rewritten.emit(event)
        elif isinstance(event, ev.Chances):
            self.looked_at.emit(event)
        elif isinstance(event, ev.Features):
            if event.vectors:
                self.store_changed.emit("features", None)
        elif isinstance(event, ev.Failed):
            self._on_failed(event)
        else:
            self.session_event.emit(event)

    def _on_loaded(self, info: Mapping[str, Any]) -> None:
        self.session_info = info
        self.session_ids = list(info.get("loaded", ()))
        used = info.get("id")
        self.loading_ids -= {*self.session_ids, used}
        self.session_model = self.store.models.find(str(used)) if used else None
        if left := info.get("left"):
            text = self.tr("{names} left memory to make room for {name}.")
            name = self.session_model.name if self.session_model else ""
            self.message.emit(text.format(names=", ".join(left), name=name), "", "info")
        self.session_changed.emit()

    def _on_failed(self, event: ev.Failed) -> None:
        self.message.emit(event.text, event.hint, "bad")
        self.loading_ids.clear()
        self.session_changed.emit()
        self.session_event.emit(event)

    def _keep(self, answer: ev.Answer) -> Response:
        used = self.session_model.id if self.session_model else None
        return store_answer(self.store, answer, None, answer.model_id or used)

    def _on_session_end(self, thread: SessionThread) -> None:
        if thread is self.session:
            self._forget_session()
        if thread in self._outlived:
            self._outlived.remove(thread)
        thread.deleteLater()
