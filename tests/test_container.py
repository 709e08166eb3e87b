"""The container, built by buildah on Debian roots that debootstrap makes, and run as its user with a read-only root.

No engine of containers is needed: the root of the built image is bound read-only in a mount namespace, `/data` and
`/tmp` lie over it, and the image's own user, command, variables and health check are what runs in it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from attacks.people import send
from fixtures.nodes import free_port
from fixtures.tools import ROOT

pytestmark = [pytest.mark.nightly, pytest.mark.needs_buildah]
SUITES = {"bookworm": "3.11", "sid": "3.14"}
"""Debian's suites that images are built on, and the Python of each."""
PACKAGES = "python3,python3-venv,ca-certificates"
PATIENCE = 1_800
READY = 180
"""Seconds until the server must be healthy; the machine may be busy."""


def run(*words: str | Path, **more: Any) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=PATIENCE, check=False, **more
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


class Buildah:
    """Images and containers in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._command = ("buildah", "--root", folder / "storage", "--runroot", folder / "run")
        self._environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}

    def __call__(self, *words: str | Path) -> str:
        return run(*self._command, *words, env=self._environment).strip()


@dataclass(frozen=True, slots=True)
class Image:
    """A built image: its root, and what it says of how it is run."""

    root: Path
    config: dict[str, Any]
    python: str


def pip_settings() -> list[str]:
    """What tells pip of this machine where its index is, and which authorities it trusts, as options of a build."""
    files = {
        Path.home() / ".config" / "pip" / "pip.conf": "/etc/pip.conf",
        Path("/etc/pip.conf"): "/etc/pip.conf",
        Path("/etc/ssl/certs"): "/etc/ssl/certs",
    }
    return [f"--volume={path}:{inside}:ro" for path, inside in files.items() if path.exists()]


@pytest.fixture(scope="module", params=SUITES)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The Containerfile's image on a Debian root."""
    folder, suite = tmp_path_factory.mktemp(f"container-{request.param}"), request.param
    base, buildah = folder / "base", Buildah(folder)
    run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, base)
    made = buildah("from", "scratch")
    buildah("add", made, base, "/")
    buildah("commit", "--rm", made, "localhost/base")
    shutil.rmtree(base)
    named = ("--build-arg", "BASE=localhost/base", "--tag", "localhost/kunsthalle")
    buildah("build", "--format", "docker", *pip_settings(), *named, ROOT)
    config = json.loads(buildah("inspect", "--type", "image", "localhost/kunsthalle"))["Docker"]["config"]
    made = buildah("from", "localhost/kunsthalle")
    yield Image(Path(buildah("mount", made)), config, SUITES[suite])
    buildah("umount", made)
    buildah("rm", made)


INSIDE = """
mount --bind {root} {root}
mount -o remount,bind,ro {root}
mount -t tmpfs tmp {root}/tmp -o mode=1777
mount --bind {data} {root}/data
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
exec chroot --userspec={user} {root} /usr/bin/env -i {variables} {command}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """How to run something in the image, in a mount namespace of its own that ends with it."""

    image: Image
    data: Path

    def command(self, *words: str) -> list[str]:
        script = INSIDE.format(
            root=shlex.quote(str(self.image.root)),
            data=shlex.quote(str(self.data)),
            user=self.image.config["User"],
            variables=" ".join(map(shlex.quote, self.image.config["Env"])),
            command=" ".join(map(shlex.quote, words)),
        )
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-e", "-c", script]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=READY, check=False)

    @contextmanager
    def served(self, port: int) -> Iterator[subprocess.Popen[bytes]]:
        """The image's own command, on a port of the test."""
        words = [*self.image.config["Entrypoint"], *self.image.config["Cmd"], "--port", str(port)]
        with subprocess.Popen(self.command(*words), start_new_session=True) as process:
            try:
                yield process
            finally:
                os.killpg(process.pid, signal.SIGKILL)  # becoming the user undoes what --kill-child asked for


@pytest.fixture
def container(image: Image, tmp_path: Path) -> Run:
    data = tmp_path / "data"
    data.mkdir()
    uid, gid = map(int, image.config["User"].split(":"))
    os.chown(data, uid, gid)
    return Run(image, data)


def test_it_serves_as_its_user_on_a_read_only_root(container: Run) -> None:
    port = free_port()
    word, *health = container.image.config["Healthcheck"]["Test"]
    assert word == "CMD"
    health = [part.replace(":8100/", f":{port}/") for part in health]
    assert container(*health).returncode != 0, "nothing answers yet"
    with container.served(port) as process:
        deadline = time.monotonic() + READY
        while container(*health).returncode:
            assert process.poll() is None, "it ended"
            assert time.monotonic() < deadline
        assert send(f"http://127.0.0.1:{port}", "GET", "/identity/keys").json["keys"]
        made = {path.stat().st_uid for path in container.data.iterdir()}
        assert made == {int(container.image.config["User"].partition(":")[0])} != {0}


def test_nothing_but_its_data_and_its_scratch_can_be_written(container: Run) -> None:
    for folder, code in {"/": 1, "/opt/kunsthalle": 1, "/etc": 1, "/data": 0, "/tmp": 0}.items():  # noqa: S108  inside
        assert container("touch", f"{folder}/x").returncode == code, folder
    assert container("id", "-u").stdout.strip() == container.image.config["User"].partition(":")[0]


def test_its_python_is_that_of_its_base(container: Run) -> None:
    said = container("python3", "--version").stdout
    assert said.startswith(f"Python {container.image.python}."), said
    assert container("kunsthalle", "--version").returncode == 0
