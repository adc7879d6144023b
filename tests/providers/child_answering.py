"""The child process of a job, whose task "generate" asks servers and logs everything that can be logged."""

from __future__ import annotations

import logging
import sys

from workbench.events import Finished, Started
from workbench.jobs import child
from workbench.jobs.tasks import generate, serving


def train(job, options):
    logging.getLogger().setLevel(logging.DEBUG)
    yield Started(len(job.data.prompts))
    yield from serving.answers(job, options, job.model)
    yield Finished({})


if __name__ == "__main__":
    generate.train = train
    sys.exit(child.main())
