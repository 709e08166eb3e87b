"""A whole OpenStack on this machine: Keystone, Glance, Placement, Nova with libvirt, Cinder on Ceph, two compute nodes.

    python -m tools.fleet_lab install --venv VENV
    python -m tools.fleet_lab start --venv VENV --dir DIR [--nodes 2] [--port 15000]
    python -m tools.fleet_lab env --dir DIR                       what a client needs, a NAME=value a line
    python -m tools.fleet_lab start-node|kill-node NAME --dir DIR a node comes up; a node loses its power
    python -m tools.fleet_lab stop --dir DIR

Every node has a host name, processes and mounts of its own, with its own libvirtd and nova-compute: killing it ends its
guests with it, as a power cut would. Needs root, Debian 12 or later, two cores, 3 GiB of memory and 3 GB of disk; no
KVM, no systemd, no network. Listens on loopback alone. A second start on the same folder goes on where it ended.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.fleet_lab import lab_services
from tools.fleet_lab.lab_compute import start_node
from tools.fleet_lab.lab_folder import SECRET, Lab
from tools.fleet_lab.lab_packages import install


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["install", "start", "env", "start-node", "kill-node", "stop"])
    parser.add_argument("name", nargs="?")
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--port", type=int, default=15000)
    args = parser.parse_intermixed_args()
    if args.verb == "install":
        install(args.venv.resolve())
        return
    args.dir.mkdir(parents=True, exist_ok=True)
    lab = Lab(args.dir)
    if args.verb == "start":
        lab.facts = {"serial": {}, **lab.facts, "venv": str(args.venv.resolve()), "port": args.port}
        lab.save()
        lab_services.start(lab, [f"node{number + 1}" for number in range(args.nodes)])
    elif args.verb == "env":
        print(*(f"{name}={value}" for name, value in access(lab).items()), sep="\n")
    elif args.verb == "start-node":
        start_node(lab, args.name)
    elif args.verb == "kill-node":
        lab.kill(f"node-{args.name}")
    else:
        lab_services.stop(lab)


def access(lab: Lab) -> dict[str, str]:
    """The variables by which clients come into the lab."""
    return {
        "OS_AUTH_URL": f"{lab.url('keystone')}/v3",
        "OS_USERNAME": "kunsthalle",
        "OS_PASSWORD": SECRET,
        "OS_PROJECT_NAME": "kunsthalle",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_REGION_NAME": "lab",
    }


if __name__ == "__main__":
    main()
