"""Operations of the VPC API that are known and not offered: one table, answered with 501.

VPNs, load balancers, private endpoints, file shares, backups, flow logs, cluster networks, dedicated hosts and
reservations have no part in a catalog of images; of the families that are offered, what is missing concerns those, or
machines that are simulated, such as bare metal, whose consoles would show nothing.
"""

from __future__ import annotations

from kunsthalle.api import access
from kunsthalle.api.router import Route, not_implemented
from kunsthalle.api.surfaces.vpc import VPC

_TABLE = """
GET,POST /backup_policies
GET /backup_policies/{backup_policy_id}/jobs
GET /backup_policies/{backup_policy_id}/jobs/{id}
GET,POST /backup_policies/{backup_policy_id}/plans
GET,PATCH,DELETE /backup_policies/{backup_policy_id}/plans/{id}
GET,PATCH,DELETE /backup_policies/{id}
GET /bare_metal_server/capacities
POST /bare_metal_servers/{bare_metal_server_id}/console_access_token
POST /bare_metal_servers/{id}/firmware/update
GET /cluster_network/profiles
GET /cluster_network/profiles/{name}
GET,POST /cluster_networks
GET,POST /cluster_networks/{cluster_network_id}/interfaces
GET,PATCH,DELETE /cluster_networks/{cluster_network_id}/interfaces/{id}
GET,POST /cluster_networks/{cluster_network_id}/subnets
GET,POST /cluster_networks/{cluster_network_id}/subnets/{cluster_network_subnet_id}/reserved_ips
GET,PATCH,DELETE /cluster_networks/{cluster_network_id}/subnets/{cluster_network_subnet_id}/reserved_ips/{id}
GET,PATCH,DELETE /cluster_networks/{cluster_network_id}/subnets/{id}
GET,PATCH,DELETE /cluster_networks/{id}
GET,POST /dedicated_host/groups
GET,PATCH,DELETE /dedicated_host/groups/{id}
GET /dedicated_host/profiles
GET /dedicated_host/profiles/{name}
GET,POST /dedicated_hosts
GET /dedicated_hosts/{dedicated_host_id}/disks
GET,PATCH /dedicated_hosts/{dedicated_host_id}/disks/{id}
GET,PATCH,DELETE /dedicated_hosts/{id}
GET,POST /endpoint_gateways
GET /endpoint_gateways/{endpoint_gateway_id}/ips
GET,PUT,DELETE /endpoint_gateways/{endpoint_gateway_id}/ips/{id}
GET,POST /endpoint_gateways/{endpoint_gateway_id}/resource_bindings
GET,PATCH,DELETE /endpoint_gateways/{endpoint_gateway_id}/resource_bindings/{id}
GET,PATCH,DELETE /endpoint_gateways/{id}
GET,POST /flow_log_collectors
GET,PATCH,DELETE /flow_log_collectors/{id}
POST /instances/{instance_id}/cluster_network_attachments
GET,PATCH,DELETE /instances/{instance_id}/cluster_network_attachments/{id}
PATCH /instances/{instance_id}/software_attachments/{id}
GET /load_balancer/profiles
GET /load_balancer/profiles/{name}
GET,POST /load_balancers
GET,PATCH,DELETE /load_balancers/{id}
GET /load_balancers/{id}/statistics
GET,POST /load_balancers/{load_balancer_id}/listeners
GET,PATCH,DELETE /load_balancers/{load_balancer_id}/listeners/{id}
GET,POST /load_balancers/{load_balancer_id}/listeners/{listener_id}/policies
GET,PATCH,DELETE /load_balancers/{load_balancer_id}/listeners/{listener_id}/policies/{id}
GET,POST /load_balancers/{load_balancer_id}/listeners/{listener_id}/policies/{policy_id}/rules
GET,PATCH,DELETE /load_balancers/{load_balancer_id}/listeners/{listener_id}/policies/{policy_id}/rules/{id}
GET,POST /load_balancers/{load_balancer_id}/pools
GET,PATCH,DELETE /load_balancers/{load_balancer_id}/pools/{id}
GET,POST,PUT /load_balancers/{load_balancer_id}/pools/{pool_id}/members
GET,PATCH,DELETE /load_balancers/{load_balancer_id}/pools/{pool_id}/members/{id}
GET,POST /private_path_service_gateways
GET,PATCH,DELETE /private_path_service_gateways/{id}
GET,POST /private_path_service_gateways/{private_path_service_gateway_id}/account_policies
GET,PATCH,DELETE /private_path_service_gateways/{private_path_service_gateway_id}/account_policies/{id}
GET /private_path_service_gateways/{private_path_service_gateway_id}/endpoint_gateway_bindings
GET /private_path_service_gateways/{private_path_service_gateway_id}/endpoint_gateway_bindings/{id}
POST /private_path_service_gateways/{private_path_service_gateway_id}/endpoint_gateway_bindings/{id}/deny
POST /private_path_service_gateways/{private_path_service_gateway_id}/endpoint_gateway_bindings/{id}/permit
POST /private_path_service_gateways/{private_path_service_gateway_id}/publish
POST /private_path_service_gateways/{private_path_service_gateway_id}/revoke_account
POST /private_path_service_gateways/{private_path_service_gateway_id}/unpublish
GET,POST /public_address_ranges
GET,PATCH,DELETE /public_address_ranges/{id}
GET,POST /reservations
GET,PATCH,DELETE /reservations/{id}
POST /reservations/{id}/activate
GET /share/profiles
GET /share/profiles/{name}
GET,POST /shares
GET,PATCH,DELETE /shares/{id}
GET /shares/{id}/accessor_bindings
GET,DELETE /shares/{share_id}/accessor_bindings/{id}
POST /shares/{share_id}/failover
GET,POST /shares/{share_id}/mount_targets
GET,PATCH,DELETE /shares/{share_id}/mount_targets/{id}
GET,POST /shares/{share_id}/snapshots
GET,PATCH,DELETE /shares/{share_id}/snapshots/{id}
GET,DELETE /shares/{share_id}/source
GET,POST /snapshot_consistency_groups
GET,PATCH,DELETE /snapshot_consistency_groups/{id}
PATCH /snapshots/{snapshot_id}/software_attachments/{id}
POST /volumes/{volume_id}/jobs
GET,PATCH,DELETE /volumes/{volume_id}/jobs/{id}
POST /volumes/{volume_id}/jobs/{id}/cancel
PATCH /volumes/{volume_id}/software_attachments/{id}
GET,POST /ike_policies
GET,PATCH,DELETE /ike_policies/{id}
GET /ike_policies/{id}/connections
GET,POST /ipsec_policies
GET,PATCH,DELETE /ipsec_policies/{id}
GET /ipsec_policies/{id}/connections
GET,POST /vpn_gateways
GET,PATCH,DELETE /vpn_gateways/{id}
GET /vpn_gateways/{vpn_gateway_id}/advertised_cidrs
GET,PUT,DELETE /vpn_gateways/{vpn_gateway_id}/advertised_cidrs/{cidr}
GET,POST /vpn_gateways/{vpn_gateway_id}/connections
GET,PATCH,DELETE /vpn_gateways/{vpn_gateway_id}/connections/{id}
GET /vpn_gateways/{vpn_gateway_id}/connections/{id}/local/cidrs
GET,PUT,DELETE /vpn_gateways/{vpn_gateway_id}/connections/{id}/local/cidrs/{cidr}
GET /vpn_gateways/{vpn_gateway_id}/connections/{id}/peer/cidrs
GET,PUT,DELETE /vpn_gateways/{vpn_gateway_id}/connections/{id}/peer/cidrs/{cidr}
GET /vpn_gateways/{vpn_gateway_id}/members
GET,PUT /vpn_gateways/{vpn_gateway_id}/members/{id}
GET /vpn_gateways/{vpn_gateway_id}/service_connections
GET /vpn_gateways/{vpn_gateway_id}/service_connections/{id}
GET,POST /vpn_servers
GET,PATCH,DELETE /vpn_servers/{id}
GET /vpn_servers/{id}/client_configuration
GET /vpn_servers/{vpn_server_id}/clients
GET,DELETE /vpn_servers/{vpn_server_id}/clients/{id}
POST /vpn_servers/{vpn_server_id}/clients/{id}/disconnect
GET,POST /vpn_servers/{vpn_server_id}/routes
GET,PATCH,DELETE /vpn_servers/{vpn_server_id}/routes/{id}
"""


def operations() -> tuple[str, ...]:
    """Each as `METHOD /v1/path`."""
    rows = (line.split() for line in _TABLE.split("\n") if line)
    return tuple(f"{method} /v1{path}" for methods, path in rows for method in methods.split(","))


def not_implemented_routes() -> tuple[Route, ...]:
    """The table as routes that refuse, for everybody who is somebody."""
    return not_implemented(operations(), VPC, access.member("is.operation.not-implemented"))
