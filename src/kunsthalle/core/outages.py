"""What a job needs is away, and comes back: the job waits as long as that takes, and nothing is given up."""

from __future__ import annotations


class Outage(Exception):
    """Somebody who has to be asked does not answer. What was asked is done, or not: it is to be asked again."""
