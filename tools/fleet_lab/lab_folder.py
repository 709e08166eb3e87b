"""The lab's folder: ports, configuration, processes, and what is done once for all its starts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

SECRET = "lab-secret"  # noqa: S105  of the lab alone
"""The password of everybody in the lab, which listens on loopback alone."""

_PORTS = tuple("keystone glance placement nova serial mysql rabbit epmd erlang neutron cinder mon vnc".split())
"""What listens, from the first port on."""


class Lab:
    """What all parts need: the folder, ports by name, files, programs that run in it, and calls of its services.

    `facts` outlast a start: they stand in lab.json.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        known = self.folder / "lab.json"
        self.facts = json.loads(known.read_text()) if known.exists() else {}

    @property
    def venv(self) -> Path:
        return Path(self.facts["venv"])

    def port(self, what: str) -> int:
        return int(self.facts["port"]) + _PORTS.index(what)

    def url(self, what: str) -> str:
        return f"http://127.0.0.1:{self.port(what)}"

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def spawn(self, name: str, command: list[str], env: dict[str, str] | None = None) -> None:
        (self.folder / "run").mkdir(exist_ok=True)
        (self.folder / "log").mkdir(exist_ok=True)
        log = (self.folder / "log" / f"{name}.log").open("ab")
        path = f"{self.venv}/bin:{os.environ.get('PATH', os.defpath)}:/usr/sbin"
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "PATH": path, **(env or {})},
            cwd=self.folder,
        )
        (self.folder / "run" / name).write_text(str(process.pid))

    def run(self, *command: str, env: dict[str, str] | None = None, text: str = "") -> str:
        path = f"{self.venv}/bin:{os.environ.get('PATH', os.defpath)}:/usr/sbin"
        ended = subprocess.run(
            command,
            input=text,
            text=True,
            capture_output=True,
            check=False,
            env={**os.environ, "PATH": path, **(env or {})},
        )
        if ended.returncode:
            raise RuntimeError(f"{' '.join(command)}: {ended.returncode}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")
        return ended.stdout

    def wait(self, what: str, ready: Callable[[], object], seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError):  # not there yet
                if ready():
                    return
            time.sleep(0.2)
        raise SystemExit(f"{what} is not ready after {seconds:g} s; see {self.folder}/log")

    def once(self, part: Callable[[Lab], object]) -> None:
        """Databases outlive their services: what was prepared is prepared."""
        if part.__name__ not in self.facts.setdefault("done", []):
            part(self)
            self.facts["done"].append(part.__name__)
            self.save()

    def database(self, name: str) -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self.port('mysql')}/{name}?charset=utf8"

    def auth(self, section: str) -> str:
        return f"""
[{section}]
auth_type = password
auth_url = {self.url("keystone")}/v3
www_authenticate_uri = {self.url("keystone")}/v3
username = service
password = {SECRET}
project_name = service
user_domain_name = Default
project_domain_name = Default
region_name = lab
"""

    def call(self, method: str, url: str, token: str = "", body: object = None, headers: dict[str, str] | None = None):
        request = urllib.request.Request(url, method=method, data=None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("X-Auth-Token", token)
        for key, value in (headers or {}).items():
            request.add_header(key, value)
        with urllib.request.urlopen(request, timeout=30) as answer:
            raw = answer.read()
            return answer.headers, json.loads(raw) if raw else {}

    def token(self, user: str = "admin", project: str = "admin") -> str:
        domain = {"name": "Default"}
        headers, _ = self.call(
            "POST",
            f"{self.url('keystone')}/v3/auth/tokens",
            body={
                "auth": {
                    "identity": {
                        "methods": ["password"],
                        "password": {"user": {"name": user, "domain": domain, "password": SECRET}},
                    },
                    "scope": {"project": {"name": project, "domain": domain}},
                }
            },
        )
        return headers["X-Subject-Token"]

    def save(self) -> None:
        self.write("lab.json", json.dumps(self.facts))

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """A node: at once, with all its guests, as a power cut ends them."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.killpg(int((self.folder / "run" / name).read_text()), number)

    def lives(self, name: str) -> bool:
        try:
            os.killpg(int((self.folder / "run" / name).read_text()), 0)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True
