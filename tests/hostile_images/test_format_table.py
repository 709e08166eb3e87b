"""A disk format is a row of one table, and rules: what is imported, exported, converted and shown follows from it."""

from __future__ import annotations

from typing import get_args

import pytest

from kunsthalle.core.disk_formats import CONVERTED, EXPORTED, FORMATS, IMPORTED, listed
from kunsthalle.disk_images import conversion, import_rules
from kunsthalle.disk_images.detection import QEMU_NAMES, describe
from kunsthalle.hypervisor.specs import QEMU_FORMATS
from kunsthalle.images import schemas_exports


def test_every_format_that_is_imported_or_converted_has_its_rules() -> None:
    assert tuple(import_rules.FORMATS) == IMPORTED == ("qcow2", "vhd")
    assert {*conversion._RULES, conversion.RAW} == {*CONVERTED}


def test_the_engine_the_api_and_people_have_the_same_formats() -> None:
    assert QEMU_NAMES == {"qcow2": "qcow2", "vhd": "vpc", "vmdk": "vmdk", "vhdx": "vhdx", "raw": "raw"}
    assert QEMU_FORMATS == {"qcow2": "qcow2", "vhd": "vpc"}
    assert get_args(schemas_exports.ExportFormat) == EXPORTED == ("qcow2", "vhd")
    assert describe(b"", frozenset({"vmdk"})) == "a VMware disk (VMDK)"
    assert [name for name, one in FORMATS.items() if one.written_with] == [*EXPORTED, "raw"]


@pytest.mark.parametrize(
    ("names", "word", "text"),
    [(IMPORTED, "or", "QCOW2 or VHD"), (CONVERTED, "and", "VMDK, VHDX and raw"), (("vhd",), "or", "VHD")],
)
def test_formats_are_listed_for_people(names: tuple[str, ...], word: str, text: str) -> None:
    assert listed(names, word) == text
