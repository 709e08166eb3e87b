"""The parts that need no QEMU: seeds, locks, copies of files, the console's bound, the choice of an engine."""

from __future__ import annotations

import email
import io
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pycdlib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.boot_image import BUILDER
from fixtures.engines import storage_at
from kunsthalle.hypervisor import console_log, hypervisor_drivers, overlays
from kunsthalle.hypervisor.cloud_init_seed import ignition, make_seed
from kunsthalle.hypervisor.hypervisor_drivers import find_hypervisor
from kunsthalle.hypervisor.protocol import BadSpec, DiskError, Excerpt, SeedSpec, ServerSpec, Unavailable
from kunsthalle.hypervisor.qemu import accelerator
from kunsthalle.hypervisor.qemu.accelerator import Accelerator
from kunsthalle.hypervisor.qemu.qemu_command import Machine, server_command, server_uuid
from kunsthalle.hypervisor.qemu.qemu_engine import Qemu
from kunsthalle.hypervisor.run_folders import RunDirectories
from kunsthalle.hypervisor.simulated.simulated_engine import Simulated

from .conftest import write_overlay

SEED = SeedSpec("0717_1e09281b", "my-host", "#!/bin/sh\necho größe\n", ("ssh-ed25519 AAAA a@b", "ssh-rsa BBBB"))


def files(seed: SeedSpec) -> dict[str, bytes]:
    iso = pycdlib.PyCdlib()
    iso.open_fp(io.BytesIO(make_seed(seed)))
    assert iso.pvd.volume_identifier.rstrip() == b"cidata"
    found = {}
    for name in ("meta-data", "user-data", "vendor-data"):
        out = io.BytesIO()
        iso.get_file_from_iso_fp(out, rr_path=f"/{name}")
        found[name] = out.getvalue()
        out = io.BytesIO()
        iso.get_file_from_iso_fp(out, joliet_path=f"/{name}")
        assert out.getvalue() == found[name]
    iso.close()
    return found


def keys_of(vendor_data: bytes) -> list[str]:
    (part,) = email.message_from_bytes(vendor_data).get_payload()
    assert part.get_content_type() == "text/cloud-config"
    lines = part.get_payload(decode=True).decode().splitlines()
    assert lines[0] == "#cloud-config"
    return [json.loads(line.removeprefix("  - ")) for line in lines[2:]]


def test_a_seed_tells_what_the_contract_says() -> None:
    found = files(SEED)
    assert found["meta-data"] == b'instance-id: "0717_1e09281b"\nlocal-hostname: "my-host"\n'
    assert found["user-data"] == "#!/bin/sh\necho größe\n".encode()
    assert keys_of(found["vendor-data"]) == list(SEED.ssh_keys)


def test_a_seed_without_keys_or_user_data() -> None:
    found = files(replace(SEED, user_data="", ssh_keys=()))
    assert found["user-data"] == b""
    assert keys_of(found["vendor-data"]) == []


def test_windows_finds_its_keys_in_the_meta_data() -> None:
    found = files(replace(SEED, keys_in_metadata=True))
    line = found["meta-data"].decode().splitlines()[2]
    assert json.loads(line.removeprefix("public-keys: ")) == {
        "0": {"openssh-key": SEED.ssh_keys[0]},
        "1": {"openssh-key": SEED.ssh_keys[1]},
    }


@pytest.mark.parametrize(("user_data", "is_one"), [
    ('{"ignition": {"version": "3.4.0"}}', True),
    (' {"passwd": {}, "ignition": {"version": "2.3.0"}}\n', True),
    ('{"ignition": {}}', False),
    ('{"ignition": "3"}', False),
    ('["ignition"]', False),
    ('#cloud-config\n# "ignition"', False),
    ("[" * 100_000 + '"ignition"', False),
    ("", False),
])  # fmt: skip
def test_an_ignition_config_is_known_by_what_it_says(user_data: str, is_one: bool) -> None:
    assert ignition(user_data) == (user_data.encode() if is_one else None)


@given(name=st.text(max_size=40), key=st.text(min_size=1, max_size=40))
def test_no_name_or_key_escapes_its_line(name: str, key: str) -> None:
    seed = replace(SEED, hostname=name, ssh_keys=(key,))
    if not (name.isprintable() and key.isprintable()):
        with pytest.raises(BadSpec):
            make_seed(seed)
        return
    found = files(seed)
    lines = found["meta-data"].decode().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[1].removeprefix("local-hostname: ")) == name
    assert keys_of(found["vendor-data"]) == [key]


def test_too_much_user_data() -> None:
    with pytest.raises(BadSpec):
        make_seed(replace(SEED, user_data="x" * (17 << 20)))


