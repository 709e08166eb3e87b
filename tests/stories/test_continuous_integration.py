"""The action for GitHub and the template for GitLab: their schemas, and their steps, run as the runners run them.

The workflows are those of `docs/how-to/continuous-integration.md`, with the script of `examples/shell` in the project.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fixtures.ci_runners import GitHubJob, GitLabJob, StepFailed
from fixtures.clients import eventually
from fixtures.tools import ROOT
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local import folder
from kunsthalle.local.client import is_healthy

ACTION, TEMPLATE = ROOT / "action.yml", ROOT / "deploy" / "gitlab" / "kunsthalle.yml"
PAGE = ROOT / "docs" / "how-to" / "continuous-integration.md"
FILES = {
    text.splitlines()[0].removeprefix("# "): text
    for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
}
PYTHON = f"""#!/bin/sh
# The product's environment has the pip of PYTHONPATH: unpacking another takes longer than all that a job does with it.
case "$1 $2 $3" in "-m venv "*/venv) set -- -m venv --without-pip "$3";; esac
exec {shlex.quote(sys.executable)} "$@"
"""
WORKFLOWS = sorted(name for name in FILES if name.startswith(".github/"))
by_turns = pytest.mark.by_turns(10)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a runner without a package index: what projects need is taken from here. `python3` is this one."""
    bin_ = tmp_path_factory.mktemp("runner")
    (bin_ / "python3").write_text(PYTHON)
    (bin_ / "python3").chmod(0o755)
    return {
        "PATH": f"{bin_}:/usr/bin:/bin",
        "HOME": str(bin_),
        "LANG": "C.UTF-8",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_CACHE_DIR": "1",
    }


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> GitHubJob:
    """A job in which the action has installed the product: others take that over."""
    folder = tmp_path_factory.mktemp("installed")
    job = GitHubJob(folder, folder / "runner-temp", env, {"kunsthalle": ROOT})
    job.run({"steps": [{"uses": "OWNER/kunsthalle@main", "with": {"command": "ibmcloud version"}}]})
    assert "ibmcloud" in job.log
    return job


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository of somebody who tests a script that imports images."""
    made = tmp_path / "project"
    made.mkdir()
    shutil.copy(ROOT / "examples" / "shell" / "image-pipeline", made)
    write_qcow2(made / "golden-2.qcow2", 2**30, b"golden")
    return made


@pytest.fixture
def job(tmp_path: Path, project: Path, env: dict[str, str], installed: GitHubJob) -> Iterator[GitHubJob]:
    """A job of GitHub's; what it left running ends with it, as there."""
    temporary = tmp_path / "runner-temp"
    made = GitHubJob(project, temporary, env, {"kunsthalle": ROOT})
    made.done = {"install": installed.done["install"]}
    (temporary / "kunsthalle").mkdir()
    yield made
    said = folder.read(temporary / "kunsthalle" / "data", folder.SERVER)
    if said:
        os.kill(said["pid"], signal.SIGTERM)


def _steps(name: str) -> dict[str, object]:
    [job] = yaml.safe_load(FILES[name])["jobs"].values()
    return dict(job)


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("github-actions", "action.yml"),
        ("gitlab-ci", "deploy/gitlab/kunsthalle.yml"),
        *(("github-workflows", name) for name in WORKFLOWS),
        ("gitlab-ci", ".gitlab-ci.yml"),
    ],
)
def test_files_are_as_the_public_schemas_say(tmp_path: Path, schema: str, name: str) -> None:
    file = ROOT / name
    if name in FILES:
        file = tmp_path / Path(name).name
        file.write_text(FILES[name])
    more = ["--data-transform", "gitlab-ci"] if schema == "gitlab-ci" else []
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *more, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout


@by_turns
def test_a_server_for_the_steps_of_a_workflow(job: GitHubJob) -> None:
    job.run(_steps(".github/workflows/images.yml"))
    assert "golden-2 is available" in job.log
    assert job.left_out == ["actions/checkout"]
    outputs = job.outputs["kunsthalle"]
    assert is_healthy(outputs["url"])
    assert Path(outputs["log"]).exists()
    credentials = json.loads((Path(outputs["data"]) / "credentials.json").read_text())
    secrets = [credentials["operator_token"], *(one["api_key"] for one in credentials["accounts"].values())]
    assert sorted(job.masks) == sorted(secrets)
    assert not [secret for secret in secrets if secret in job.log]


