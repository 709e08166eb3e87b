"""Names that the plug-in knows and Kunsthalle has no part in: said plainly, exit 1 (cli.md 3.4, U)."""

from __future__ import annotations

from functools import partial

from kunsthalle.ibmcloud.errors import Failed
from kunsthalle.ibmcloud.grammar import Command
from kunsthalle.ibmcloud.run import Run

_KINDS = """
placement-group dedicated-host dedicated-host-group dedicated-host-profile share share-profile load-balancer
load-balancer-pool load-balancer-listener endpoint-gateway flow-log vpn-gateway vpn-server ike-policy ipsec-policy
backup-policy reservation cluster-network private-path-service-gateway public-address-range
snapshot-consistency-group instance-cluster-network-attachment
""".split()
_VERBS = ("", "-create", "-update", "-delete")


def _many(kind: str) -> str:
    return kind[:-1] + "ies" if kind.endswith("y") and not kind.endswith("ay") else kind + "s"


def _unserved(_run: Run, words: str) -> None:
    raise Failed(f"'ibmcloud is {words}' is not supported by Kunsthalle.")


def _command(words: str) -> Command:
    run = partial(_unserved, words=words)
    return Command(f"is {words}", "Not supported by Kunsthalle.", run, offline=True, anything=True)


COMMANDS = tuple(_command(words) for kind in _KINDS for words in (_many(kind), *(f"{kind}{verb}" for verb in _VERBS)))
