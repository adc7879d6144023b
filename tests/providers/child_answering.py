"""The child process of a job, which logs everything that can be logged."""

from __future__ import annotations

import logging
import sys

from workbench.jobs import child
from workbench.jobs.tasks import generate

_usual = generate.train


def train(job, options):
    logging.getLogger().setLevel(logging.DEBUG)
    yield from _usual(job, options)


if __name__ == "__main__":
    generate.train = train
    sys.exit(child.main())
