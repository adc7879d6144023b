"""What to run, as plain JSON: stored with the run, sent to the child as one line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..errors import WorkbenchError
from ..lm.refs import ModelRef


@dataclass(frozen=True)
class JobSpec:
    """A job. `method` is a key of METHODS or TASKS; `data` the file with its frozen examples ("" for none)."""

    run_id: str
    method: str
    options: dict[str, Any]
    folder: str
    model: ModelRef | None = None
    reward: ModelRef | None = None
    others: tuple[ModelRef, ...] = ()
    data: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    resumes: bool = False
    """Go on from the newest checkpoint in `folder`."""
    changed: tuple[str, ...] = ()
    """Knobs that were turned on purpose since that checkpoint."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "run_id": self.run_id,
            "method": self.method,
            "options": self.options,
            "folder": self.folder,
            "model": self.model.to_json() if self.model else None,
            "reward": self.reward.to_json() if self.reward else None,
            "others": [ref.to_json() for ref in self.others],
            "data": self.data,
            "extra": self.extra,
            "resumes": self.resumes,
            "changed": list(self.changed),
        }

    @classmethod
    def from_line(cls, line: str) -> JobSpec:
        """The specification that a line holds. Raises WorkbenchError for a line that holds none."""
        try:
            value = json.loads(line)
            value["model"] = ModelRef.from_json(value.get("model"))
            value["reward"] = ModelRef.from_json(value.get("reward"))
            value["others"] = tuple(ModelRef(**ref) for ref in value.get("others", ()))
            value["changed"] = tuple(value.get("changed", ()))
            return cls(**value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise WorkbenchError("The job's specification cannot be read.", "Start the run again.") from error