@by_turns
def test_steps_act_as_the_account_and_keep_their_own_python(job: GitHubJob) -> None:
    program = "from ibm_vpc import VpcV1; print(len(VpcV1.new_instance().list_vpcs().get_result()['vpcs']), 'vpc')"
    steps = [
        {"uses": "OWNER/kunsthalle@main", "with": {"scenario": "same-name-twice", "account": "consumer-a"}},
        {"run": f'python3 -c "{program}"; command -v python3; echo "id ${{IBMCLOUD_ACCOUNT_ID:-none}}"'},
        {"run": "ibmcloud login -a $KUNSTHALLE_URL -r us-south; ibmcloud account show"},
        {"run": 'kunsthalle env --account publisher --format github >> "$GITHUB_ENV"'},
        {"run": "ibmcloud login -a $KUNSTHALLE_URL -r us-south | grep -o 'publisher' | head -n 1"},
        {"run": 'echo "$IBMCLOUD_API_KEY"'},
    ]
    job.run({"steps": steps})
    lines = job.log.splitlines()
    assert {"id none", "1 vpc"} <= set(lines)
    assert any(re.fullmatch(r"/.*/runner\d*/python3", line) for line in lines)
    assert "consumer-a" in job.log
    assert lines[-2:] == ["publisher", "***"]


@by_turns
def test_a_command_in_a_world_of_its_own(job: GitHubJob) -> None:
    job.run(_steps(".github/workflows/terraform.yml"))
    assert re.search(r"golden-2 is available\n(.*\n)*.*golden-2 .*available", job.log)
    assert job.masks == []


@by_turns
def test_a_command_that_fails_fails_the_step(job: GitHubJob) -> None:
    step = {"uses": "OWNER/kunsthalle@main", "with": {"command": "false | true\necho never"}}
    with pytest.raises(StepFailed, match="ended with 1"):
        job.run({"steps": [step]})
    assert "never" not in job.log


@by_turns
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scenario": "nowhere.yaml"}, "nowhere.yaml"),
        ({"account": "nobody"}, "Unknown account: 'nobody'"),
        ({"clock": "sundial"}, "The server did not start; its log is above."),
        ({"timeout": "0"}, "The server did not answer within 0 seconds; its log is above."),
        ({"timeout": "soon"}, "timeout 'soon': give a whole number of seconds."),
        ({"command": "true", "scenario": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
def test_a_wrong_input_fails_with_its_reason(job: GitHubJob, given: dict[str, str], said: str) -> None:
    with pytest.raises(StepFailed, match=re.escape(said)):
        job.run({"steps": [{"uses": "OWNER/kunsthalle@main", "with": given}]})


@by_turns
def test_a_project_with_the_pytest_plugin(job: GitHubJob, project: Path) -> None:
    shutil.copytree(ROOT / "examples" / "pytest", project, dirs_exist_ok=True)
    job.run(_steps(".github/workflows/pytest.yml"))
    assert "6 passed" in job.log


def _gitlab(name: str) -> GitLabJob:
    job = GitLabJob(FILES[".gitlab-ci.yml"], name, {"deploy/gitlab/kunsthalle.yml": TEMPLATE})
    job.variables["KUNSTHALLE_CI_SOURCE"] = str(ROOT)
    return job


@by_turns
def test_a_server_beside_a_job_of_gitlab(project: Path, env: dict[str, str]) -> None:
    job = _gitlab("pipeline")
    job.run(project, env)
    said = folder.read(project / ".kunsthalle" / "data", folder.SERVER)
    eventually(lambda: not is_healthy(said["url"]), "the end of the server")
    assert [(project / path).exists() for path in job.artifacts] == [True]


@by_turns
def test_a_command_in_a_job_of_gitlab(project: Path, env: dict[str, str]) -> None:
    assert "ibmcloud" in _gitlab("command").run(project, env)


@by_turns
def test_a_job_of_gitlab_without_a_source_says_what_to_set(project: Path, env: dict[str, str]) -> None:
    job = _gitlab("command")
    del job.variables["KUNSTHALLE_CI_SOURCE"]
    with pytest.raises(StepFailed, match="Set the variable KUNSTHALLE_CI_SOURCE"):
        job.run(project, env)


@by_turns
def test_a_server_that_does_not_start_fails_the_job_of_gitlab(project: Path, env: dict[str, str]) -> None:
    job = _gitlab("pipeline")
    job.variables["KUNSTHALLE_CI_CLOCK"] = "sundial"
    with pytest.raises(StepFailed, match="sundial"):
        job.run(project, env)
