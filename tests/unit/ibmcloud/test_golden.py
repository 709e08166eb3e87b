"""Transcripts of every verb: each golden file is a list of command lines and what each left on both streams.

`KUNSTHALLE_GOLDEN=write` runs the commands of the files and writes what they say now. Ids, secrets and addresses are
told as words of the same length, so that columns stay where they are.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.ibmcloud.command_shell import PUBLIC, Shell

FOLDER = Path(__file__).parent / "golden"
WRITE = os.environ.get("KUNSTHALLE_GOLDEN") == "write"

_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_HEX = re.compile(r"\b[0-9a-f]{32}\b")
_IAM = re.compile(r"\bIBMid-[0-9A-F]{10}\b")
_SHA = re.compile(r"\b[0-9a-f]{64}\b")
_PERSONA = re.compile(r"\[[a-z]+\]")
_OTHERS = (
    (re.compile(r"(?<=-)0000[0-9a-f]{4}(?=\.qcow2)"), "00000000"),
    (re.compile(r"\bmade-up-name-\d{4}\b"), "made-up-name-0000"),
    (re.compile(r"\b198\.18\.100\.1\d\d\b"), "198.18.100.100"),
    (re.compile(r"SHA256:[\w+/]{43}"), "SHA256:" + "f" * 43),
    (re.compile(r"SHA256:[\w+/]{9}\.\."), "SHA256:fffffffff.."),
    (re.compile(r"ssh-ed25519 [\w+/=]+"), "ssh-ed25519 PUBLICKEY"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), "TOKEN"),
    (re.compile(r"\bK[0-9a-f]{20,}h\b"), "SECRET"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), PUBLIC),
)


class Masks:
    """Resources of one transcript by the order in which they first appear."""

    def __init__(self, world: Shell) -> None:
        self._seen: dict[str, str] = {}
        self._folder = str(world.folder)

    def _word(self, found: str, form: str) -> str:
        count = sum(1 for one in self._seen.values() if len(one) == len(found))
        return self._seen.setdefault(found, form.format(count + 1))

    def __call__(self, text: str) -> str:
        text = text.replace(self._folder, "DATA")
        text = _SHA.sub("c" * 64, text)
        text = _UUID.sub(lambda found: self._word(found[0], "00000000-0000-4000-8000-{:012d}"), text)
        text = _HEX.sub(lambda found: self._word(found[0], "{:032d}"), text)
        text = _IAM.sub(lambda found: self._word(found[0], "IBMid-{:010d}"), text)
        for pattern, word in _OTHERS:
            text = pattern.sub(word, text)
        return text


def _commands(text: str) -> Iterator[str]:
    """The lines that are obeyed: command lines, personas in brackets, remarks."""
    for line in text.splitlines():
        if line.startswith(("$ ", "# ")) or _PERSONA.fullmatch(line):
            yield line


def _obey(world: Shell, line: str, who: str) -> str:
    words = shlex.split(line.removeprefix("$ ibmcloud "))
    stdin = ""
    if "<<<" in words:
        at = words.index("<<<")
        words, stdin = words[:at], words[at + 1].replace("\\n", "\n") + "\n"
    said = world.run(*(word.format(**world.names) if "{" in word else word for word in words), who=who, stdin=stdin)
    told = "".join(f"--- {name}\n{text}" for name, text in (("stdout", said.out), ("stderr", said.err)) if text)
    return f"{told if told.endswith(chr(10)) or not told else told + chr(10)}--- exit {said.code}\n"


def transcript(world: Shell, script: str) -> str:
    """What the commands of a script say now."""
    masks, who, told = Masks(world), "owner", []
    for line in _commands(script):
        if _PERSONA.fullmatch(line):
            who = line.strip("[]")
            told.append(f"{line}\n")
        elif line.startswith("# "):
            told.append(f"{line}\n")
        else:
            told.append(f"{line}\n{masks(_obey(world, line, who))}\n")
    return "".join(told)


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_transcript(path: Path, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in files(shell).items():
        (tmp_path / name).write_text(text)
    expected = path.read_text()
    found = transcript(shell, expected)
    if WRITE:
        path.write_text(found)
    else:
        assert found == expected


def files(world: Shell) -> dict[str, str]:
    """Files that command lines name."""
    image = f'{{"id":"{world.names["spare"]}","name":"spare","region":"us-south"}}'
    body = '{"name":"spare-server","label":"Spare server","version":"1.0.0","install_kind":"instance",'
    return {
        "key.pub": "ssh-rsa " + RSA,
        "vpc-body.json": body + f'"target_kinds":["vpc-x86"],"metadata":{{"images":[{image}]}}}}',
        "values.json": '{"vsi_instance_name":"try"}',
        "user-data.txt": "#!/bin/sh\n",
        "broken.json": "{",
    }


RSA = (
    "AAAAB3NzaC1yc2EAAAADAQABAAABAQCZzw+7CveIUmfs2xl/MSsKHokNexSGNQKGjjuwBRpHnciHmVdpfcidhS3Ni+3WWK1BpipKag98xJ2oEw"
    "Kgo3DfUjqjsFeTCxlYRTISX1QF+c/X9bQnCrzBIsggWkOzY+TWn19L0dGrd5J3cfdtl02c16YCtItPpEeTSkrRz8OLVHRXzgRHTTm6JpSPU6Qm"
    "SRFGUXRkjOCKIdFETRP3j3QXJ6mN/umIo43iX7XV3TgHezp7WhKbJLicDhx6A9tCFwG8C8m7haiMgLMq31Mljd/kV5zXY0sj9AEoqAu8q4GUrD"
    "l84ZzRAKJrWv2/L+Dv7vTcrlQDUqKwTamgKrHBOPYT"
)
