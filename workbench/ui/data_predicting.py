"""What the instant head, or the reward model that replaced it, expects of the answers in Data."""

from __future__ import annotations

from ..errors import WorkbenchError
from ..store.browsing import Entry
from .context import Context
from .data_words import shown_answer, tr
from .figures import MINUS
from .instant_head import InstantHead


def predicted(head: InstantHead, response_id: str, digits: int = 2) -> str:
    """ "+0.83 ± 0.21" in deviations from the mean answer; "" while nothing is expected of the answer."""
    found = head.prediction(response_id)
    if found is None:
        return ""
    text = f"{found.score:+.{digits}f}".replace("-", MINUS)
    return text if found.doubt is None else f"{text} ± {found.doubt:.{digits}f}"


def predicted_of(head: InstantHead, entry: Entry) -> str:
    """What is expected of the answer that stands for a judgement in the list; an edited one was never read."""
    if entry.kind == "edit" or not entry.response_ids:
        return ""
    return predicted(head, entry.response_ids[shown_answer(entry)], 1)


def about(head: InstantHead) -> str:
    """Who predicts, how good that is, and what a click on the column does."""
    click = tr("A click puts first the judgements that it would not have made.") if head.surprising() else ""
    return f"{_who(head)} {click}".strip()


def _who(head: InstantHead) -> str:
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
