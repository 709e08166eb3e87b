"""What Kunsthalle is compared with: programs of other people, from PyPI, each in an environment of its own.

An environment is made once, in `$XDG_CACHE_HOME/kunsthalle/peers`, of the packages that `<name>.txt` names.
`share_with_kunsthalle.py` and `share_with_moto.py` are the same test, of which moto's runs within `mock_aws`; files
that end in `_server.py` start a server each, and know how it is asked for what the others are asked for.
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


def environment(name: str) -> Path:
    """The folder of the virtual environment of the packages of `<name>.txt`; it is made where it is not there."""
    packages = FOLDER / f"{name}.txt"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kunsthalle" / "peers"
    digest = hashlib.sha256(packages.read_bytes() + sys.version.encode()).hexdigest()[:12]
    made = base / f"{name}-{digest}"
    if not (made / "complete").exists():
        # Scripts name the interpreter by its path, so that an environment cannot be moved once it is there.
        shutil.rmtree(made, ignore_errors=True)
        venv.create(made, with_pip=True, symlinks=True)
        print(f"Installing {packages.name} into {made}, once ...", flush=True)
        pip = [str(made / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--requirement", str(packages)], check=True)
        (made / "complete").touch()
    return made


def python(name: str) -> Path:
    """The interpreter of that environment."""
    return environment(name) / "bin" / "python"
