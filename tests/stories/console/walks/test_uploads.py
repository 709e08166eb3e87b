"""A file of the visitor's own computer becomes an image: uploaded in parts, found by what its bytes say, imported."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]
GIB = 2**30
PART = 8 * 2**20


def _choose(visitor: Visitor, path: Path) -> None:
    visitor.page.locator("input[type=file]").set_input_files(path)


def _disk(path: Path, size: int = 0) -> Path:
    """An image that says what system is on it, with bytes that nobody reads behind it."""
    release = b'PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nID=debian\n'
    write_qcow2(path, GIB, release.ljust(4096, b"\0"))
    with path.open("r+b") as file:
        file.truncate(max(size, path.stat().st_size))
    return path


def test_a_file_is_uploaded_suggested_and_imported(publisher: Visitor, served: Served, tmp_path: Path) -> None:
    publisher.sign_in().open("/images/custom").press("Import image", "Upload a file").accessible().shoot("upload")
    publisher.sees("QCOW2 and VHD files are", "VMDK, VHDX and raw disks (.vmdk, .vhdx, .raw, .img) are converted")
    assert publisher.page.locator("input[type=file]").get_attribute("accept") == ".qcow2,.vhd,.vmdk,.vhdx,.raw,.img"
    _choose(publisher, _disk(tmp_path / "Golden Image.qcow2"))
    publisher.sees("Golden Image.qcow2,").press("Upload file")
    publisher.page.wait_for_url("**/images/custom/import?**")
    publisher.sees("a QCOW2 image", "The file itself names this operating system").accessible().shoot("import-chosen")
    form = publisher.page.locator("form.fields")
    assert form.locator('[name="name"]').input_value() == "golden-image"
    assert form.locator('[name="operating_system.name"]').input_value() == "debian-12-amd64"
    publisher.press("Import").sees("golden-image", "Available")
    publisher.open("/images/objects?bucket=images").sees("Golden Image.qcow2").accessible().shoot("objects")


def test_a_connection_that_breaks_is_taken_up_again(publisher: Visitor, tmp_path: Path) -> None:
    path = _disk(tmp_path / "large.qcow2", 2 * PART + 5)
    refused: list[str] = []

    def flaky(route: Any) -> None:
        if len(refused) < 2 and route.request.url.endswith("/parts/2"):
            refused.append(route.request.url)
            route.abort()
        else:
            sent.append(route.request.url.rsplit("/", 1)[-1])
            route.continue_()

    sent: list[str] = []
    publisher.sign_in().open("/images/upload")
    publisher.page.route("**/parts/*", flaky)
    _choose(publisher, path)
    publisher.press("Upload file").sees("The connection broke off")
    publisher.page.wait_for_url("**/images/custom/import?**")
    assert (sent, len(refused)) == (["1", "2", "3"], 2)
    publisher.complaints = [one for one in publisher.complaints if "ERR_FAILED" not in one]


def test_an_upload_goes_on_after_the_page_was_left_and_is_cancelled(publisher: Visitor, tmp_path: Path) -> None:
    path = _disk(tmp_path / "left.qcow2", 2 * PART)
    publisher.sign_in().open("/images/upload")
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    publisher.page.route("**/parts/2", hold)
    _choose(publisher, path)
    publisher.press("Upload file")
    publisher.page.get_by_text("8.0 MiB of").wait_for()
    publisher.shoot("uploading")
    publisher.page.once("dialog", lambda dialog: dialog.accept())
    publisher.open("/images/upload").sees("Uploads that have not ended", "left.qcow2")
    publisher.page.unroute("**/parts/2")
    sent: list[str] = []
    publisher.page.on("request", lambda request: sent.append(request.url.rsplit("/", 1)[-1]))
    publisher.page.route("**/complete", hold)
    _choose(publisher, path)
    publisher.press("Upload file")
    publisher.page.get_by_text("16.0 MiB of 16.0 MiB").wait_for()
    assert [one for one in sent if one in {"1", "2"}] == ["2"], "what is there is not sent again"
    publisher.press("Cancel upload").sees("The upload is cancelled")
    publisher.open("/images/upload").misses("Uploads that have not ended")


@pytest.mark.needs_qemu_img
def test_a_vmdk_is_converted_and_a_hostile_one_refused(publisher: Visitor, tmp_path: Path) -> None:
    made, hostile = tmp_path / "legacy.vmdk", tmp_path / "hostile.vmdk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "vmdk", made, "8M"], check=True)
    hostile.write_text('# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/passwd" 0\n')
    publisher.sign_in().open("/images/upload")
    _choose(publisher, made)
    publisher.press("Upload file")
    publisher.page.wait_for_url("**/images/custom/import?bucket=images&object=legacy.qcow2")
    publisher.sees("a QCOW2 image").open("/images/upload")
    _choose(publisher, hostile)
    publisher.press("Upload file").sees("could not be converted").accessible().shoot("upload-refused")