def test_the_lock_of_a_folder_holds_and_survives_its_removal(tmp_path: Path) -> None:
    directories, order = RunDirectories(tmp_path), []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with directories.lock("a") as folder:
            order.append(("second", folder))
        with RunDirectories(tmp_path).lock("a", create=True) as folder:
            order.append(("third", folder))

    with directories.lock("a", create=True) as folder:
        assert folder == tmp_path / "run" / "a"
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(20)
        thread.join(0.1)
        assert thread.is_alive()
        order.append(("first", folder))
        directories.remove(folder)
    thread.join(20)
    assert order == [("first", folder), ("second", None), ("third", folder)]


def test_a_copy_keeps_holes_and_data_without_the_kernels_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source.qcow2"
    write_overlay(source, tmp_path / "base", "qcow2", 1 << 30)
    with source.open("r+b") as file:
        for place in (1 << 20, 40 << 20):
            file.seek(place)
            file.write(os.urandom(100_000))
        file.truncate(64 << 20)
    overlays.copy_overlay(source, tmp_path / "a.qcow2")

    def refuse(*arguments: int) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    overlays.copy_overlay(source, tmp_path / "b.qcow2")
    for name in ("a.qcow2", "b.qcow2"):
        assert (tmp_path / name).read_bytes() == source.read_bytes()
        assert (tmp_path / name).stat().st_blocks <= source.stat().st_blocks + 64


def test_a_full_disk_leaves_no_half_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source.qcow2"
    write_overlay(source, tmp_path / "base", "qcow2", 1 << 30)

    def refuse(*arguments: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    with pytest.raises(DiskError, match="No space"):
        overlays.copy_overlay(source, tmp_path / "target.qcow2")
    assert [path.name for path in tmp_path.iterdir()] == ["source.qcow2"]


def test_a_disk_that_two_jobs_copy_is_copied_once_and_what_was_written_to_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source.qcow2", tmp_path / "target.qcow2"
    write_overlay(source, tmp_path / "base", "qcow2", 1 << 30)
    copied, copying, go_on = [], threading.Event(), threading.Event()
    copy_sparse = overlays.copy_sparse

    def slowly(*paths: Path) -> None:
        copied.append(paths)
        copying.set()
        assert go_on.wait(60)
        copy_sparse(*paths)

    monkeypatch.setattr(overlays, "copy_sparse", slowly)
    jobs = [threading.Thread(target=overlays.copy_overlay, args=(source, target)) for _ in range(2)]
    jobs[0].start()
    assert copying.wait(60)
    jobs[1].start()
    go_on.set()
    jobs[0].join(60)
    with target.open("ab") as file:
        file.write(b"of the server that runs on it")
    jobs[1].join(60)
    assert len(copied) == 1
    assert target.read_bytes().endswith(b"of the server that runs on it")
    assert len(overlays._MAKING) == 0
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_headers_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    write_overlay(path, Path("/base"), "vhd", 1 << 30)
    assert overlays.read_header(path) == overlays.DiskHeader("/base", 1 << 30)
    whole = path.read_bytes()
    for content in (b"", b"QFI", whole[:31], whole[:110], b"\0" + whole[1:]):
        path.write_bytes(content)
        assert overlays.read_header(path) is None
    assert overlays.read_header(tmp_path / "absent") is None
    assert overlays.read_header(tmp_path) is None


def test_a_talkative_console_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    with path.open("ab") as guest:
        guest.write(b"x" * console_log.MAX_BYTES + b"y" * 1000)
        guest.flush()
        console_log.rotate(path)
        assert path.stat().st_size == console_log.KEPT_BYTES
        guest.write(b"goes on")
    assert console_log.tail(path, 1007) == b"y" * 1000 + b"goes on"
    console_log.rotate(path)
    assert path.stat().st_size == console_log.KEPT_BYTES + 7
    console_log.rotate(tmp_path / "absent")
    assert console_log.excerpt(tmp_path / "absent", 7, 10) == Excerpt(0, 0, b"")


def test_who_reads_a_console_goes_on_where_he_was_whatever_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    said = 0

    def say(text: bytes) -> None:
        nonlocal said
        with path.open("ab") as guest:
            guest.write(text)
        said += len(text)

    say(b"x" * console_log.MAX_BYTES + b"first")
    assert console_log.excerpt(path, said - 5, 3) == Excerpt(said - 5, said - 2, b"fir")
    for _ in range(2):
        console_log.rotate(path)
        say(b"more")
        assert console_log.excerpt(path, said - 4, 1000) == Excerpt(said - 4, said, b"more")
        assert console_log.excerpt(path, None, 4) == Excerpt(said - 4, said, b"more")
        assert console_log.excerpt(path, said + 99, 9) == Excerpt(said, said, b"")
        say(b"y" * console_log.MAX_BYTES)
    lost = console_log.excerpt(path, 0, 5)
    assert lost == Excerpt(said - path.stat().st_size, lost.start + 5, path.read_bytes()[:5])


def test_a_servers_uuid_is_the_one_in_its_id() -> None:
    assert server_uuid("0717_1E09281B-f177-46fb-baf1-bc152b2e391a") == "1e09281b-f177-46fb-baf1-bc152b2e391a"
    assert server_uuid("guest") == server_uuid("guest") != server_uuid("guest2")


def test_a_path_with_commas_stays_one_value(tmp_path: Path) -> None:
    spec = ServerSpec("a", "n", "x,readonly=on", 1, 64, None, "02:00:00:00:00:01")
    command = server_command(spec, Machine(Path("/q"), "tcg", 64, 1), tmp_path.joinpath)
    assert f"file={tmp_path}/x,,readonly=on,if=none" in " ".join(command)
    assert "seed.iso" not in " ".join(command)


def fake(folder: Path, body: str) -> Path:
    path = folder / "qemu"
    path.write_text(f"#!/bin/sh\necho run >>{folder}/runs\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("body", "chosen"),
    [("exit 33", "kvm"), ("exit 0", "tcg"), ("echo bad >&2; exit 134", "tcg"), ("exec sleep 9", "tcg")],
)
def test_kvm_is_believed_only_after_the_boot_sector_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, chosen: str
) -> None:
    monkeypatch.setattr(accelerator, "KVM_SECONDS", 0.5)
    device = tmp_path / "kvm"
    binary = fake(tmp_path, body)
    device.touch()
    for _ in range(3):
        assert Accelerator(tmp_path, binary, "auto", device).choose() == chosen
    assert (tmp_path / "runs").read_text() == "run\n", "the verdict is kept"
    os.utime(binary, ns=(1, 1))
    assert Accelerator(tmp_path, binary, "auto", device).choose() == chosen
    assert (tmp_path / "runs").read_text() == "run\nrun\n", "another binary, another verdict"


