"""The same test against Kunsthalle and against moto, which imitates AWS within the process of the test.

`share_with_kunsthalle.py` and `share_with_moto.py` are the two; moto has an environment of its own, made once in
`$XDG_CACHE_HOME/kunsthalle/peers`, of the packages that `moto.txt` names.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

FOLDER = Path(__file__).parent
KUNSTHALLE, MOTO = FOLDER / "share_with_kunsthalle.py", FOLDER / "share_with_moto.py"
_PACKAGES = FOLDER / "moto.txt"


def moto_python() -> Path:
    """The interpreter of the environment that has moto; it is made where it is not there."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kunsthalle" / "peers"
    digest = hashlib.sha256(_PACKAGES.read_bytes() + sys.version.encode()).hexdigest()[:12]
    made = base / f"moto-{digest}"
    if not made.exists():
        part = base / f"{made.name}.part"
        shutil.rmtree(part, ignore_errors=True)
        venv.create(part, with_pip=True, symlinks=True)
        print(f"Installing {_PACKAGES.name} into {made}, once ...", flush=True)
        install = [part / "bin" / "python", "-m", "pip", "install", "--quiet", "--requirement", _PACKAGES]
        subprocess.run(install, check=True)
        part.rename(made)
    return made / "bin" / "python"
