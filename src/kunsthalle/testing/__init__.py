"""For tests of automation against Kunsthalle: clean worlds for each test, or one server process under a test's control.

`clean_world` is for unittest and scripts, `pytest_plugin` gives the same as fixtures, `Served` is a single process.
pytest imports this package in every run of whoever installed it: what is not of the standard library is loaded by the
first fixture.
"""

from kunsthalle.testing.served import Served
from kunsthalle.testing.world import World
from kunsthalle.testing.world_server import WorldServer, clean_world

__all__ = ["Served", "World", "WorldServer", "clean_world"]
