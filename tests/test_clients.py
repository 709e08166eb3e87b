"""Clients of other people: what their walks cover, and the page that is written from their results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tools.clients import compatibility
from tools.clients.__main__ import main
from tools.clients.go_build import CannotBuild, copy_writable
from tools.clients.node import install as packages
from tools.clients.packer.programs import SETTING
from tools.clients.results import Difference, Result, Step, Walk, save
from tools.clients.steps import Teller
from tools.clients.terraform.differences import IMPORTED, NOT_IMPORTABLE, import_id
from tools.clients.terraform.run import covered, imported, walk
from tools.clients.terraform.story import FOLDERS, NAME
from tools.clients.terraform.walks import EXAMPLES, WALKS, Plot
from tools.clients.terraform.workspace import CommandFailed, Tools, essence
from tools.clients.walk_server import NotSettled, World

from fixtures.tools import ROOT

WALKED = """
ibm_is_vpc ibm_is_subnet ibm_is_security_group ibm_is_security_group_rule ibm_is_ssh_key ibm_is_image
ibm_is_network_acl ibm_is_floating_ip ibm_is_volume ibm_is_snapshot ibm_is_instance ibm_is_virtual_network_interface
ibm_is_instance_template ibm_is_instance_group ibm_is_instance_group_manager ibm_is_instance_group_manager_policy
ibm_is_instance_group_manager_action data.ibm_is_instance_group_manager_actions
ibm_is_placement_group data.ibm_is_placement_group data.ibm_is_placement_groups
ibm_is_bare_metal_server ibm_is_image_deprecate ibm_is_image_obsolete ibm_is_image_export_job ibm_enterprise
ibm_cm_catalog ibm_cm_offering ibm_cm_version ibm_cm_validation ibm_cm_account ibm_cm_object
ibm_cm_offering_instance data.ibm_cm_offering_instance ibm_iam_trusted_profile_link
ibm_iam_access_group ibm_iam_access_group_members ibm_iam_access_group_dynamic_rule ibm_iam_access_group_policy
ibm_iam_service_id ibm_iam_service_api_key ibm_iam_service_policy ibm_iam_trusted_profile
ibm_iam_trusted_profile_policy ibm_iam_authorization_policy ibm_iam_custom_role ibm_iam_api_key
ibm_enterprise_account_group ibm_enterprise_account ibm_resource_group ibm_resource_instance ibm_resource_tag
data.ibm_is_image data.ibm_is_images data.ibm_is_instance data.ibm_is_instances data.ibm_is_operating_system
data.ibm_is_operating_systems data.ibm_iam_account_settings data.ibm_cm_account data.ibm_cm_catalog
data.ibm_cm_object data.ibm_cm_offering data.ibm_cm_version
ibm_kms_key_rings ibm_kms_key ibm_kms_key_alias data.ibm_kms_key data.ibm_kms_keys
""".split()


def test_every_resource_is_in_a_walk_and_every_example_is_one() -> None:
    folders = [plot.folder for plot in WALKS]
    assert [name for name in WALKED if name not in covered(*folders)] == []
    assert [path for path in EXAMPLES.iterdir() if path.is_dir() and path not in folders] == []
    assert all((folder / "main.tf").exists() for folder in (*folders, *FOLDERS))


def test_a_walk_whose_server_cannot_be_prepared_fails_alone(tmp_path: Path) -> None:
    def fails(_world: World) -> dict[str, str]:
        raise NotSettled("no image")

    plot = Plot(tmp_path, behind=lambda _world, _outputs: None, prepare=fails)
    told = walk(Tools(tmp_path / "no-terraform", tmp_path, []), plot)
    assert [(step.name, step.passed) for step in told.steps] == [("server and preparation", False)]
    assert told.steps[0].detail == "NotSettled: no image"


def test_the_kept_result_is_of_the_walks_there_are() -> None:
    kept = json.loads((ROOT / "docs" / "compatibility" / "terraform.json").read_text())
    found = {walk["name"]: walk["covers"] for walk in kept["walks"]}
    assert found == {plot.name: covered(plot.folder) for plot in WALKS} | {NAME: covered(*FOLDERS)}


def test_a_walk_goes_on_after_a_step_that_fails() -> None:
    teller = Teller("walk", ["ibm_is_vpc"])
    assert (teller.step("first", lambda: 1 / 0), teller.step("second", lambda: None)) == (False, True)
    assert [(step.name, step.passed) for step in teller.walk.steps] == [("first", False), ("second", True)]
    assert teller.walk.steps[0].detail == "ZeroDivisionError: division by zero"
    assert teller.walk.passed == 1


@pytest.mark.parametrize(
    ("what", "refused"),
    [
        ({"actions": ["no-op"], "importing": {"id": "x"}}, False),
        ({"actions": ["no-op"]}, True),
        ({"actions": ["create"]}, True),
        ({"actions": ["update"], "importing": {"id": "x"}}, True),
        ({"actions": ["delete", "create"], "importing": {"id": "x"}, "replace_paths": [["zone"]]}, True),
    ],
)
def test_an_import_must_leave_nothing_to_change(what: dict[str, Any], refused: bool) -> None:
    values = {"before": {"name": "a"}, "after": {"name": "b"}, "after_unknown": {}}
    change = {"address": "ibm_is_vpc.one", "type": "ibm_is_vpc", "change": {**values, **what}}
    if not refused:
        imported(change)
        return
    with pytest.raises(CommandFailed, match="name: 'a' -> 'b'"):
        imported(change)


def test_offerings_are_imported_by_two_ids_and_all_else_by_its_own() -> None:
    values = {"id": "one", "catalog_id": "shop", "offering_identifier": "web"}
    assert import_id({"type": "ibm_cm_offering", "values": values}) == "shop:web"
    assert import_id({"type": "ibm_is_vpc", "values": values}) == "one"


def test_differences_are_of_what_is_walked() -> None:
    known = covered(*[plot.folder for plot in WALKS])
    assert [name for name in (*IMPORTED, *NOT_IMPORTABLE) if name not in known] == []


def test_what_is_told_of_a_command_is_its_error_or_its_changes() -> None:
    assert essence("Reading...\nError: no\nmore") == "Error: no\nmore"
    assert essence("one: Refreshing state...\n  ~ name = 1 -> 2\nplain") == "  ~ name = 1 -> 2"


def test_without_its_plugin_packer_ends_with_a_line_that_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOPROXY", "off")
    assert main(["packer"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("The Packer plugin is missing: ")
    assert f"--plugin PATH, or put it at {tmp_path}/kunsthalle/clients/packer-plugin-ibmcloud." in told


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exit 1", "is not a Packer plugin"),
        ("echo '[]'", "is not a Packer plugin"),
        ('echo \'{"version": "1.0.0", "builders": ["docker"]}\'', "is not IBM's plugin"),
    ],
)
def test_a_file_that_is_not_the_plugin_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: str, told: str
) -> None:
    monkeypatch.setenv(SETTING, "")
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\n{script}\n")
    plugin.chmod(0o755)
    assert main(["packer", "--plugin", str(plugin)]) == 2
    assert f"{plugin} {told}" in capsys.readouterr().err


def _result(folder: Path, client: str, passed: bool) -> None:
    walk = Walk("net", ["ibm_is_vpc", "data.ibm_is_vpc"], [Step("apply", True), Step("plan", passed)])
    result = Result(
        client, ["Terraform 1", "provider 2"], "2026-01-02", [walk], [Difference("b", "y"), Difference("a", "x")]
    )
    (folder / f"{client}.json").write_bytes(result.encoded())


def test_the_page_counts_steps_and_names_what_failed(tmp_path: Path) -> None:
    _result(tmp_path, "terraform", passed=False)
    page = compatibility.page("<!-- note -->", tmp_path)
    assert "Run with Terraform 1 and provider 2 on 2026-01-02: 1 of 2 steps." in page
    assert "Not passed:\n\n- net: plan\n" in page
    assert "| net | `ibm_is_vpc`, `data.ibm_is_vpc` |" in page
    assert "| a | x |\n| b | y |" in page
    _result(tmp_path, "terraform", passed=True)
    assert "Not passed" not in compatibility.page("", tmp_path)


def test_a_client_that_was_not_run_is_told_of_as_such(tmp_path: Path) -> None:
    assert "## Packer\n\nNot run: " in compatibility.page("", tmp_path)
    _result(tmp_path, "packer", passed=True)
    assert "Not run" not in compatibility.page("", tmp_path)


def test_the_page_names_the_walks_of_what_several_cover(tmp_path: Path) -> None:
    walks = [Walk("net", ["vpc", "key"], []), Walk("iam", ["key"], []), Walk("story", [], [])]
    (tmp_path / "terraform.json").write_bytes(Result("terraform", ["1"], "2026-01-02", walks).encoded())
    assert "| Covered | In |\n|---|---|\n| `key` | net, iam |\n| `vpc` | net |\n" in compatibility.page("", tmp_path)


def test_a_result_without_a_section_is_an_error(tmp_path: Path) -> None:
    _result(tmp_path, "abacus", passed=True)
    with pytest.raises(KeyError, match="abacus"):
        compatibility.page("", tmp_path)


def test_a_partial_result_replaces_its_walks_alone(tmp_path: Path) -> None:
    def run(*names: str, passed: bool, versions: str = "1") -> Result:
        return Result("c", [versions], "2026-01-02", [Walk(name, [], [Step("plan", passed, "why")]) for name in names])

    save(run("a", "b", passed=False), folder=tmp_path)
    path = save(run("b", "c", passed=True), partial=True, folder=tmp_path)
    kept = {walk["name"]: walk["steps"] for walk in json.loads(path.read_text())["walks"]}
    assert {name: [step["passed"] for step in steps] for name, steps in kept.items()} == {
        "a": [False],
        "b": [True],
        "c": [True],
    }
    assert "why" not in path.read_text()
    with pytest.raises(ValueError, match="run all walks"):
        save(run("a", passed=True, versions="2"), partial=True, folder=tmp_path)
    assert "a" not in save(run("b", passed=True), folder=tmp_path).read_text().split('"name"')[1]


def test_a_copy_of_the_module_cache_can_be_written_and_removed(tmp_path: Path) -> None:
    source = tmp_path / "module"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "main.go").write_text("package main")
    for path in (source / "deep" / "main.go", source / "deep", source):
        path.chmod(0o555 if path.is_dir() else 0o444)
    copy_writable(source, tmp_path / "copy")
    modes = {path.name: path.stat().st_mode & 0o200 for path in (tmp_path / "copy").rglob("*")}
    assert modes == {"deep": 0o200, "main.go": 0o200}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("copy")] == ["copy"]
    source.chmod(0o755)
    (source / "deep").chmod(0o755)  # for whoever removes the folder of this test


def _node_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, npm: str) -> Path:
    """A tree without packages, a cache and an npm of its own; where that npm notes how often it was run."""
    folder, programs, runs = tmp_path / "node", tmp_path / "bin", tmp_path / "runs"
    for one in (folder, programs):
        one.mkdir()
    for name in ("package.json", "package-lock.json", ".npmrc"):
        (folder / name).write_text("{}")
    for name, text in {"node": "exit 0", "npm": f"echo run >> {runs}; {npm}"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(packages, "FOLDER", folder)
    monkeypatch.setattr(packages, "MODULES", folder / "node_modules")
    return runs


def test_packages_are_installed_once_for_each_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = _node_tree(tmp_path, monkeypatch, "mkdir node_modules && cp package-lock.json node_modules/")
    (packages.MODULES / "old").mkdir(parents=True)
    assert not packages.installed()
    for lock in ("{}", "{}", '{"other": 1}'):
        (packages.FOLDER / "package-lock.json").write_text(lock)
        packages.install()
        assert packages.installed()
        assert (packages.MODULES / "package-lock.json").read_text() == lock
    assert not (packages.MODULES / "old").exists()
    assert runs.read_text().splitlines() == ["run", "run"]


def test_packages_that_cannot_be_installed_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _node_tree(tmp_path, monkeypatch, "mkdir node_modules; echo no such package >&2; exit 1")
    with pytest.raises(CannotBuild, match="no such package"):
        packages.install()
    assert not packages.installed()
    assert not packages.MODULES.exists()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotBuild, match="install Node"):
        packages.install()
