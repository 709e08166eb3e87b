"""A disk that really boots, for tests with QEMU."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

BUILDER = Path(__file__).parents[2] / "tools" / "make_boot_image.py"


@pytest.fixture(scope="session")
def boot_image() -> Path:
    """A disk that really boots; built once for each version of its builder and kept in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kunsthalle"
    version = hashlib.sha256(BUILDER.read_bytes()).hexdigest()[:16]
    image = cache / f"boot-{version}.qcow2"
    if not image.exists():
        command = [sys.executable, str(BUILDER), str(image), "--cache", str(cache)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if ended.returncode and os.environ.get("CI") != "true":
            pytest.skip(ended.stderr.strip()[-500:])
        assert ended.returncode == 0, ended.stderr
        image.chmod(0o444)
    return image
