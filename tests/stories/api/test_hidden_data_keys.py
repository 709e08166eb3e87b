"""A passphrase that comes into the server with an encrypted image comes out nowhere: neither in its log nor in any
file, answer, argument or environment of a process."""

from __future__ import annotations

import base64
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from ibm_cloud_sdk_core import ApiException

from fixtures.clients import Account, eventually
from fixtures.forked_served import ForkedServed
from fixtures.served_vault import Vault
from fixtures.vault import SYSTEM, encrypted_with
from hostile_images.builders_luks import MASTER_KEY, Luks, luks_qcow2
from kunsthalle.testing import Served

pytestmark = pytest.mark.needs_qemu_img
END = b"\0the end\0"
RIGHT, WRONG = b"correct horse/battery+staple 7f3a", b"another horse/battery+staple 19c2"
SPY = """#!/bin/sh
{{ printf '%s\\n' "$@"; /usr/bin/env; }} > {pipe}
exec {tool} "$@"
"""


@pytest.fixture
def spied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytearray]:
    """From here on qemu-img is a script that tells its arguments and its environment first; what it has told.

    It tells them through a pipe, for under its limits it may write to no file.
    """
    tool, folder, pipe = shutil.which("qemu-img"), tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()
    os.mkfifo(pipe)
    (folder / "qemu-img").write_text(SPY.format(pipe=pipe, tool=tool))
    (folder / "qemu-img").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    told, descriptor = bytearray(), os.open(pipe, os.O_RDWR)

    def listen() -> None:
        while not (part := os.read(descriptor, 65536)).endswith(END):
            told.extend(part)

    listener = threading.Thread(target=listen)
    listener.start()
    yield told
    os.write(descriptor, END)
    listener.join()
    os.close(descriptor)


@pytest.fixture
def served(spied: bytearray, tmp_path: Path) -> Iterator[Served]:
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated") as server:
        yield server


def forms(secret: bytes) -> list[bytes]:
    """What a secret looks like where something has written it down."""
    return [
        secret,
        base64.b64encode(secret),
        base64.urlsafe_b64encode(secret),
        secret.hex().encode(),
        quote(secret).encode(),
        repr(secret)[2:-1].encode(),
    ]


def found_in(content: bytes, *secrets: bytes) -> list[bytes]:
    return [form for secret in secrets for form in forms(secret) if form in content]


def test_the_scan_finds_every_form() -> None:
    for form in forms(RIGHT):
        assert found_in(b"before" + form + b"behind", RIGHT)


def test_no_file_no_answer_and_no_process_has_a_passphrase(served: Served, spied: bytearray) -> None:
    account = Account(served, "publisher")
    vault = Vault(account)
    key = vault.key("images")
    right, wrong = (vault.wrap(key, secret) for secret in (RIGHT, WRONG))
    bucket = served.bucket("publisher")
    (bucket / "secret.qcow2").write_bytes(luks_qcow2(Luks(passphrase=RIGHT)))
    answers = b""
    for name, data_key, end in (("right", right, "available"), ("wrong", wrong, "failed"), ("bad", "QUJD", "failed")):
        wish = {"name": name, "file": {"href": "cos://us-south/images/secret.qcow2"}, "operating_system": SYSTEM}
        image = account.vpc.create_image({**wish, **encrypted_with(key, data_key)}).get_result()
        eventually(
            lambda i=image, e=end: account.vpc.get_image(i["id"]).get_result()["status"] == e, f"the image {name}"
        )
        answers += repr(account.vpc.get_image(image["id"]).get_result()).encode()
    with pytest.raises(ApiException) as refused:
        account.vpc.create_image({**wish, **encrypted_with(key, right), "name": "right"})
    answers += refused.value.http_response.content
    eventually(lambda: b"secret,id=image" in bytes(spied), "that qemu-img was given the passphrase")
    served.stop()
    calls, log = bytes(spied), served.log.read_bytes()
    assert found_in(answers + calls + log, RIGHT, WRONG, MASTER_KEY) == []
    kept = b""
    for path in served.data.rglob("*"):
        if path.is_file() and path.parent != bucket:
            content = path.read_bytes()
            assert found_in(content, RIGHT, WRONG, MASTER_KEY) == [], path
            kept += content
    assert right.encode() in kept, "the wrapped data key is kept"
