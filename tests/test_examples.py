"""The projects in `examples/`, installed as their users would install them, and run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.clients.go_build import cache
from tools.clients.packer.programs import PACKER_VERSION

from fixtures.tools import ROOT
from kunsthalle.cli import setting_options
from kunsthalle.cli.main import cli
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.local import folder
from kunsthalle.local.environment import variables

EXAMPLES = ROOT / "examples"
INSTALL = ("install", "--quiet", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
"""Without an index: what a project needs must be what this repository's environment has, or pip says what is not."""

shared = pytest.mark.by_turns(3, together=True)
"""Tests of what is installed, which takes longer than any of them."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment in which the product is installed, beside what it and its tests depend on."""
    installed = tmp_path_factory.mktemp("installed")
    venv.create(installed, symlinks=True)
    packages = next((installed / "lib").glob("python*")) / "site-packages"
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    _pip(installed / "bin", "--force-reinstall", "--no-deps", str(ROOT))
    return installed / "bin"


def _pip(environment: Path, *words: str) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(environment / "python"), *INSTALL, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


def _run(
    environment: Path, place: Path, *words: str, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    env = {"PATH": f"{environment}:/usr/bin:/bin", "HOME": str(place), "LANG": "C.UTF-8", **(more or {})}
    return subprocess.run(words, cwd=place, env=env, capture_output=True, text=True, check=False, timeout=300)


def test_every_example_is_run() -> None:
    examples = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    here = {"compose", "github-actions", "packer", "pytest", "python", "shell", "systemd", "unittest"}
    assert examples == {*here, "terraform"}, "./dev clients terraform runs the last"
    listed = set(re.findall(r"\[[\w -]+\]\(([\w-]+)\b[^)]*\)", (EXAMPLES / "README.md").read_text()))
    assert examples <= listed, "examples/README.md leads to each"


@shared
def test_the_installed_product_is_the_one_of_this_checkout(environment: Path, tmp_path: Path) -> None:
    program = "import kunsthalle; print(kunsthalle.__file__)"
    done = _run(environment, tmp_path, str(environment / "python"), "-c", program)
    assert Path(done.stdout.strip()).is_relative_to(environment.parent)


@shared
def test_pytest(environment: Path) -> None:
    _pip(environment, f"{EXAMPLES / 'pytest'}[test]")
    done = _run(environment, EXAMPLES / "pytest", str(environment / "python"), "-m", "pytest", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


@shared
def test_unittest(environment: Path) -> None:
    _pip(environment, f"{EXAMPLES / 'unittest'}[test]")
    done = _run(environment, EXAMPLES / "unittest", str(environment / "python"), "-m", "unittest")
    assert done.returncode == 0, done.stderr
    assert "Ran 3 tests" in done.stderr


@shared
def test_a_shell_script(environment: Path, tmp_path: Path) -> None:
    _pip(environment, str(EXAMPLES / "shell"))
    write_qcow2(tmp_path / "golden.qcow2", 2**30, b"golden")
    kunsthalle = (str(environment / "kunsthalle"), "run", "--")
    done = _run(environment, tmp_path, *kunsthalle, "image-pipeline", "golden.qcow2")
    assert (done.returncode, done.stdout) == (0, "golden is available\n"), done.stderr
    done = _run(environment, tmp_path, *kunsthalle, "image-pipeline", "absent.qcow2")
    assert done.returncode == 1
    assert "absent.qcow2" in done.stderr


@shared
def test_a_python_program(environment: Path, tmp_path: Path) -> None:
    words = ("run", "--scenario", "archived-while-instances-run", "--account", "consumer-a", "--")
    program = str(EXAMPLES / "python" / "instance_images.py")
    done = _run(environment, tmp_path, str(environment / "kunsthalle"), *words, str(environment / "python"), program)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"web: image golden \(of another account, or deleted\), catalog version \S+/\S+\n", done.stdout)


def test_the_workflow_is_the_one_of_the_page() -> None:
    """Whose steps tests/stories/test_continuous_integration.py runs."""
    page = (ROOT / "docs" / "how-to" / "continuous-integration.md").read_text()
    assert f"```yaml\n{(EXAMPLES / 'github-actions' / 'images.yml').read_text()}```\n" in page


PACKER = EXAMPLES / "packer" / "golden.pkr.hcl"
_PACKER_PROGRAM = cache() / f"packer_v{PACKER_VERSION}"


def _source(path: Path) -> set[str]:
    """The names of what a configuration of Packer tells the builder of the plugin."""
    blocks = re.findall(r'^source "ibmcloud-vpc" .*?^}', path.read_text(), re.MULTILINE | re.DOTALL)
    return {name for block in blocks for name in re.findall(r"^  (\w+) +=", block, re.MULTILINE)}


def test_the_template_of_packer_says_what_the_plugin_reads() -> None:
    """`./dev clients packer` has the plugin validate and build a configuration with the same words."""
    read = _source(ROOT / "tools" / "clients" / "packer" / "configurations" / "build.pkr.hcl")
    assert _source(PACKER)
    assert _source(PACKER) <= read


def test_the_template_of_packer_takes_variables_that_kunsthalle_prints(tmp_path: Path) -> None:
    names = set(re.findall(r'env\("(\w+)"\)', PACKER.read_text()))
    (tmp_path / folder.SERVER).write_text('{"url": "http://127.0.0.1:8100"}')
    (tmp_path / folder.CREDENTIALS).write_text('{"accounts": {}}')
    owner = {"api_key": "a", "account_id": "b", "iam_id": "c"}
    printed = variables(tmp_path, "", owner=owner)
    assert names
    assert names <= printed.keys()


if _PACKER_PROGRAM.exists():  # built by `./dev clients packer`; elsewhere there is nothing to run, and nothing to skip

    def test_packer_understands_the_template(tmp_path: Path) -> None:
        more = {"CHECKPOINT_DISABLE": "1", "IBMCLOUD_IS_NG_API_ENDPOINT": "http://127.0.0.1:8100/v1"}
        for words in (("validate", "-syntax-only"), ("fmt", "-check"), ("inspect",)):
            done = _run(Path("/usr/bin"), tmp_path, str(_PACKER_PROGRAM), *words, str(PACKER), more=more)
            assert done.returncode == 0, done.stdout + done.stderr
        assert 'var.vpc_endpoint_url: "http://127.0.0.1:8100/v1"' in done.stdout
        assert "ibmcloud-vpc.golden" in done.stdout


COMPOSE = EXAMPLES / "compose" / "compose.yaml"


def _services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return services


def test_the_compose_file_is_one_by_the_specification_and_fits_the_container(tmp_path: Path) -> None:
    program = str(Path(sys.executable).parent / "check-jsonschema")
    done = _run(Path("/usr/bin"), tmp_path, program, "--builtin-schema", "vendor.compose-spec", str(COMPOSE))
    assert done.returncode == 0, done.stdout
    container = (ROOT / "Containerfile").read_text()
    (port,), (volume,) = (re.findall(rf"^{word} (\S+)$", container, re.MULTILINE) for word in ("EXPOSE", "VOLUME"))
    for service in _services().values():
        build = service["build"]
        assert (COMPOSE.parent / build["context"] / build["dockerfile"]).resolve() == ROOT / "Containerfile"
        assert service["volumes"] == [f"data:{volume}"]
    assert _services()["kunsthalle"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert "\nHEALTHCHECK " in container, "the client waits for it"


def test_the_settings_of_the_compose_file_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    service = _services()["kunsthalle"]
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value)
    verb, *words = service["command"]
    options = setting_options.given(cli.commands[verb].make_context(verb, words))
    settings = setting_options.load(os.devnull, options).checked()
    assert (settings.scenario, settings.clock, settings.allow_seeded_keys) == ("enterprise", "manual", True)


@shared
def test_the_commands_of_the_compose_file(environment: Path, tmp_path: Path) -> None:
    """Both services on this machine: the server on loopback, the client with its folder and its network."""
    server, client = _services()["kunsthalle"], _services()["client"]
    more = {"KUNSTHALLE_DATA": str(tmp_path / "data"), "IBMCLOUD_HOME": str(tmp_path)}
    command = [word.replace("0.0.0.0", "127.0.0.1") for word in server["command"]]  # noqa: S104  # what is replaced
    env = {"PATH": f"{environment}:/usr/bin:/bin", "HOME": str(tmp_path), **server["environment"], **more}
    with (tmp_path / "server.log").open("w") as log:
        program = str(environment / "kunsthalle")
        process = subprocess.Popen([program, *command, "--port", "0"], env=env, stdout=log, stderr=log)
    try:
        (script,) = client["command"]
        script = script.replace("$$", "$").replace("/tmp/", f"{tmp_path}/")  # noqa: S108  # what is replaced
        done = _run(environment, tmp_path, *client["entrypoint"], script, more=more)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert done.returncode == 0, done.stderr + (tmp_path / "server.log").read_text()
    assert "default" in done.stdout, "the network of the account"


@pytest.mark.needs_systemd
@shared
def test_systemd_understands_the_unit(environment: Path, tmp_path: Path) -> None:
    text = (EXAMPLES / "systemd" / "kunsthalle.service").read_text()
    (command,) = re.findall(r"^ExecStart=%h/\.local/bin/kunsthalle (\S+) (.+)$", text, re.MULTILINE)
    assert cli.commands[command[0]].make_context(command[0], command[1].split())
    unit = tmp_path / "kunsthalle.service"
    unit.write_text(text.replace("%h/.local/bin/kunsthalle", str(environment / "kunsthalle")))
    words = ("systemd-analyze", "--user", "verify", "--man=no", "--recursive-errors=no", str(unit))
    done = _run(environment, tmp_path, *words, more={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
