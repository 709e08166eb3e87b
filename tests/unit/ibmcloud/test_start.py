"""Verbs start fast, and the command knows nothing of the server."""

from __future__ import annotations

import subprocess
import sys

LOADS = """
import io, os, sys
from kunsthalle.ibmcloud import registry
from kunsthalle.ibmcloud.main import run
from kunsthalle.ibmcloud.terminal import Terminal
{more}
code = run({argv!r}, {{"HOME": "/nonexistent"}}, Terminal(io.StringIO(), io.StringIO(), io.StringIO()))
print(*sys.modules)
"""
OURS = (
    "kunsthalle",
    "kunsthalle.core",
    "kunsthalle.core.disk_formats",
    "kunsthalle.core.ids",
    "kunsthalle.core.redaction",
    "kunsthalle.core.text_values",
    "kunsthalle.ibmcloud",
    "kunsthalle.local",
    "kunsthalle.local.client",
    "kunsthalle.local.display",
    "kunsthalle.local.folder",
    "kunsthalle.local.list_parameters",
    "kunsthalle.local.text_tables",
    "kunsthalle.local.trust",
)
"""What both command lines share: none of it loads anything of the server."""


def _loaded(*argv: str, more: str = "") -> set[str]:
    code = LOADS.format(argv=list(argv), more=more)
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_nothing_of_the_server_is_loaded_by_any_command() -> None:
    ours = {name for name in _loaded("help", more="registry.everything()") if name.startswith("kunsthalle")}
    assert {name for name in ours if name not in OURS and not name.startswith("kunsthalle.ibmcloud.")} == set()


def test_verbs_that_stay_at_home_load_no_network() -> None:
    for argv in (("version",), ("plugin", "list"), ("config", "--help"), ("is", "images", "--help"), ("is", "images")):
        assert not {"http.client", "ssl", "socket", "email"} & _loaded(*argv), argv


def test_an_area_loads_its_own_commands_only() -> None:
    assert "kunsthalle.ibmcloud.commands.image_commands" not in _loaded("resource", "groups")
