"""What the instant head, or the reward model that replaced it, expects of the answers in Data."""

from __future__ import annotations

from ..errors import WorkbenchError
from ..store.browsing import Entry
from .context import Context
from .data_words import shown_answer, tr
from .figures import MINUS
from .instant_head import InstantHead


def predicted(head: InstantHead, response_id: str) -> str:
    """ "+0.83 ± 0.21" in deviations from the mean answer; "" while nothing is expected of the answer."""
    found = head.prediction(response_id)
    if found is None:
        return ""
    text = f"{found.score:+.2f}".replace("-", MINUS)
    return text if found.doubt is None else f"{text} ± {found.doubt:.2f}"


def predicted_of(head: InstantHead, entry: Entry) -> str:
    """What is expected of the answer that stands for a judgement in the list; an edited one was never read."""
    if entry.kind == "edit" or not entry.response_ids:
        return ""
    return predicted(head, entry.response_ids[shown_answer(entry)])


def about(head: InstantHead) -> str:
    """Who predicts, and how good that is."""
    name, accuracy = head.model_name(), head.accuracy()
    if name:
        return tr("What {name} says of the answer, in deviations from the mean answer.").format(name=name)
    if accuracy:
        text = tr("What the instant head expects of the answer, in deviations from the mean. It is {accuracy}.")
        return text.format(accuracy=accuracy)
    return tr("What the instant head expects of the answer, in deviations from the mean answer.")


def score_answers(context: Context) -> None:
    """Have the newest reward model score all answers that it has not scored yet, in a run of its own."""
    models = context.store.models
    found = models.list("reward")
    try:
        if not found:
            raise WorkbenchError(
                tr("There is no reward model yet."), tr("Train one. Until then the instant head predicts.")
            )
        base = models.base_of(found[-1]).id
        context.start_run("features", {}, model_id=base, reward_id=found[-1].id)
    except WorkbenchError as error:
        context.tell(error)
        return
    context.message.emit(tr("{name} is scoring the answers.").format(name=found[-1].name), "", "info")
