"""
Which accelerator QEMU can really use.

A /dev/kvm that opens proves nothing: under some hosts a guest on it is slower than under TCG, or stops with
an internal error, and QEMU does not fall back. So KVM is believed only once it has run a boot sector in time.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

from kunsthalle.hypervisor.host import boot_id
from kunsthalle.hypervisor.protocol import BadSpec
from kunsthalle.hypervisor.qemu.qemu_command import processor
from kunsthalle.hypervisor.run_folders import write_atomically

KVM_SECONDS = 1.0
"""A KVM worth having needs a small part of this for the boot sector, firmware included."""

# mov al,0x10; out 0xf4,al; hlt; jmp $: the debug device ends QEMU with 0x10 * 2 + 1.
_BOOT_SECTOR = bytes.fromhex("b010e6f4f4ebfe").ljust(510, b"\0") + b"\x55\xaa"
_RAN = 33
_VERDICT = "accelerator.json"
_DEVICE = Path("/dev/kvm")


def runs(binary: Path, accelerator: str, seconds: float) -> str | None:
    """Runs the boot sector; None if it did what it should in time, and otherwise why that is not so."""
    with tempfile.TemporaryDirectory(prefix="kunsthalle-probe-") as folder:
        sector = Path(folder) / "sector"
        sector.write_bytes(_BOOT_SECTOR)
        command = [str(binary), *processor(accelerator), "-m", "16", "-nodefaults", "-no-user-config"]
        command += ["-display", "none", "-no-reboot", "-drive", f"file={sector},format=raw,if=ide"]
        command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        try:
            ended = subprocess.run(  # noqa: S603  an argument list; every part is ours
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={"LC_ALL": "C", "PATH": os.defpath},
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"the boot sector did not end within {seconds:g} s"
        except OSError as error:
            return f"QEMU cannot be run: {error}"
    if ended.returncode == _RAN:
        return None
    return f"QEMU ended with {ended.returncode}: {ended.stderr.decode(errors='replace').strip()[-500:]}"


class Accelerator:
    """
    The choice for one QEMU binary on this host, made at the first boot and kept in `root/accelerator.json`.

    It is made anew when the binary or the running kernel changes.
    """

    def __init__(self, root: Path, binary: Path, choice: str = "auto", device: Path = _DEVICE) -> None:
        """`choice`: `auto`, or `kvm` or `tcg` to be used without asking. BadSpec for another word."""
        if choice not in {"auto", "kvm", "tcg"}:
            raise BadSpec(f"not an accelerator: {choice[:40]!r}")
        self._file, self._binary, self._wanted, self._device = root / _VERDICT, binary, choice, device
        self._lock = threading.Lock()

    def choose(self) -> str:
        """`kvm` or `tcg`. Takes up to a second the first time, nothing afterwards."""
        if self._wanted != "auto":
            return self._wanted
        with self._lock:
            key = self._key()
            known = self._read()
            if known.get("key") != key:
                reason = self._objection()
                known = {"key": key, "accelerator": "tcg" if reason else "kvm", "reason": reason}
                write_atomically(self._file, json.dumps(known).encode())
        return str(known["accelerator"])

    @property
    def reason(self) -> str:
        """Why it is not KVM; empty if it is, if nobody asked yet, or if there was no choice."""
        known = self._read() if self.is_free else {}
        return str(known.get("reason") or "") if known.get("key") == self._key() else ""

    @property
    def is_free(self) -> bool:
        """Whether TCG may be taken where KVM fails: not if KVM was asked for by name."""
        return self._wanted == "auto"

    def distrust(self, reason: str) -> None:
        """KVM failed a real guest, so TCG is chosen from now on, if the choice is free."""
        if not self.is_free:
            return
        with self._lock:
            verdict = {"key": self._key(), "accelerator": "tcg", "reason": reason}
            write_atomically(self._file, json.dumps(verdict).encode())

    def _objection(self) -> str | None:
        if not os.access(self._device, os.R_OK | os.W_OK):
            return f"{self._device} cannot be opened"
        return runs(self._binary, "kvm", KVM_SECONDS)

    def _key(self) -> list[object]:
        return [str(self._binary), self._binary.stat().st_mtime_ns, boot_id()]

    def _read(self) -> dict[str, object]:
        try:
            verdict = json.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return {}
        return verdict if isinstance(verdict, dict) else {}
