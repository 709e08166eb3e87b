"""The intake: digest and length, and a verdict that depends on the bytes alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.walks import share
from kunsthalle.disk_images.file_refusals import CORRUPTED, TOO_BIG, Refused
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.stream_inspection import Arrived, Intake

from . import builders as other
from . import builders_qcow2 as q
from . import builders_vhd as v

SAMPLES = {
    "qcow2": q.good(),
    "qcow2 of small clusters": q.Qcow2(cluster_bits=9, virtual_size=v.MIB, data=b"x" * 99).build(),
    "qcow2 with backing": q.good(backing=b"/etc/hostname"),
    "qcow2 on an ISO": q.good(stamp={32768: other.iso_descriptor()}),
    "qcow2 with an extension cut by its end": q.good(cluster_bits=21, extensions=((1, bytes(70000)),)),
    "dynamic": v.dynamic(size=4 * v.MIB, blocks={0: b"boot"}),
    "fixed": v.fixed(other.mbr_disk(256 * 1024)),
    "VMDK text longer than the head": v.fixed(other.vmdk_descriptor().rjust(70144, b"#")),
    "VMDK text": v.fixed(other.vmdk_descriptor().ljust(70144)),
    "HTML": other.html_page(100_000),
    "VHDX": other.vhdx(),
    "tar": other.ova(q.good()),
    "noise": other.noise(70_000),
    "nothing": b"",
}


def taken(
    content: bytes, cuts: Sequence[int], claimed: str, limits: Limits, announced: int | None
) -> Arrived | tuple[str, str]:
    """What the intake says of `content` fed in the pieces between `cuts`."""
    intake = Intake(claimed, limits, announced)
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    try:
        for start, end in pairwise(edges):
            intake.feed(content[start:end])
        return intake.finish()
    except Refused as refusal:
        return refusal.code, refusal.message


@settings(max_examples=share(40, 5_000), deadline=None)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    claimed=st.sampled_from(["qcow2", "vhd"]),
    cuts=st.lists(st.integers(1, 400_000) | st.integers(1, 600) | st.integers(65_000, 66_000), max_size=12),
    most=st.sampled_from([300, 65_535, 65_536, 65_537, 200_000, 2**40]),
    announced=st.none() | st.sampled_from([300, 65_536, 65_537, 70_000, 2**40]),
)
def test_chunks_never_change_the_verdict(
    name: str, claimed: str, cuts: list[int], most: int, announced: int | None
) -> None:
    content, limits = SAMPLES[name], Limits(max_file_bytes=most)
    assert taken(content, cuts, claimed, limits, announced) == taken(content, [], claimed, limits, announced)


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("claimed", ["qcow2", "vhd"])
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_single_bytes_give_the_same_verdict(name: str, claimed: str) -> None:
    content = SAMPLES[name][:70_144]
    assert taken(content, range(len(content)), claimed, Limits(), None) == taken(content, [], claimed, Limits(), None)


@pytest.mark.parametrize(
    ("claimed", "content"), [("qcow2", q.good()), ("vhd", v.dynamic()), ("vhd", v.fixed(bytes(v.MIB)))]
)
def test_digest_and_length(claimed: str, content: bytes) -> None:
    arrived = taken(content, [1, 70_000], claimed, Limits(), len(content))
    assert arrived == Arrived(claimed, hashlib.sha256(content).hexdigest(), len(content))


def test_a_file_beyond_the_limit_is_refused_at_the_first_byte_too_many() -> None:
    content = q.good()
    intake = Intake("qcow2", Limits(max_file_bytes=len(content)))
    intake.feed(content)
    with pytest.raises(Refused) as caught:
        intake.feed(b"\0")
    assert caught.value.code == TOO_BIG


def test_an_endless_file_is_refused_before_its_limit_if_a_length_was_announced() -> None:
    intake = Intake("vhd", Limits(), announced=100_000)
    intake.feed(bytes(100_000))
    with pytest.raises(Refused, match="longer than") as caught:
        intake.feed(b"\0")
    assert caught.value.code == CORRUPTED


def test_little_is_kept() -> None:
    intake = Intake("vhd", Limits())
    for _ in range(64):
        intake.feed(bytes(v.MIB))
    kept = [value for value in vars(intake).values() if isinstance(value, bytes | bytearray)]
    assert sum(map(len, kept)) <= 65536 + 512


def test_only_formats_of_the_wire_can_be_claimed() -> None:
    with pytest.raises(ValueError, match="raw"):
        Intake("raw", Limits())
