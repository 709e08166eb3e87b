"""Damaged and made-up headers: whatever the bytes, the answer is a verdict."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.walks import share
from kunsthalle.disk_images.file_refusals import CORRUPTED, ENCRYPTED, TOO_BIG, Refused
from kunsthalle.disk_images.inspection import Examined, examine, recheck
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools, find_tools
from kunsthalle.disk_images.stream_inspection import Intake
from kunsthalle.disk_images.writers import virtual_size_of

from . import builders as other
from . import builders_qcow2 as q
from . import builders_vhd as v

LIMITS = Limits()
BASES = {
    "qcow2": [
        q.Qcow2(cluster_bits=9, virtual_size=v.MIB, data=b"x" * 99).build(),
        q.Qcow2(cluster_bits=12, version=2, virtual_size=v.MIB, data=b"x" * 99).build(),
        q.Qcow2(cluster_bits=12, virtual_size=v.MIB, extensions=((q.FEATURE_NAMES, bytes(96)),)).build(),
        q.Qcow2(cluster_bits=14, virtual_size=v.MIB, data=b"x" * 99, extended_l2=True).build(),
    ],
    "vhd": [
        v.dynamic(size=v.MIB, block_size=4096, blocks={3: b"data"}),
        v.fixed(other.mbr_disk(64 * 1024)),
        v.fixed(bytes(4096)),
    ],
}
NUMBERS = [0, 1, 2, 3, 9, 16, 511, 512, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
pieces = st.one_of(
    st.binary(min_size=1, max_size=16),
    st.builds(
        lambda number, width: (number % 2 ** (8 * width)).to_bytes(width, "big"),
        st.sampled_from(NUMBERS),
        st.sampled_from([1, 2, 4, 8]),
    ),
)
"""What is written over a file: noise, or the numbers at which sums and shifts go wrong."""
places = st.integers(0, 30).map(lambda field: field * 4) | st.integers(0, 2100) | st.integers(-512, -1)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A format, and a file of it with some pieces written over; VHD footers are made to agree with themselves again."""
    claimed = draw(st.sampled_from(sorted(BASES)))
    file = bytearray(draw(st.sampled_from(BASES[claimed])))
    for place, piece in draw(st.lists(st.tuples(places, pieces), min_size=1, max_size=4)):
        at = place % len(file)
        file[at : at + len(piece)] = piece[: len(file) - at]
    if claimed == "vhd" and draw(st.booleans()):
        for at in (0, len(file) - 512):
            if file[at : at + 8] == b"conectix":
                block = file[at : at + 64] + bytes(4) + file[at + 68 : at + 512]
                file[at + 64 : at + 68] = (~sum(block) & 0xFFFFFFFF).to_bytes(4, "big")
    return claimed, bytes(file[: draw(st.integers(0, len(file)))] if draw(st.integers(0, 9)) == 0 else file)


def verdict(claimed: str, content: bytes, tools: Tools | None) -> Examined | Refused:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        path.write_bytes(content)
        try:
            intake = Intake(claimed, LIMITS)
            intake.feed(content)
            answer = examine(path, intake.finish(), LIMITS, tools)
            assert answer.virtual_size == virtual_size_of(path, claimed)
        except Refused as refusal:
            assert refusal.code in (CORRUPTED, TOO_BIG, ENCRYPTED)
            assert refusal.message.endswith(".")
            assert folder not in refusal.message
            return refusal
        return answer


@settings(max_examples=share(100, 10_000), deadline=None)
@given(damaged())
def test_damage_is_refused_or_harmless(file: tuple[str, bytes]) -> None:
    answer = verdict(*file, tools=None)
    if isinstance(answer, Examined):
        assert 0 < answer.virtual_size <= LIMITS.max_virtual_bytes
        assert answer.virtual_size % 512 == 0


NOISE = (
    st.sampled_from(["qcow2", "vhd"]),
    st.binary(max_size=700),
    st.sampled_from([b"", b"QFI\xfb\0\0\0\3", b"QFI\xfb\0\0\0\2", b"conectix"]),
)


@settings(max_examples=share(40, 5_000), deadline=None)
@given(*NOISE)
def test_noise_is_refused(claimed: str, noise: bytes, start: bytes) -> None:
    assert isinstance(verdict(claimed, start + noise, tools=None), Refused)


def arrival(claimed: str, content: bytes, cuts: list[int]) -> object:
    """What is said of a file that comes in pieces: what arrived, or why it was refused."""
    intake = Intake(claimed, LIMITS)
    edges = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    try:
        for start, end in itertools.pairwise(edges):
            intake.feed(content[start:end])
        return intake.finish()
    except Refused as refusal:
        return (refusal.code, refusal.message)


PIECES = (damaged(), st.lists(st.integers(0, 200_000), max_size=6))


@settings(max_examples=share(30, 3_000), deadline=None)
@given(*PIECES)
def test_pieces_say_the_same_as_the_whole(file: tuple[str, bytes], cuts: list[int]) -> None:
    assert arrival(*file, cuts) == arrival(*file, [])


@pytest.mark.needs_qemu_img
@settings(max_examples=share(8, 400), deadline=None)
@given(damaged())
def test_tools_only_add_refusals(file: tuple[str, bytes]) -> None:
    tools = find_tools()
    assert tools is not None
    if isinstance(verdict(*file, tools=None), Refused):
        assert isinstance(verdict(*file, tools=tools), Refused)
    else:
        verdict(*file, tools=tools)


@pytest.mark.needs_qemu_img
def test_recheck_finds_what_was_let_in_without_tools(tmp_path: Path) -> None:
    tools = find_tools()
    assert tools is not None
    path = tmp_path / "image"
    for content, message in ((q.good(refcounts={5: 0}), "do not agree"), (q.good(backing=b"/x"), "backing file")):
        path.write_bytes(content)
        with pytest.raises(Refused, match=message):
            recheck(path, "qcow2", LIMITS, tools)
    for content, kind in ((q.good(), "qcow2"), (v.dynamic(), "vhd"), (v.fixed(other.mbr_disk()), "vhd")):
        path.write_bytes(content)
        recheck(path, kind, LIMITS, tools)
