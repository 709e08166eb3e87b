"""Names that the plug-in knows and Kunsthalle has no part in: said plainly, exit 1 (cli.md 3.4, U)."""

from __future__ import annotations

from functools import partial

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.grammar import Command
from kunsthalle.ibmcloud.invocation import Run

_KINDS = """
dedicated-host dedicated-host-group dedicated-host-profile dedicated-host-disk
share share-profile share-mount-target share-replica share-snapshot share-accessor-binding
load-balancer load-balancer-profile load-balancer-listener load-balancer-listener-policy
load-balancer-listener-policy-rule load-balancer-pool load-balancer-pool-member
endpoint-gateway endpoint-gateway-target endpoint-gateway-reserved-ip flow-log
vpn-gateway vpn-gateway-connection vpn-gateway-service-connection vpn-server vpn-server-client vpn-server-route
ike-policy ipsec-policy private-path-service-gateway private-path-service-gateway-account-policy
private-path-service-gateway-endpoint-gateway-binding public-address-range vpc-dns-resolution-binding vpc-route
backup-policy backup-policy-plan backup-policy-job reservation snapshot-consistency-group
cluster-network cluster-network-profile cluster-network-interface cluster-network-subnet
cluster-network-subnet-reserved-ip instance-cluster-network-attachment
""".split()
_VERBS = ("", "-create", "-update", "-delete")
_MORE = """
backup-policy-jobs-delete bare-metal-server-console bare-metal-server-firmware-update
endpoint-gateway-reserved-ip-bind endpoint-gateway-reserved-ip-unbind
ike-policy-connections ipsec-policy-connections
load-balancer-pool-members-update load-balancer-statistics
private-path-service-gateway-endpoint-gateway-binding-deny private-path-service-gateway-endpoint-gateway-binding-permit
private-path-service-gateway-publish private-path-service-gateway-revoke-account
private-path-service-gateway-unpublish
reservation-activate share-replica-failover share-replica-init share-replica-split
volume-job volume-job-cancel volume-job-create volume-job-delete volume-job-update
vpn-gateway-connection-advertised-cidr vpn-gateway-connection-advertised-cidr-add
vpn-gateway-connection-advertised-cidr-delete vpn-gateway-connection-advertised-cidrs
vpn-gateway-connection-local-cidr vpn-gateway-connection-local-cidr-add vpn-gateway-connection-local-cidr-delete
vpn-gateway-connection-local-cidrs vpn-gateway-connection-peer-cidr vpn-gateway-connection-peer-cidr-add
vpn-gateway-connection-peer-cidr-delete vpn-gateway-connection-peer-cidrs
vpn-server-client-configuration vpn-server-client-disconnect
""".split()


def _many(kind: str) -> str:
    return kind[:-1] + "ies" if kind.endswith("y") and not kind.endswith("ay") else kind + "s"


def _unserved(_run: Run, words: str) -> None:
    raise Failed(f"'ibmcloud is {words}' is not supported by Kunsthalle.")


def _command(words: str) -> Command:
    run = partial(_unserved, words=words)
    return Command(f"is {words}", "Not supported by Kunsthalle.", run, offline=True, anything=True)


_OF_KINDS = tuple(words for kind in _KINDS for words in (_many(kind), *(f"{kind}{verb}" for verb in _VERBS)))

COMMANDS = tuple(_command(words) for words in (*_OF_KINDS, *_MORE))
