"""Rules that stand behind one another, each on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from kunsthalle.disk_images import detection, qcow2
from kunsthalle.disk_images.file_refusals import CORRUPTED, Refused
from kunsthalle.disk_images.inspection import examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.stream_inspection import Arrived
from kunsthalle.disk_images.writers import virtual_size_of

from . import builders as other
from . import builders_qcow2 as q
from . import builders_vhd as v

UNKNOWN_FEATURES = [1 << bit for bit in range(5, 64)]


@pytest.mark.parametrize("feature", UNKNOWN_FEATURES)
def test_unknown_features_are_refused_by_us_and_by_the_inspector(feature: int) -> None:
    head = q.good(header={"incompatible": feature})[: detection.HEAD_BYTES]
    with pytest.raises(Refused, match="feature that is not supported"):
        qcow2.check_head(head, Limits())
    with pytest.raises(Refused, match="feature that is not supported"):
        detection.check_qcow2_safety(head)


@pytest.mark.parametrize("head", [q.good(backing=b"/x"), q.good(header={"version": 9}), q.good()[:300], b"", b"PK"])
def test_the_inspector_has_a_say(head: bytes) -> None:
    with pytest.raises(Refused):
        detection.check_qcow2_safety(head[: detection.HEAD_BYTES])
    detection.check_qcow2_safety(q.good()[: detection.HEAD_BYTES])


def test_what_the_inspectors_trip_over_is_no_format() -> None:
    assert detection.names_of(other.html_page()) == {"raw"}
    assert detection.names_of(b"") == {"raw"}


def test_every_format_of_the_inspectors_has_plain_words() -> None:
    from oslo_utils.imageutils.format_inspector import ALL_FORMATS

    for name in ALL_FORMATS:
        assert detection.describe(b"", frozenset({name}))


def test_a_name_in_the_second_64_kib_is_seen_in_the_whole_file(tmp_path: Path) -> None:
    """The first cluster may be as large as 2 MiB, and header extensions may fill it; a stream keeps only its start."""
    file = q.good(cluster_bits=21, extensions=((1, bytes(70_000)), (q.DATA_FILE_NAME, b"/etc/hostname")))
    qcow2.check_head(file[: detection.HEAD_BYTES], Limits())
    path = tmp_path / "image"
    path.write_bytes(file)
    with pytest.raises(Refused, match="external data file"):
        examine(path, Arrived("qcow2", "", len(file)), Limits(), None)


def test_another_file_than_the_one_that_arrived_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(q.good())
    with pytest.raises(ValueError, match="not the one"):
        examine(path, Arrived("qcow2", "", 1), Limits(), None)


@pytest.mark.parametrize(
    ("kind", "content"),
    [("qcow2", v.dynamic()), ("qcow2", b""), ("vhd", q.good()), ("vhd", b"conectix"), ("vhd", other.mbr_disk())],
)
def test_no_size_without_an_image(kind: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    with pytest.raises(Refused) as caught:
        virtual_size_of(path, kind)
    assert caught.value.code == CORRUPTED
    with pytest.raises(ValueError, match="no such image format"):
        virtual_size_of(path, "raw")
