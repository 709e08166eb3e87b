"""`docs/how-to/first-run.md`, from top to bottom: its blocks in one shell, on a folder and a port of the test's own."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.tools import ROOT
from kunsthalle.local import folder

PAGE = ROOT / "docs" / "how-to" / "first-run.md"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.by_turns(3)
def test_the_page_works_as_it_stands(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 13
    script = "\n".join(f"printf '\\n## {number}\\n'\n{block}" for number, block in enumerate(blocks))
    data, port = tmp_path / "data", _free_port()
    assert script.count("/var/lib/kunsthalle") == 1
    script = script.replace("/var/lib/kunsthalle", str(data)).replace("8100", str(port))
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(tmp_path), "IBMCLOUD_HOME": str(tmp_path / "cli"), "LANG": "C.UTF-8"}
    shell = ["bash", "-euo", "pipefail", "-c", f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"]
    done = subprocess.run(
        shell, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-1500:]}{done.stderr[-2500:]}"
    printed = dict(re.findall(r"^## (\d+)\n(.*?)(?=^## |\Z)", done.stdout, re.DOTALL | re.MULTILINE))
    assert "acme" in printed["1"]
    assert "'images': []" in printed["2"]
    assert "Default" in printed["2"]
    assert '"state":"PENDING"' in printed["3"].replace(" ", "")
    assert '"images":[]' in printed["5"].replace(" ", "")
    assert re.search(r"laboratory +\S+ +cy@example.com +Acme group", printed["6"])
    assert "Revoked: ApiKey-" in printed["7"]
    assert f"https://127.0.0.1:{port}" in printed["9"]
    assert "'images': []" in printed["10"]
    assert "the TLS certificate was read anew" in done.stderr
    assert '"https://catalog.example.com/' in printed["12"]

    first = json.loads((tmp_path / "ada.json").read_text())
    assert (tmp_path / "ada.json").stat().st_mode & 0o077 == 0
    assert folder.read(data, folder.CREDENTIALS).keys() == {"operator_token"}
    assert "no account yet: nobody can sign in" in done.stderr
    assert f"kunsthalle account create NAME --owner MAIL --data {data}" in done.stderr
    everything = b"".join(one.read_bytes() for one in data.rglob("*") if one.is_file()) + done.stderr.encode()
    for name in ("ada", "ben", "cy", "ada-again", "ada-offline"):
        assert json.loads((tmp_path / f"{name}.json").read_text())["api_key"].encode() not in everything
    assert (data / "kunsthalle.sqlite").exists()
    assert first["api_key_id"] not in (tmp_path / "ada-again.json").read_text()
