"""`is regions`, `is zones`, `is target` (cli.md 3.4)."""

from __future__ import annotations

from kunsthalle.ibmcloud.grammar import Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run

_REGION = (("Name", "name"), ("Endpoint", "endpoint"), ("Status", "status"))
_ZONE = (("Name", "name"), ("Region", "region.name"), ("Status", "status"))


def _regions(run: Run) -> None:
    run.progress("Listing", "regions")
    run.table(run.api.listed("/v1/regions", "regions"), _REGION, "No regions were found.")


def _region(run: Run) -> None:
    name = run.given["REGION"]
    run.progress("Getting", f"region {name}")
    run.detail(run.api.get(path_of("/v1/regions/{}", name)), _REGION)


def _zones(run: Run) -> None:
    run.progress("Listing", f"zones in target region {run.session.region}")
    path = path_of("/v1/regions/{}/zones", run.session.region)
    run.table(run.api.listed(path, "zones"), _ZONE, "No zones were found.")


def _zone(run: Run) -> None:
    name = run.given["ZONE"]
    run.progress("Getting", f"zone {name}")
    run.detail(run.api.get(path_of("/v1/regions/{}/zones/{}", run.session.region, name)), _ZONE)


def _target(run: Run) -> None:
    """There is one generation; what older scripts set is taken and nothing more is said."""
    if not run.given.has("gen"):
        run.terminal.lines(["Target Generation: 2"])


COMMANDS = (
    Command("is regions", "List all regions.", _regions),
    Command("is region", "View details of a region.", _region, "REGION"),
    Command("is zones", "List all zones in the target region.", _zones),
    Command("is zone", "View details of a zone.", _zone, "ZONE"),
    Command(
        "is target",
        "View or set the generation: there is generation 2.",
        _target,
        flags=(flag("gen", text="The generation.", choices=("1", "2")),),
        output=False,
        offline=True,
    ),
)
