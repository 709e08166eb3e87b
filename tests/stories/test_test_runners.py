"""The pages in `docs/how-to/` on test runners, faults, `check`, `record` and scenarios: their commands, in order."""

from __future__ import annotations

import itertools
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.tools import ROOT
from kunsthalle.core.fault_effects import EFFECTS
from kunsthalle.core.fault_sets import SETS
from kunsthalle.core.faults import IMPORT_REASONS

PAGES = ROOT / "docs" / "how-to"
by_turns = pytest.mark.by_turns(9)
NOT_THEIRS = "-p no:schemathesis -p no:hypothesispytest -p no:anyio"
"""Plugins that are installed here for other tests, and take each run of pytest a second."""


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)


def _shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "PYTEST_ADDOPTS": NOT_THEIRS}
    trap = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", trap + script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@by_turns
def test_pytest(tmp_path: Path) -> None:
    files = _blocks("pytest.md", "python")
    names = [text.splitlines()[0].removeprefix("# ") for text in files]
    assert names == ["test_sharing.py", "test_automation.py", "test_catalogs.py"]
    for name, text in zip(names, files, strict=True):
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    script = "\n".join(_blocks("pytest.md", "sh"))
    assert script.count("pytest ") == 5
    done = _shell(script.replace("8200", str(_free_port())), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [int(count) for count in re.findall(r"(\d+) passed", done.stdout)] == [1, 1, 4, 1, 1]
    assert "Ran 1 test" in done.stderr


@by_turns
def test_encrypted_images(tmp_path: Path) -> None:
    """Where the clock of processors is coarse, qemu-img sometimes cannot measure one: then it is asked again."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "qemu-img"
    measuring = "Unable to get accurate CPU usage"
    tool.write_text(
        "#!/bin/bash\n"
        '[[ $1 == create ]] || exec /usr/bin/qemu-img "$@"\n'
        "for _ in {1..40}; do\n"
        '  words=$(/usr/bin/qemu-img "$@" 2>&1) && exit 0\n'
        f'  [[ $words == *"{measuring}"* ]] || break\n'
        "done\n"
        'echo "$words" >&2; exit 1\n'
    )
    tool.chmod(0o755)
    (wrap,) = _blocks("encrypted-images.md", "python")
    (tmp_path / "wrap.py").write_text(wrap)
    (tmp_path / "encrypted-images.sh").write_text("\n".join(_blocks("encrypted-images.md", "sh")))
    run = 'PATH="$PWD/bin:$PATH" kunsthalle run --account publisher -- sh -e encrypted-images.sh'
    done = _shell(run, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "user_managed" in done.stdout
    assert "the key is in use" in done.stdout
    statuses = re.findall(r"^Status +(available|unusable|failed)$", done.stdout, re.MULTILINE)
    assert [status for status, _ in itertools.groupby(statuses)] == ["available", "unusable", "available"]
    assert "a passphrase of mine" not in done.stdout + done.stderr


@by_turns
def test_run(tmp_path: Path) -> None:
    script = "\n".join(_blocks("run.md", "sh"))
    assert script.count("kunsthalle run") == 5
    done = _shell(script, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "ended with 1" in lines
    assert any(re.fullmatch(r"http://127\.0\.0\.1:\d+/v1 for [0-9a-f]{32}", line) for line in lines)
    assert lines[-5:] == ["default", "refused once", "default", "consumer-a", "1"]


@by_turns
def test_record(tmp_path: Path) -> None:
    done = _shell("\n".join(_blocks("record.md", "sh")), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) >= 4
    assert done.stdout.splitlines()[-1] == "the same"
    text = (tmp_path / "run.txt").read_text()
    assert "clock T T+7d" in text
    assert "</html>" in (tmp_path / "run.html").read_text()


@by_turns
def test_faults(tmp_path: Path) -> None:
    blocks = _blocks("faults.md", "sh")
    (tmp_path / "faults.sh").write_text("\n".join(blocks))
    done = _shell("kunsthalle run -- sh -e faults.sh", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    before, *_, last = done.stdout.split("Cleared: ")
    assert [effect for effect in EFFECTS if not re.search(rf"\b{effect}\b", before)] == []
    sets = re.findall(r"fault set (\S+)", blocks[1])
    assert sets == list(SETS)
    assert int(last) == sum(len(SETS[name]) for name in sets)


@by_turns
def test_keys(tmp_path: Path) -> None:
    (tmp_path / "keys.sh").write_text("\n".join(_blocks("keys.md", "sh")))
    (tmp_path / "keys.py").write_text(_blocks("keys.md", "python")[0])
    done = _shell("kunsthalle run -- sh -e keys.sh", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused while disabled" in done.stdout
    assert "refused: the same user twice" in done.stdout
    versions = done.stdout.split("Retrieving key versions")[1].split("Setting a dual")[0]
    assert len(re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-\S+", versions)) == 3
    assert "the same data key: True\nstate: 1\n" in done.stdout
    assert "Everything is encrypted with the master key" in done.stderr
    assert "No error in vault.toml" in done.stdout


def test_the_page_on_faults_names_every_reason() -> None:
    page = (PAGES / "faults.md").read_text()
    assert [reason for reason in IMPORT_REASONS if f"`{reason}`" not in page] == []


@by_turns
def test_scenarios(tmp_path: Path) -> None:
    done = _shell("\n".join(_blocks("scenarios.md", "sh")), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "share-pending" in done.stdout
    assert "mine.yaml: A deprecated version that still runs somewhere" in done.stdout
    assert "Nothing to do: everything is there.\n" in done.stdout
    assert "ended with 2" in done.stdout
    assert re.search(r"wrong\.yaml:15: .*shares\[1\]\.state: .*'waiting'.* Allowed: pending, accepted\.", done.stderr)


@by_turns
def test_check(tmp_path: Path) -> None:
    done = _shell("\n".join(_blocks("check-automation.md", "sh")), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = re.sub(r"^(instance.json):\d+", r"\1", done.stdout, flags=re.MULTILINE)
    found = re.findall(r"^(\S+): \w+ \[([\w-]+)\]$", lines, re.MULTILINE)
    assert found == [
        ("terraform.tfstate:10", "masked-image"),
        ("terraform.tfstate:19", "foreign-image"),
        ("image.json:1", "obsolete-image"),
        ("terraform.tfstate:10", "masked-image"),
        ("instance.json", "masked-image"),
        ("instance.json", "masked-image"),
        ("instance.json", "deprecated-image"),
    ], done.stdout
    assert done.stdout.count("ended with 1") == 3
    assert "::error file=terraform.tfstate,line=19,title=foreign-image::" in done.stdout
    assert '"version": "2.1.0"' in (tmp_path / "check.sarif").read_text()


@by_turns
def test_approve(tmp_path: Path) -> None:
    done = _shell("\n".join(_blocks("approve.md", "sh")), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n  + image golden-1 (r006-" in done.stdout
    assert re.search(r"^[1-9]\d* added, \d+ changed, 0 removed\.$", done.stdout, re.MULTILINE), done.stdout