def test_without_the_device_nothing_is_run(tmp_path: Path) -> None:
    binary = fake(tmp_path, "exit 33")
    assert Accelerator(tmp_path, binary, "auto", tmp_path / "absent").choose() == "tcg"
    assert not (tmp_path / "runs").exists()


def test_a_named_accelerator_is_not_questioned(tmp_path: Path) -> None:
    binary = fake(tmp_path, "exit 0")
    chosen = Accelerator(tmp_path, binary, "kvm", tmp_path / "absent")
    chosen.distrust("a guest failed")
    assert chosen.choose() == "kvm"
    with pytest.raises(BadSpec):
        Accelerator(tmp_path, binary, "hax")


def test_a_damaged_verdict_is_made_anew(tmp_path: Path) -> None:
    binary, device = fake(tmp_path, "exit 33"), tmp_path / "kvm"
    device.touch()
    for content in (b"", b"[]", b"{", b"\xff"):
        (tmp_path / "accelerator.json").write_bytes(content)
        assert Accelerator(tmp_path, binary, "auto", device).choose() == "kvm"


@pytest.mark.needs_qemu
def test_the_boot_sector_really_ends_qemu_and_another_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    binary = Path(str(shutil.which(hypervisor_drivers.BINARY)))
    assert accelerator.runs(binary, "tcg", 60) is None
    monkeypatch.setattr(accelerator, "_BOOT_SECTOR", b"\xeb\xfe".ljust(510, b"\0") + b"\x55\xaa")
    assert "did not end" in str(accelerator.runs(binary, "tcg", 1))


def test_the_engine_is_what_the_host_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    storage = storage_at(tmp_path)
    assert isinstance(find_hypervisor(tmp_path / "e", "auto", storage), Simulated)
    with pytest.raises(Unavailable, match="apt-get install qemu-system-x86 qemu-utils"):
        find_hypervisor(tmp_path / "e", "qemu", storage)
    for name in (hypervisor_drivers.BINARY, hypervisor_drivers.IMAGE_TOOL):
        assert isinstance(find_hypervisor(tmp_path / "e", "auto", storage), Simulated)
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    for choice in ("auto", "qemu"):
        assert isinstance(find_hypervisor(tmp_path / "e", choice, storage), Qemu)
    assert isinstance(find_hypervisor(tmp_path / "e", "simulated", storage), Simulated)
    with pytest.raises(BadSpec):
        find_hypervisor(tmp_path / "e", "xen", storage)


def test_the_image_builder_names_what_is_absent(tmp_path: Path) -> None:
    command = [sys.executable, str(BUILDER), str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    ended = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("make_boot_image: absent: ")
    assert " mtools" in line
    assert list(tmp_path.iterdir()) == []
