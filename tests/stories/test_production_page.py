"""`docs/how-to/production.md`, from top to bottom on this host: PostgreSQL, an S3 server and nginx are real."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixtures.packages import nginx
from fixtures.postgres import Cluster
from fixtures.reader import Block, Shell, blocks, environment, shown
from fixtures.s3 import KEY, SECRET, S3Server
from fixtures.tools import ROOT

pytestmark = [pytest.mark.needs_nginx, pytest.mark.needs_postgres, pytest.mark.by_turns(3)]
HOW_TO = ROOT / "docs" / "how-to"
DEADLINE = 240
"""Seconds for a block, on a busy machine."""


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Site:
    """What stands on the page in the place of what is here: folders, addresses and secrets."""

    def __init__(self, folder: Path, cluster: Cluster, s3: S3Server) -> None:
        plain, secure = _free_ports(2)
        self.folder, self.bucket, self._s3 = folder, s3.bucket(), s3
        for name in ("etc", "work"):
            (folder / name).mkdir()
        self._here = {
            "/etc/kunsthalle": str(folder / "etc"),
            "/var/lib/kunsthalle": str(folder / "data"),
            "/opt/kunsthalle/bin:": "",
            "postgresql://kunsthalle:PASSWORD@127.0.0.1/kunsthalle": cluster.url(cluster.create()),
            "s3://kunsthalle/blobs?endpoint=https://s3.example.com": s3.address(self.bucket, "blobs"),
            "ACCESS-KEY": KEY,
            "SECRET-KEY": SECRET,
            "https://catalog.example.com": f"https://localhost:{secure}",
            "catalog.example.com": "localhost",
            "8100": str(plain),
            "listen 443 ssl": f"listen 127.0.0.1:{secure} ssl",
        }

    def here(self, text: str) -> str:
        """A text of the page for this host."""
        for theirs, ours in self._here.items():
            text = text.replace(theirs, ours)
        return text

    def objects(self) -> list[str]:
        """The names of the blobs in the bucket."""
        return [item["path"] for page in self._s3.store(self.bucket).list("blobs/sha256/") for item in page]

    @contextmanager
    def proxied(self) -> Iterator[None]:
        """Nginx with the server block that the page leads to."""
        (block,) = re.findall(r"```nginx\n(.*?)```", (HOW_TO / "first-run.md").read_text(), re.DOTALL)
        temporary = "\n".join(
            f"{name}_temp_path {self.folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = f"daemon off; pid {self.folder}/pid; error_log {self.folder}/nginx.log; events {{}}"
        (self.folder / "nginx.conf").write_text(f"{main}\nhttp {{ access_log off; {temporary}\n{self.here(block)} }}\n")
        program = nginx()
        assert program is not None
        process = subprocess.Popen([program, "-c", str(self.folder / "nginx.conf")])
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def test_the_page_leads_to_a_server_with_postgresql_s3_and_tls(tmp_path: Path, cluster: Cluster, s3: S3Server) -> None:
    site = Site(tmp_path, cluster, s3)
    tools = Path(sys.executable).parent
    programs = {tool: tools / tool for tool in ("kunsthalle", "ibmcloud")} | {"python3": Path(sys.executable)}
    followed = [
        block for block in blocks(HOW_TO / "production.md") if not block.why and block.language in {"sh", "text"}
    ]
    with Shell(site.folder / "work", environment(site.folder / "home", programs)) as shell:
        start = next(number for number, block in enumerate(followed) if "openssl req" in block.text) + 1
        _follow(site, shell, followed[:start])
        with site.proxied():
            _follow(site, shell, followed[start:])
    assert len(site.objects()) == 1
    secrets = [SECRET, (tmp_path / "etc" / "master.key").read_text().strip()]
    log = (tmp_path / "work" / "server.log").read_text()
    assert [secret for secret in secrets if secret in log] == []
    assert (tmp_path / "etc" / "database-url").stat().st_mode & 0o077 == 0


def _follow(site: Site, shell: Shell, followed: list[Block]) -> None:
    """Pastes the blocks, and compares what is printed with what the page shows."""
    printed = ""
    for block in followed:
        if block.language == "text":
            assert shown(printed, site.here(block.text)), f"this was printed:\n{printed}"
            continue
        printed = shell.paste(Block("sh", site.here(block.text)), deadline=DEADLINE)
