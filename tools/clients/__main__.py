"""`./dev clients NAME [--only TEXT] [--write]`: build a client once, run its walks, say how many steps passed."""

from __future__ import annotations

import argparse
import sys

from tools.clients.results import Result, save
from tools.clients.terraform import run_terraform

CLIENTS = {"terraform": run_terraform}
"""Client, and what runs it: takes the words that names of walks must contain, and how many run side by side."""


def main(arguments: list[str]) -> int:
    """Run one client; 0 where every step passed."""
    parser = argparse.ArgumentParser(prog="./dev clients", description=__doc__)
    parser.add_argument("client", choices=sorted(CLIENTS))
    parser.add_argument(
        "--only", default="", help="only walks whose name contains this, or one of several texts, with commas between"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many walks run side by side")
    parser.add_argument("--write", action="store_true", help="keep the result for docs/compatibility.md")
    given = parser.parse_args(arguments)
    result: Result = CLIENTS[given.client](given.only, given.jobs)
    print(f"{result.client} {', '.join(result.versions)}: {result.passed} of {result.total} steps")
    if given.write:
        print(f"Written: {save(result, partial=bool(given.only))}")
    return 0 if result.passed == result.total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
