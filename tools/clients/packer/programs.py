"""Packer and IBM's plugin for it: built once, or taken from where they are."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.clients.go_build import CannotBuild, build_in_tree, cache

PACKER = "github.com/hashicorp/packer"
PACKER_VERSION = "1.12.0"
PLUGIN = "github.com/IBM/packer-plugin-ibmcloud"
PLUGIN_VERSION = "latest"
SETTING = "KUNSTHALLE_PACKER_PLUGIN"
"""Environment variable with the path of a built plugin, as `--plugin` sets it."""


@dataclass(frozen=True)
class Programs:
    """Both binaries, and what they say they are."""

    packer: Path
    plugin: Path
    versions: list[str]


def find_programs() -> Programs:
    """The plugin first: without it Packer has nothing to do. CannotBuild, in one line, where it is not to be had."""
    plugin, origin = find_plugin()
    described = describe(plugin)
    name = f"packer_v{PACKER_VERSION}"
    packer = build_in_tree(PACKER, f"v{PACKER_VERSION}", cache() / name)
    return Programs(packer, plugin, [f"Packer {PACKER_VERSION}", f"IBM/ibmcloud {described} ({origin})"])


def find_plugin() -> tuple[Path, str]:
    """The plugin that was named, or lies in the cache, or is built now; and which of these it is."""
    named = os.environ.get(SETTING)
    if named:
        return Path(named).resolve(), "a binary that was given"
    kept = cache() / "packer-plugin-ibmcloud"
    if kept.exists():
        return kept, "a binary in the cache"
    built = cache() / "packer-plugin-ibmcloud_built"
    try:
        return build_in_tree(PLUGIN, PLUGIN_VERSION, built), "built from its Go module"
    except CannotBuild as error:
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise CannotBuild(
            f"The Packer plugin is missing: {PLUGIN} cannot be built ({reason.strip()}). Name a built one with"
            f" --plugin PATH, or put it at {kept}."
        ) from error


def describe(plugin: Path) -> str:
    """The version that a plugin says it has. CannotBuild where the file is no plugin with the builder `vpc`."""
    try:
        done = subprocess.run([plugin, "describe"], capture_output=True, text=True, timeout=60, check=False)
        found = json.loads(done.stdout)
        builders, version = found["builders"], found["version"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        raise CannotBuild(f"{plugin} is not a Packer plugin: `describe` tells no version and no builders.") from error
    if "vpc" not in builders:
        raise CannotBuild(f"{plugin} is not IBM's plugin: it has the builders {builders}, and no `vpc`.")
    return str(version)
