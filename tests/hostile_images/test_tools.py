"""qemu-img under limits. Where its limits are the matter, a script stands in for it, so that they are met for sure."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from kunsthalle.core.sizes import GIB
from kunsthalle.disk_images.file_refusals import CORRUPTED, TOO_BIG, Refused, ToolFailed
from kunsthalle.disk_images.inspection import examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import NICENESS, Tools, check, convert, create_overlay, find_tools, info
from kunsthalle.disk_images.stream_inspection import Intake
from kunsthalle.disk_images.writers import virtual_size_of, write_overlay, write_qcow2

from . import builders as other
from . import builders_qcow2 as q
from . import builders_vhd as v

MIB = 2**20
LIMITS = Limits()
SECRET = b"nobody outside may read this\n" * 40


@pytest.fixture
def tools() -> Tools:
    found = find_tools()
    assert found is not None
    return found


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    return path


def script(folder: Path, *lines: str) -> Tools:
    """A stand-in for qemu-img."""
    path = folder / "qemu-img"
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return Tools(path)


def stored(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def raw_of(tools: Tools, path: Path, kind: str) -> bytes:
    raw = path.with_name(path.name + ".raw")
    convert(tools, path, kind, raw, "raw", quota_bytes=64 * MIB, limits=LIMITS)
    return raw.read_bytes()


@pytest.mark.by_turns(3)
@pytest.mark.needs_qemu_img
@pytest.mark.parametrize("source_kind", ["qcow2", "vhd"])
@pytest.mark.parametrize("target_kind", ["qcow2", "vhd", "raw"])
def test_conversion_keeps_content_and_size(source_kind: str, target_kind: str, tmp_path: Path, tools: Tools) -> None:
    size = 10 * MIB + 512  # no size that a disk geometry could express
    source, target = tmp_path / "source", tmp_path / "target"
    if source_kind == "qcow2":
        write_qcow2(source, size, {0: b"boot", 9 * MIB: b"data"})
    else:
        source.write_bytes(v.dynamic(size=size, blocks={0: b"boot", 4: bytes(MIB) + b"data"}))
    convert(tools, source, source_kind, target, target_kind, quota_bytes=64 * MIB, limits=LIMITS)
    if target_kind != "raw":
        intake = Intake(target_kind, LIMITS)
        intake.feed(target.read_bytes())
        assert examine(target, intake.finish(), LIMITS, tools).virtual_size == size
    content = target.read_bytes() if target_kind == "raw" else raw_of(tools, target, target_kind)
    assert (len(content), content[:4], content[9 * MIB : 9 * MIB + 4]) == (size, b"boot", b"data")


@pytest.mark.needs_qemu_img
def test_overlay_is_flattened_with_its_base(tmp_path: Path, tools: Tools) -> None:
    base = stored(tmp_path / "base", v.dynamic(size=8 * MIB, blocks={0: b"from the base"}))
    for name, make in (("ours", write_overlay), ("theirs", lambda *rest: create_overlay(tools, *rest))):
        overlay, flat = tmp_path / name, tmp_path / f"{name}.flat"
        make(overlay, base, "vhd", 16 * MIB)
        assert virtual_size_of(overlay, "qcow2") == 16 * MIB
        assert overlay.stat().st_size < MIB
        convert(tools, overlay, "qcow2", flat, "qcow2", quota_bytes=GIB, limits=LIMITS, backing_allowed=True)
        assert "backing-filename" not in info(tools, flat, "qcow2", LIMITS)
        assert raw_of(tools, flat, "qcow2").startswith(b"from the base")


@pytest.mark.needs_qemu_img
def test_an_image_with_subclusters_is_read_to_its_end(tmp_path: Path, tools: Tools) -> None:
    """As QEMU itself writes them: under a disk of ours, and exported in both formats."""
    size, begin, end = 64 * MIB, b"begin", b"the last sector".ljust(512)
    raw, image, overlay = tmp_path / "raw", tmp_path / "image", tmp_path / "overlay"
    raw.write_bytes(begin.ljust(size - 512, b"\0") + end)
    options = ["-f", "raw", "-O", "qcow2", "-o", "extended_l2=on,cluster_size=128k"]
    subprocess.run(["qemu-img", "convert", *options, raw, image], check=True)
    intake = Intake("qcow2", LIMITS)
    intake.feed(image.read_bytes())
    found = examine(image, intake.finish(), LIMITS, tools)
    assert (found.virtual_size, found.checked, found.notes) == (size, True, ())
    write_overlay(overlay, image, "qcow2", size)
    for source, allowed in ((image, False), (overlay, True)):
        for kind in ("qcow2", "vhd"):
            out = tmp_path / f"{source.name}.{kind}"
            convert(tools, source, "qcow2", out, kind, quota_bytes=GIB, limits=LIMITS, backing_allowed=allowed)
            assert raw_of(tools, out, kind) == raw.read_bytes()


@pytest.mark.by_turns(3)
@pytest.mark.needs_qemu_img
@pytest.mark.parametrize("as_json", [False, True])
def test_backing_file_does_not_leak(as_json: bool, secret: Path, tmp_path: Path, tools: Tools) -> None:
    name = str(secret)
    if as_json:
        name = "json:" + json.dumps({"driver": "raw", "file": {"driver": "file", "filename": name}})
    image = q.good(virtual_size=MIB, backing=name.encode(), extensions=((q.BACKING_FORMAT, b"raw"),), l1={0: 0})
    source = stored(tmp_path / "image", image)
    careless = tmp_path / "careless"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", source, careless], check=True)
    assert SECRET in careless.read_bytes(), "the file would leak"
    assert SECRET not in raw_of(tools, source, "qcow2")


@pytest.mark.by_turns(3)
@pytest.mark.needs_qemu_img
@pytest.mark.parametrize(("bit", "named"), [(0, True), (4, True), (4, False)])
def test_data_file_does_not_leak(bit: int, named: bool, secret: Path, tmp_path: Path, tools: Tools) -> None:
    extensions = ((q.DATA_FILE_NAME, str(secret).encode()),) if named else ()
    image = q.good(header={"incompatible": bit}, extensions=extensions)
    source = stored(tmp_path / "image", image)
    with pytest.raises(Refused, match="external") as caught:
        raw_of(tools, source, "qcow2")
    assert caught.value.code == CORRUPTED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image", "secret"]


@pytest.mark.needs_qemu_img
def test_descriptor_that_names_a_path_is_no_source(secret: Path, tmp_path: Path, tools: Tools) -> None:
    source = stored(tmp_path / "image", other.vmdk_descriptor(str(secret)))
    for kind in ("qcow2", "vhd"):
        with pytest.raises(Refused):
            raw_of(tools, source, kind)


@pytest.mark.by_turns(3)
@pytest.mark.needs_qemu_img
@pytest.mark.parametrize("target_kind", ["qcow2", "vhd", "raw"])
def test_bomb_ends_at_its_quota(target_kind: str, tmp_path: Path, tools: Tools) -> None:
    source = stored(tmp_path / "image", q.bomb(232, compressed=True, refcount_order=6))
    with pytest.raises(Refused, match="8388608 bytes") as caught:
        convert(tools, source, "qcow2", tmp_path / "target", target_kind, quota_bytes=8 * MIB, limits=LIMITS)
    assert caught.value.code == TOO_BIG
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.needs_qemu_img
@pytest.mark.parametrize(
    "image",
    [
        q.good(compression="zlib", data=b"z" * 65536)[: 5 * 65536],
        q.good(header={"l1_size": 2**31 - 1}),
        other.noise(70_000),
    ],
)
def test_unreadable_source_is_to_blame(image: bytes, tmp_path: Path, tools: Tools) -> None:
    source = stored(tmp_path / "image", image)
    with pytest.raises(Refused) as caught:
        convert(tools, source, "qcow2", tmp_path / "target", "qcow2", quota_bytes=GIB, limits=LIMITS)
    assert caught.value.code == CORRUPTED
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.needs_qemu_img
def test_missing_folder_is_not_the_images_fault(tmp_path: Path, tools: Tools) -> None:
    source = stored(tmp_path / "image", q.good())
    with pytest.raises(ToolFailed) as caught:
        convert(tools, source, "qcow2", tmp_path / "no" / "target", "qcow2", quota_bytes=GIB, limits=LIMITS)
    assert str(tmp_path) not in caught.value.message
    with pytest.raises(ToolFailed):
        create_overlay(tools, tmp_path / "overlay", tmp_path / "missing", "qcow2", GIB)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.needs_qemu_img
def test_nothing_is_replaced(tmp_path: Path, tools: Tools) -> None:
    source, target = stored(tmp_path / "image", q.good()), stored(tmp_path / "target", b"precious")
    stored(tmp_path / "new.part", b"left by a killed process" * 9999)
    with pytest.raises(FileExistsError):
        convert(tools, source, "qcow2", target, "qcow2", quota_bytes=GIB, limits=LIMITS)
    with pytest.raises(FileExistsError):
        create_overlay(tools, target, source, "qcow2", GIB)
    assert target.read_bytes() == b"precious"
    convert(tools, source, "qcow2", tmp_path / "new", "qcow2", quota_bytes=GIB, limits=LIMITS)
    assert check(tools, tmp_path / "new", LIMITS) == 0


@pytest.mark.needs_qemu_img
def test_odd_names_are_names(tmp_path: Path, tools: Tools) -> None:
    source, target = tmp_path / 'nbd:a,b="c".qcow2', tmp_path / "tärget: %41"
    source.write_bytes(q.good(virtual_size=MIB))
    convert(tools, source, "qcow2", target, "qcow2", quota_bytes=GIB, limits=LIMITS)
    assert check(tools, target, LIMITS) == 0
    assert raw_of(tools, target, "qcow2")[:10] == b"kunsthalle"


@pytest.mark.needs_qemu_img
def test_a_host_without_memory_is_not_the_images_fault(tmp_path: Path, tools: Tools) -> None:
    with pytest.raises(ToolFailed, match="could not be started"):
        info(tools, stored(tmp_path / "image", q.good()), "qcow2", Limits(tool_memory_bytes=4 * MIB))


@pytest.mark.needs_qemu_img
def test_an_image_that_takes_too_long_is_refused(tmp_path: Path, tools: Tools) -> None:
    slow = stored(tmp_path / "slow", q.bomb(232, compressed=True, refcount_order=4))
    with pytest.raises(Refused, match="within the limits"):
        check(tools, slow, Limits(tool_seconds=1))


def test_relative_paths_are_an_error(tmp_path: Path) -> None:
    fake = script(tmp_path, "exit 0")
    for call in (
        lambda: info(fake, Path("image"), "qcow2", LIMITS),
        lambda: check(fake, Path("image"), LIMITS),
        lambda: create_overlay(fake, Path("overlay"), tmp_path, "qcow2", GIB),
        lambda: create_overlay(fake, tmp_path / "overlay", Path("base"), "qcow2", GIB),
        lambda: convert(fake, Path("i"), "raw", tmp_path / "t", "qcow2", quota_bytes=GIB, limits=LIMITS),
        lambda: convert(fake, tmp_path, "raw", Path("t"), "qcow2", quota_bytes=GIB, limits=LIMITS),
    ):
        with pytest.raises(ValueError, match="absolute"):
            call()


def test_limits_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IBMCLOUD_API_KEY", "secret")
    fake = script(
        tmp_path,
        """printf '{"env": "%s", "verb": "%s", "node": %s, "limits": "%s", "folder": "%s", "session": "%s"}' \\""",
        """ "$(/usr/bin/env | /usr/bin/sort | /usr/bin/tr '\\n' ' ')" "$1 $2" "${3#json:}" \\""",
        """ "$(ulimit -v) $(ulimit -t) $(ulimit -f) $(ulimit -c) $(ulimit -s)" "$PWD" "$(/bin/ps -o sid= -p $$)" """,
    )
    limits = Limits(tool_seconds=30, tool_memory_bytes=512 * MIB)
    said = info(fake, tmp_path / "image", "qcow2", limits)
    assert said["env"].split() == ["LC_ALL=C", "MALLOC_ARENA_MAX=1", "PWD=/"]
    assert said["verb"] == "info --output=json"
    assert said["node"] == {"driver": "qcow2", "file": {"driver": "file", "filename": f"{tmp_path}/image"}}
    assert said["limits"] == f"{512 * 1024} 10 0 0 2048"
    assert said["folder"] == "/"
    assert int(said["session"] or 0) != os.getsid(0)


def test_programs_have_a_lower_priority_than_the_server(tmp_path: Path) -> None:
    fake = script(tmp_path, 'echo "{\\"nice\\": $(/usr/bin/nice)}"').qemu_img
    found = find_tools(str(fake))
    assert found is not None
    told = info(found, stored(tmp_path / "image", q.good()), "qcow2", LIMITS)
    assert told == {"nice": min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)}


def test_time_ends_the_whole_group(tmp_path: Path) -> None:
    fake = script(tmp_path, f"/bin/sleep 300 & echo $! > {tmp_path}/child", "wait")
    # Files may not be written under the limits of a look, so the conversion, which may write, is what is slow here.
    begun = time.monotonic()
    with pytest.raises(ToolFailed, match="too long"):
        convert(
            fake,
            stored(tmp_path / "i", b""),
            "raw",
            tmp_path / "t",
            "qcow2",
            quota_bytes=MIB,
            limits=Limits(tool_seconds=1),
        )
    assert time.monotonic() - begun < 30
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}/stat").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.01)
    else:
        assert not Path(f"/proc/{child}").exists()


def test_a_flood_of_words_is_cut(tmp_path: Path) -> None:
    fake = script(tmp_path, "/usr/bin/yes 'ERROR cluster' | /usr/bin/head -c 30000000 >&2", "exit 1")
    with pytest.raises(ToolFailed) as caught:
        convert(fake, stored(tmp_path / "i", b""), "raw", tmp_path / "t", "qcow2", quota_bytes=MIB, limits=LIMITS)
    assert len(caught.value.detail) == 1000


@pytest.mark.parametrize("said", ["", "[]", "{", "{}", '{"format": "vpc", "virtual-size": 512}', r'{"format": "\xff"}'])
def test_odd_answers_are_refusals(said: str, tmp_path: Path) -> None:
    fake = script(tmp_path, f"/bin/cat <<'EOF'\n{said}\nEOF")
    path = stored(tmp_path / "image", q.good())
    intake = Intake("qcow2", LIMITS)
    intake.feed(path.read_bytes())
    with pytest.raises(Refused) as caught:
        examine(path, intake.finish(), LIMITS, fake)
    assert caught.value.code == CORRUPTED


@pytest.mark.parametrize(
    ("said", "piece"),
    [
        ({"encrypted": True}, "encrypted"),
        ({"backing-filename": "/etc/hostname"}, "another file"),
        ({"full-backing-filename": "/etc/hostname"}, "another file"),
        ({"format-specific": {"data": {"data-file": "/etc/hostname"}}}, "another file"),
        ({"format-specific": {"data": {"corrupt": True}}}, "corrupt"),
        ({"snapshots": [{"id": "1"}]}, "snapshots"),
        ({"format": "raw"}, "cannot be read as a QCOW2"),
        ({"virtual-size": 251 * GIB}, "disagree on the size"),
        ({"virtual-size": None}, "disagree on the size"),
    ],
)
def test_what_qemu_img_sees_is_refused_too(said: dict[str, object], piece: str, tmp_path: Path) -> None:
    """Our own rules pass the file; qemu-img, here made to, sees in it what they missed."""
    answer = {"format": "qcow2", "virtual-size": GIB, **said}
    fake = script(tmp_path, f"/bin/cat <<'EOF'\n{json.dumps(answer)}\nEOF")
    path = stored(tmp_path / "image", q.good())
    intake = Intake("qcow2", LIMITS)
    intake.feed(path.read_bytes())
    with pytest.raises(Refused, match=piece) as caught:
        examine(path, intake.finish(), LIMITS, fake)
    assert "hostname" not in caught.value.message


@pytest.mark.needs_qemu_img
def test_tools_are_found(tmp_path: Path, tools: Tools) -> None:
    assert tools.qemu_img.is_absolute()
    assert find_tools(str(tools.qemu_img)) == tools
    assert find_tools(str(tools.qemu_img.parent)) == tools


def test_tools_that_do_not_work_are_not_found(tmp_path: Path) -> None:
    assert find_tools(str(tmp_path)) is None
    broken = script(tmp_path, "exit 1").qemu_img
    assert find_tools(str(broken)) is None
    broken.write_text("no program\n")
    assert find_tools(str(tmp_path)) is None


def test_tools_that_went_away_are_our_fault(tmp_path: Path) -> None:
    gone = Tools(tmp_path / "gone")
    with pytest.raises(ToolFailed, match="could not be started"):
        info(gone, tmp_path / "image", "qcow2", LIMITS)
    with pytest.raises(ToolFailed, match="could not be started"):
        info(Tools(tmp_path / "gone", tmp_path / "gone"), tmp_path / "image", "qcow2", LIMITS)
