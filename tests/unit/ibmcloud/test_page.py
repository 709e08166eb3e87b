"""The two samples of the source page, byte for byte, from the answers that the page's API samples are."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.ibmcloud.canned import canned
from unit.ibmcloud.command_shell import ibmcloud

IMAGE = "r006-6cab2dbd-4e57-4dc5-810b-b7366cb78999"
INSTANCE = "0717_44905aa4-119d-5622-00ce-face32b78999"
TRACE = "d8b4d382-2993-4a89-a371-1db991b510d8"
NOT_FOUND = {
    "errors": [
        {
            "code": "not_found",
            "message": "The requested resource does not exist, or cannot be accessed.",
            "target": {"name": "id", "type": "parameter"},
        }
    ],
    "trace": TRACE,
}

REFERENCE = """\
Image                                 ID                                          Name
                                      r006-6cab2dbd-4e57-4dc5-810b-b7366cb78999   test-image
"""
FAILED = """\
FAILED
Response HTTP Status Code: 404
Error code: not_found
Error message: The requested resource does not exist, or cannot be accessed.
Error target name: id, type: parameter
Trace ID: d8b4d382-2993-4a89-a371-1db991b510d8
"""


def test_the_image_block_of_an_instance(tmp_path: Path) -> None:
    shown = {"id": INSTANCE, "name": "web", "image": {"id": IMAGE, "name": "test-image"}}
    path = f"/v1/instances/{INSTANCE}"
    answers = {path: (200, shown), f"{path}/network_interfaces": (200, {"network_interfaces": []})}
    with canned(**answers) as server:
        said = ibmcloud("is", "instance", INSTANCE, env=server.session(tmp_path))
    assert said.code == 0
    assert f"\n{REFERENCE}\n" in said.out


@pytest.mark.parametrize("quiet", [False, True])
def test_the_failed_block_of_a_hidden_image(tmp_path: Path, quiet: bool) -> None:
    with canned(**{f"/v1/images/{IMAGE}": (404, NOT_FOUND)}) as server:
        said = ibmcloud("is", "image", IMAGE, *(["-q"] if quiet else []), env=server.session(tmp_path))
    assert said.code == 1
    assert said.err == (FAILED.removeprefix("FAILED\n") if quiet else f"{FAILED}\n")
