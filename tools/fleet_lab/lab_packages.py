"""What the lab is made of: packages of Debian, and OpenStack from PyPI in the versions that were seen to fit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_APT = [
    *("mariadb-server", "rabbitmq-server", "qemu-system-x86", "qemu-utils", "qemu-block-extra", "genisoimage"),
    *("libvirt-daemon", "libvirt-daemon-driver-qemu", "python3-libvirt", "python3-venv"),
    *("ceph-mon", "ceph-osd", "ceph-common", "python3-rados", "python3-rbd"),
]
_PIP = ["keystone", "glance", "openstack-placement", "nova", "neutron", "cinder", "PyMySQL", "waitress"]
_LOCK = Path(__file__).with_name("lab.lock")
"""The versions; OpenStack's own list of those that fit is on no registry."""


def install(venv: Path) -> None:
    """Installs Debian packages and a virtual environment; as root."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    policy = Path("/usr/sbin/policy-rc.d")  # the services are ours to start
    made = not policy.exists()
    if made:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=env)
        subprocess.run(
            ["apt-get", "install", "-qq", "--no-install-recommends", *_APT],
            check=True,
            env=env,
        )
    finally:
        if made:
            policy.unlink()
    # libvirt asks for it by name.
    if subprocess.run(["id", "libvirt-qemu"], capture_output=True, check=False).returncode:
        subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", "libvirt-qemu"], check=True)
    subprocess.run(["/usr/bin/python3", "-m", "venv", str(venv)], check=True)
    subprocess.run([f"{venv}/bin/pip", "install", "-q", "-c", str(_LOCK), *_PIP], check=True)
    site = next((venv / "lib").glob("python3*")) / "site-packages"
    system = Path("/usr/lib/python3/dist-packages")  # bindings, built for this Python
    for path in [one for pattern in ("libvirt*", "rbd*.so", "rados*.so") for one in system.glob(pattern)]:
        if not (site / path.name).exists():
            (site / path.name).symlink_to(path)
