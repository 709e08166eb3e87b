"""For tests of automation against Kunsthalle: a real server process on a free port, and its accounts' credentials."""

from kunsthalle.testing.served import Served

__all__ = ["Served"]
