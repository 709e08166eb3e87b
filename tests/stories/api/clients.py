"""Moved to `fixtures.clients`; this name goes with the last test that imports it."""

from fixtures.clients import *  # noqa: F403  a name for those who have not moved yet
