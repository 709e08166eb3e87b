"""Runs Packer with IBM's plugin against a server of its own, as far as that goes without SSH to a guest."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from tools.clients.packer.differences import DIFFERENCES
from tools.clients.packer.programs import Programs, find_programs
from tools.clients.results import Difference, Result
from tools.clients.steps import Teller
from tools.clients.walk_server import World

from kunsthalle.core.clock import SystemClock, rfc3339
from kunsthalle.core.errors import NOT_FOUND

CONFIGURATION = Path(__file__).resolve().parent / "configurations" / "build.pkr.hcl"
SOURCE = "github.com/IBM/ibmcloud"
_ACCOUNT = "consumer-a"
_PATIENCE = 600
"""Seconds that one command may take: the plugin looks every ten seconds at what it waits for."""


class PackerFailed(Exception):
    """A command of Packer ended otherwise than it was to; the message is the end of what it wrote."""


def run_packer(only: str, _jobs: int) -> Result:
    """Run the one walk there is, where its name contains one of the texts, which commas part."""
    programs = find_programs()
    teller = Teller("build", ["ibmcloud-vpc"])
    if any(text in teller.walk.name for text in only.split(",")):
        with teller.failing_alone("server and preparation"), tempfile.TemporaryDirectory() as folder:
            _serve(programs, Path(folder), teller)
    found = [Difference(what, reason) for what, reason in DIFFERENCES.items()]
    return Result("packer", programs.versions, rfc3339(SystemClock().now())[:10], [teller.walk], found)


def _serve(programs: Programs, folder: Path, teller: Teller) -> None:
    world = World(folder)
    try:
        Walk(programs, world.start(), folder).tell(teller)
    finally:
        world.served.stop()


class Walk:
    """The steps, in an account that others share a version with."""

    def __init__(self, programs: Programs, world: World, folder: Path) -> None:
        self._programs, self._world, self._folder = programs, world, folder
        self._shared = world.shared_version()
        subnet = world.vpc(_ACCOUNT, "GET", "subnets")["subnets"][0]["id"]
        served = world.served.env(_ACCOUNT)
        self._variables = {
            "api_key": world.key_of(_ACCOUNT),
            "vpc_endpoint_url": served["IBMCLOUD_IS_NG_API_ENDPOINT"],
            "iam_url": served["KUNSTHALLE_URL"],
            "subnet_id": subnet,
            "version_crn": self._shared["crn"],
            "offering_crn": self._shared["offering"],
        }
        self._own = world.own_image(_ACCOUNT)
        self._before = world.inventory(_ACCOUNT)

    def tell(self, teller: Teller) -> None:
        """Take every step; those that need one that failed fail, too."""
        teller.step("the plugin is installed", self._install)
        teller.step("the configuration is valid", lambda: self._run("validate", str(CONFIGURATION)))
        teller.step("a masked image is refused as one that never was", self._masked)
        teller.step("nothing is left of that", self._nothing_left)
        teller.step("an own image is booted, and the build ends where Packer connects", self._own_image)
        teller.step("what it made is cleaned up", self._nothing_left)

    def _install(self) -> None:
        self._run("plugins", "install", "--path", str(self._programs.plugin), SOURCE)

    def _masked(self) -> None:
        self._build(self._shared["image"], f"Error creating the instance: {NOT_FOUND}")

    def _own_image(self) -> None:
        self._build(self._own, "Instance successfully created!")

    def _build(self, image: str, wanted: str) -> None:
        """A build that fails, with a text on its way."""
        self._variables["image_id"] = image
        arguments = ("build", "-color=false", "-only=ibmcloud-vpc.image", str(CONFIGURATION))
        written = " ".join(self._run(*arguments, expect=1).split())
        if wanted not in written:
            raise PackerFailed(f"{wanted!r} is not in what it wrote: {written[-3_000:]}")

    def _nothing_left(self) -> None:
        after = self._world.inventory(_ACCOUNT)
        if after != self._before:
            raise PackerFailed(f"left: {after - self._before}; missing: {self._before - after}")

    def _run(self, *arguments: str, expect: int = 0) -> str:
        done = subprocess.run(
            [self._programs.packer, *arguments],
            cwd=self._folder,
            env={
                **{f"PKR_VAR_{name}": value for name, value in self._variables.items()},
                "PATH": os.environ["PATH"],
                "HOME": str(self._folder),
                "PACKER_PLUGIN_PATH": str(self._folder / "plugins"),
                "CHECKPOINT_DISABLE": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode != expect:
            raise PackerFailed(f"packer {arguments[0]} ended with {done.returncode}:\n{done.stdout[-3_000:]}")
        return done.stdout
