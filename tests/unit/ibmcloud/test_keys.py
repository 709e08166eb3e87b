"""`kp`: an instance by option, CRN or variable; key material by import token; what is hidden from traces."""

from __future__ import annotations

import json

import pytest

from unit.ibmcloud.command_shell import Shell

MATERIAL = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture
def instance(shell: Shell) -> dict[str, str]:
    """GUID and CRN of an instance of Key Protect."""
    name = f"keys-{len(shell.names)}"
    shell.names[name] = name
    make = ("resource", "service-instance-create", name, "kms", "tiered-pricing", "us-south", "--output", "json")
    return dict(json.loads(shell.run(*make).out))


def test_an_instance_is_named_by_id_crn_or_variable(shell: Shell, instance: dict[str, str]) -> None:
    made = shell.run("kp", "key", "create", "first", "-i", instance["guid"], "-o", "json")
    first = json.loads(made.out)["id"]
    assert first in shell.run("kp", "keys", "--instance-id", instance["crn"]).out
    assert first in shell.run("kp", "keys", env={"KP_INSTANCE_ID": instance["guid"]}).out
    said = shell.run("kp", "keys")
    assert (said.code, "KP_INSTANCE_ID" in said.err) == (1, True)


def test_a_key_is_imported_by_a_token(shell: Shell, instance: dict[str, str]) -> None:
    env = {"KP_INSTANCE_ID": instance["guid"]}
    shell.run("kp", "import-token", "create", "-m", "3", env=env)
    token = json.loads(shell.run("kp", "import-token", "show", env=env).out)
    encrypt = ("kp", "import-token", "key-encrypt", "-k", MATERIAL, "-p", token["payload"], "-o", "json")
    payload = json.loads(shell.run(*encrypt, env=env).out)["encryptedKey"]
    nonce = ("kp", "import-token", "nonce-encrypt", "-k", MATERIAL, "-n", token["nonce"], "-o", "json")
    sealed = json.loads(shell.run(*nonce, env=env).out)
    given = ("-k", payload, "-n", sealed["encryptedNonce"], "-v", sealed["iv"])
    made = shell.run("kp", "key", "create", "imported", "-s", *given, "-o", "json", env=env)
    key = json.loads(made.out)["id"]
    assert json.loads(shell.run("kp", "key", "show", key, "-o", "json", env=env).out)["payload"] == MATERIAL


def test_no_key_material_is_in_a_trace(
    shell: Shell, instance: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"KP_INSTANCE_ID": instance["guid"], "IBMCLOUD_TRACE": "true"}
    said = shell.run("kp", "key", "create", "traced", "-s", "-k", MATERIAL, "-a", "traced", env=env)
    assert said.code == 0
    shell.run("kp", "key", "show", "traced", "-o", "json", env=env)
    root = json.loads(shell.run("kp", "key", "create", "root", "-o", "json", env=env).out)["id"]
    ciphertext = json.loads(shell.run("kp", "key", "wrap", root, "-p", MATERIAL, "-o", "json", env=env).out)[
        "Ciphertext"
    ]
    traced = capsys.readouterr().err
    assert traced.count("[PRIVATE DATA HIDDEN]") >= 4
    assert MATERIAL not in traced
    assert ciphertext not in traced


def test_what_the_service_refuses_is_told(shell: Shell, instance: dict[str, str]) -> None:
    env = {"KP_INSTANCE_ID": instance["guid"]}
    shell.run("kp", "key", "create", "root", "-a", "root", env=env)
    said = shell.run("kp", "key", "schedule-delete", "root", env=env)
    assert (said.code, "not dual auth enabled" in said.err) == (1, True)
