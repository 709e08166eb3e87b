"""Scripts as they are in the world, run by sh and bash against a served process: any failure ends them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.walks import some_of
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.testing import Served

SCRIPTS = Path(__file__).parent / "scripts"
SHELLS = [shell for shell in ("sh", "bash") if shutil.which(shell)]
BIN = Path(sys.executable).parent


def _env(served: Served, home: Path) -> dict[str, str]:
    """What `kunsthalle env` gives the publisher, and the keys of the others."""
    env = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(home), "LC_ALL": "C.UTF-8", **served.env("publisher")}
    env |= {"CONSUMER_KEY": served.env("consumer-a")["IBMCLOUD_API_KEY"]}
    env |= {"CONSUMER_ACCOUNT": served.env("consumer-a")["IBMCLOUD_ACCOUNT_ID"]}
    env |= {"OUTSIDER_KEY": served.env("outsider")["IBMCLOUD_API_KEY"], "PYTHON": sys.executable}
    return env


@pytest.mark.by_turns(4)
@pytest.mark.parametrize("shell", some_of(SHELLS, 1))
@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.stem)
def test_script(served: Served, tmp_path: Path, script: Path, shell: str) -> None:
    name = f"{script.stem}-{shell}"
    write_qcow2(served.bucket("publisher") / f"{name}.qcow2", 2**30, name.encode())
    env = {**_env(served, tmp_path), "N": name}
    done = subprocess.run(
        [shell, str(script)], env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout.rstrip().endswith("the end")
    assert "Traceback" not in done.stdout + done.stderr
