"""Operating systems that an image may name: static data (reference/vpc-api.md E1; marks of its sources are there)."""

from __future__ import annotations

from dataclasses import dataclass

from kunsthalle.core.errors import not_found

_FORMATS = {"c": "cloud_init", "e": "esxi_kickstart", "i": "ipxe"}


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """`user_data_format` is `cloud_init` for everything that a virtual server can run."""

    name: str
    family: str
    vendor: str
    version: str
    display_name: str
    architecture: str
    user_data_format: str = "cloud_init"
    allow_user_image_creation: bool = True
    dedicated_host_only: bool = False


_UBUNTU = "Ubuntu Linux|Canonical|{} Minimal Install|Ubuntu Linux {} Minimal Install ({})"
_ROWS = """
ubuntu-16-amd64|Ubuntu Server|Canonical|16.04 LTS|Ubuntu Server 16.04 LTS amd64|amd64
ubuntu-16-04-amd64|@16.04 LTS Xenial Xerus|amd64
ubuntu-18-04-amd64|@18.04 LTS Bionic Beaver|amd64
ubuntu-20-04-amd64|@20.04 LTS Focal Fossa|amd64
ubuntu-22-04-amd64|@22.04 LTS Jammy Jellyfish|amd64
ubuntu-24-04-amd64|@24.04 LTS Noble Numbat|amd64
ubuntu-22-04-s390x|@22.04 LTS Jammy Jellyfish|s390x
ubuntu-24-04-s390x|@24.04 LTS Noble Numbat|s390x
debian-9-amd64|Debian GNU/Linux|Debian|9.x Stretch/Stable - Minimal Install|*|amd64
debian-10-amd64|Debian GNU/Linux|Debian|10.x Buster/Stable - Minimal Install|*|amd64
debian-11-amd64|Debian GNU/Linux|Debian|11.x Bullseye/Stable - Minimal Install|*|amd64
debian-12-amd64|Debian GNU/Linux|Debian|12.x Bookworm/Stable - Minimal Install|*|amd64
debian-13-amd64|Debian GNU/Linux|Debian|13.x Trixie/Stable - Minimal Install|*|amd64
centos-7-amd64|CentOS|CentOS|7.x - Minimal Install|*|amd64
centos-8-amd64|CentOS|CentOS|8.x - Minimal Install|*|amd64
centos-stream-9-amd64|CentOS Stream|CentOS|9|CentOS Stream 9 - Minimal Install (amd64)|amd64
centos-stream-10-amd64|CentOS Stream|CentOS|10|CentOS Stream 10 - Minimal Install (amd64)|amd64
red-7-amd64|Red Hat Enterprise Linux|Red Hat|7.x - Minimal Install|*|amd64
red-8-amd64|Red Hat Enterprise Linux|Red Hat|8.x - Minimal Install|*|amd64
red-9-amd64|Red Hat Enterprise Linux|Red Hat|9.x - Minimal Install|*|amd64
red-7-amd64-byol|Red Hat Enterprise Linux|Red Hat|7.x - BYOL|*|amd64
red-8-amd64-byol|Red Hat Enterprise Linux|Red Hat|8.x - BYOL|*|amd64
red-ai-9-amd64-nvidia-byol|Red Hat Enterprise Linux|Red Hat|AI 9.x NVIDIA - BYOL|*|amd64
rocky-linux-8-amd64|Rocky Linux|Rocky Linux|8.x - Minimal Install|*|amd64
rocky-linux-9-amd64|Rocky Linux|Rocky Linux|9.x - Minimal Install|*|amd64
rocky-linux-10-amd64|Rocky Linux|Rocky Linux|10.x - Minimal Install|*|amd64
sles-15-amd64|SUSE Linux Enterprise Server|SUSE|15|*|amd64
sles-15-s390x-byol|SUSE Linux Enterprise Server|SUSE|15 - BYOL|*|s390x
fedora-coreos-stable-amd64|Fedora CoreOS|Fedora|Stable|*|amd64
windows-2012-amd64|Windows Server|Microsoft|2012 Standard Edition|*|amd64
windows-2016-amd64|Windows Server|Microsoft|2016 Standard Edition|*|amd64
windows-2019-amd64|Windows Server|Microsoft|2019 Standard Edition|*|amd64
windows-2022-amd64|Windows Server|Microsoft|2022 Standard Edition|*|amd64
windows-2025-amd64|Windows Server|Microsoft|2025 Standard Edition|*|amd64
windows-2012-amd64-byol|Windows|Microsoft|2012|Windows 2012 - BYOL (amd64)|amd64|c|d
windows-2019-amd64-byol|Windows|Microsoft|2019|Windows 2019 - BYOL (amd64)|amd64|c|d
hyper-protect-1-0-s390x|IBM Hyper Protect|IBM|1.0|*|s390x|c|n
hyper-protect-1-0-s390x-hpcr|IBM Hyper Protect|IBM|1.0 Container Runtime|*|s390x|c|n
esxi-7|ESXi|VMware|7.x|VMware ESXi 7.x (amd64)|amd64|e|n
generic-linux-amd64|Generic|generic|generic|Generic Linux (amd64)|amd64
network-boot-ipxe|Generic|generic|ipxe|Network boot (iPXE)|amd64|i|n
"""


def _parse(line: str) -> OperatingSystem:
    cells = line.split("|")
    if cells[1].startswith("@"):
        name, version, architecture = cells[0], cells[1][1:], cells[2]
        text = _UBUNTU.format(version, version, architecture)
        cells = [name, *text.split("|"), architecture]
    name, family, vendor, version, display, architecture, *marks = cells
    if display == "*":
        display = f"{family} {version} ({architecture})"
    return OperatingSystem(
        name,
        family,
        vendor,
        version,
        display,
        architecture,
        _FORMATS[next((mark for mark in marks if mark in _FORMATS), "c")],
        allow_user_image_creation="n" not in marks,
        dedicated_host_only="d" in marks,
    )


OPERATING_SYSTEMS = {found.name: found for found in map(_parse, _ROWS.strip().splitlines())}


def operating_system(name: str, target: str = "name", type_: str = "parameter") -> OperatingSystem:
    """The operating system of that name, or 404."""
    try:
        return OPERATING_SYSTEMS[name]
    except KeyError as error:
        raise not_found(target, type_) from error
