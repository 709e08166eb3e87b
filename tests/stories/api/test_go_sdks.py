"""The Go SDKs: the main story, every operation decoded by their models, and their sources as Go wants them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tools import go_toolchain
from tools.clients.go import run_go
from tools.clients.go.differences import SERVICES_OUT_OF_SCOPE
from tools.clients.go.run import versions
from tools.clients.results import FOLDER, Result
from tools.clients.sdk_operations import OTHERS

from stories.api.foreign_walks import SERVICES

pytestmark = pytest.mark.needs_go
VENV = Path(sys.prefix)
LEAST = 450
"""So many operations are called at least."""


@pytest.fixture(scope="module")
def result(go_programs: Path) -> Result:
    assert (go_programs / "bridge").exists()
    return run_go("", jobs=2)


@pytest.mark.by_turns(6, together=True)
def test_every_step_passes(result: Result) -> None:
    failed = [(walk.name, step.name, step.detail) for walk in result.walks for step in walk.steps if not step.passed]
    assert failed == []
    operations = [name for walk in result.walks for name in walk.covers if OTHERS in {step.name for step in walk.steps}]
    assert len(operations) >= LEAST


@pytest.mark.by_turns(6, together=True)
def test_the_kept_result_is_of_the_operations_there_are(result: Result) -> None:
    kept = json.loads((FOLDER / "go.json").read_text())
    assert kept["versions"] == versions()
    assert {walk["name"]: walk["covers"] for walk in kept["walks"]} == {walk.name: walk.covers for walk in result.walks}


def test_each_service_of_the_sdk_is_in_scope_or_has_a_reason() -> None:
    module = "github.com/IBM/platform-services-go-sdk"
    packages = go_toolchain.run(VENV, "list", f"{module}/...").split()
    found = {package.removeprefix(f"{module}/") for package in packages} - {module, "common"}
    called = {service.__name__.lower() for services in SERVICES.values() for service in services} - {"vpcv1"}
    assert called & set(SERVICES_OUT_OF_SCOPE) == set()
    assert found == called | set(SERVICES_OUT_OF_SCOPE)


def test_the_comparison_of_answers_with_models_finds_what_differs() -> None:
    assert "ok" in go_toolchain.run(VENV, "test", "./bridge")


def test_the_sources_are_formatted_and_vetted() -> None:
    folder = Path(go_toolchain.run(VENV, "env", "GOROOT").strip()) / "bin"
    done = subprocess.run([folder / "gofmt", "-l", go_toolchain.PROGRAMS], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    go_toolchain.run(VENV, "vet", "./...")
