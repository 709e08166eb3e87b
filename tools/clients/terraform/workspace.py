"""A folder with a configuration, and Terraform run in it against one server."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.clients.go_build import CannotBuild, build_in_tree, cache, install

from kunsthalle.local import environment

PROVIDER = "github.com/IBM-Cloud/terraform-provider-ibm"
PROVIDER_VERSION = "1.89.0"
TERRAFORM = "github.com/hashicorp/terraform"
TERRAFORM_VERSION = "1.5.7"
_HOST = "registry.terraform.io/ibm-cloud/ibm"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
"""As Go names them, where Python does otherwise."""
_PATIENCE = 900
"""Seconds that one command may take."""
_CRASHES = ("Plugin did not respond", "panic:", "The plugin encountered an error")
_CHANGES = ("# ", "~ ", "+ ", "- ", "-/+ ", "<= ")
SAME, CHANGED = 0, 2
"""Exit codes of `plan -detailed-exitcode`."""


class CommandFailed(Exception):
    """A command of Terraform ended otherwise than it was to; the message is the end of what it wrote."""


@dataclass(frozen=True)
class Tools:
    """The program, and the configuration of its command line that has it take the provider from the cache."""

    terraform: Path
    configuration: Path
    versions: list[str]


def at_hand() -> bool:
    """Whether Terraform and the provider are there without building anything."""
    return _provider().exists() and (_named() is not None or _built().exists())


def _provider() -> Path:
    return cache() / f"terraform-provider-ibm_v{PROVIDER_VERSION}"


def _built() -> Path:
    return cache() / f"terraform_v{TERRAFORM_VERSION}"


def _named() -> str | None:
    return os.environ.get("KUNSTHALLE_TERRAFORM") or shutil.which("terraform")


def find_tools() -> Tools:
    """Terraform from the path or built, and the provider, built once."""
    folder, named = cache(), _named()
    provider = build_in_tree(PROVIDER, f"v{PROVIDER_VERSION}", _provider())
    terraform = Path(named) if named else install(TERRAFORM, f"v{TERRAFORM_VERSION}", _built())
    configuration = _configuration(folder, provider)
    answer = subprocess.run(
        [terraform, "version", "-json"],
        env={**os.environ, "TF_CLI_CONFIG_FILE": str(configuration), "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise CannotBuild(f"{terraform} does not run: {answer.stderr}")
    version = json.loads(answer.stdout)["terraform_version"]
    return Tools(terraform, configuration, [f"Terraform {version}", f"IBM-Cloud/ibm {PROVIDER_VERSION}"])


def _configuration(folder: Path, provider: Path) -> Path:
    """A mirror with the one provider in it, so that `init` asks nobody."""
    mirror = folder / "mirror"
    machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
    place = mirror / _HOST / PROVIDER_VERSION / f"{platform.system().lower()}_{machine}"
    place.mkdir(parents=True, exist_ok=True)
    link = place / provider.name
    if not link.exists():
        link.symlink_to(provider)
    path = folder / "terraform.rc"
    path.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n    include = ["*/*/*"]\n  }}\n}}\n'
    )
    return path


def essence(written: str) -> str:
    """The errors of what a command wrote; where it has none, what would be changed."""
    at = written.find("Error: ")
    if at >= 0:
        return written[at : at + 3_000]
    changed = [line for line in written.splitlines() if line.lstrip().startswith(_CHANGES)]
    return "\n".join(changed)[:3_000]


@dataclass
class Workspace:
    """A configuration in a folder of its own. `variables` are those that it declares."""

    tools: Tools
    folder: Path
    data: Path
    account: str
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """What `kunsthalle env --format terraform` prints, and nothing of this user's."""
        text = environment.render(environment.variables(self.data, self.account), "terraform")
        printed = dict(part.split("=", 1) for part in shlex.split(text) if "=" in part)
        return {
            **printed,
            **{f"TF_VAR_{name}": value for name, value in self.variables.items()},
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TF_CLI_CONFIG_FILE": str(self.tools.configuration),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run one command. CommandFailed where it ends with another code, or the provider crashed."""
        done = subprocess.run(
            [self.tools.terraform, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        written = done.stdout
        if done.returncode != expect or any(text in written for text in _CRASHES):
            raise CommandFailed(f"terraform {' '.join(arguments)} ended with {done.returncode}:\n{essence(written)}")
        return written

    def plan(self, *, expect: int = SAME) -> None:
        """CommandFailed unless the plan is what is expected: SAME or CHANGED."""
        self.run("plan", "-input=false", "-no-color", "-detailed-exitcode", expect=expect)

    def apply(self) -> str:
        return self.run("apply", "-input=false", "-no-color", "-auto-approve")

    def destroy(self, *, expect: int = 0) -> str:
        return self.run("destroy", "-input=false", "-no-color", "-auto-approve", expect=expect)

    def outputs(self) -> dict[str, Any]:
        """The values of the configuration's outputs."""
        return {name: one["value"] for name, one in json.loads(self.run("output", "-json")).items()}

    def resources(self) -> list[dict[str, Any]]:
        """The managed resources of the state."""
        module = json.loads(self.run("show", "-json")).get("values", {}).get("root_module", {})
        return [one for one in module.get("resources", []) if one["mode"] == "managed"]

    def planned(self) -> list[dict[str, Any]]:
        """What a plan would do to each resource."""
        self.run("plan", "-input=false", "-no-color", "-out=plan")
        return list(json.loads(self.run("show", "-json", "plan")).get("resource_changes", []))
