"""What the engine asks of its host."""

from __future__ import annotations

from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MEMORY = Path("/proc/meminfo")
_MIB = 1024


def boot_id() -> str:
    """Which run of the host this is; empty where the kernel does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def memory_mib() -> int:
    """All of the host's memory; 0 where the kernel does not say."""
    try:
        line = next(line for line in _MEMORY.read_text().splitlines() if line.startswith("MemTotal:"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) // _MIB
