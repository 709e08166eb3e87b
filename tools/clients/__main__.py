"""`./dev clients NAME [--only TEXT] [--write]`: build a client once, run its walks, say how many steps passed."""

from __future__ import annotations

import argparse
import os
import sys

from tools.clients.go import run_go
from tools.clients.go_build import CannotBuild
from tools.clients.node.run import run_node
from tools.clients.packer import run_packer
from tools.clients.packer.programs import SETTING as PACKER_PLUGIN
from tools.clients.results import Result, save
from tools.clients.terraform import run_terraform

CLIENTS = {"go": run_go, "node": run_node, "packer": run_packer, "terraform": run_terraform}
"""Client, and what runs it: takes the words that names of walks must contain, and how many run side by side."""


def main(arguments: list[str]) -> int:
    """Run one client; 0 where every step passed, 2 where there is no client to run."""
    parser = argparse.ArgumentParser(prog="./dev clients", description=__doc__)
    parser.add_argument("client", choices=sorted(CLIENTS))
    parser.add_argument(
        "--only", default="", help="only walks whose name contains this, or one of several texts, with commas between"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many walks run side by side")
    parser.add_argument("--write", action="store_true", help="keep the result for docs/compatibility.md")
    parser.add_argument("--plugin", metavar="PATH", help="a built plugin of Packer, where it cannot be built here")
    given = parser.parse_args(arguments)
    if given.plugin and given.client != "packer":
        parser.error("--plugin is for packer")
    if given.plugin:
        os.environ[PACKER_PLUGIN] = given.plugin
    try:
        result: Result = CLIENTS[given.client](given.only, given.jobs)
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{result.client} {', '.join(result.versions)}: {result.passed} of {result.total} steps")
    if given.write:
        print(f"Written: {save(result, partial=bool(given.only))}")
    return 0 if result.passed == result.total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
