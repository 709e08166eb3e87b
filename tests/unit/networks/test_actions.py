"""Who may change what: the action of every route that changes something in a network."""

from __future__ import annotations

from kunsthalle.networks import routes

ACTIONS = {
    "is.floating-ip.floating-ip.create": {
        "POST /floating_ips",
    },
    "is.floating-ip.floating-ip.delete": {
        "DELETE /floating_ips/{id}",
    },
    "is.floating-ip.floating-ip.update": {
        "PATCH /floating_ips/{id}",
    },
    "is.key.key.create": {
        "POST /keys",
    },
    "is.key.key.delete": {
        "DELETE /keys/{id}",
    },
    "is.key.key.update": {
        "PATCH /keys/{id}",
    },
    "is.network-acl.network-acl.create": {
        "POST /network_acls",
    },
    "is.network-acl.network-acl.delete": {
        "DELETE /network_acls/{id}",
    },
    "is.network-acl.network-acl.update": {
        "DELETE /network_acls/{network_acl_id}/rules/{id}",
        "PATCH /network_acls/{id}",
        "PATCH /network_acls/{network_acl_id}/rules/{id}",
        "POST /network_acls/{network_acl_id}/rules",
    },
    "is.public-gateway.public-gateway.create": {
        "POST /public_gateways",
    },
    "is.public-gateway.public-gateway.delete": {
        "DELETE /public_gateways/{id}",
    },
    "is.public-gateway.public-gateway.update": {
        "PATCH /public_gateways/{id}",
    },
    "is.security-group.security-group.create": {
        "POST /security_groups",
    },
    "is.security-group.security-group.delete": {
        "DELETE /security_groups/{id}",
    },
    "is.security-group.security-group.update": {
        "DELETE /security_groups/{security_group_id}/rules/{id}",
        "DELETE /security_groups/{security_group_id}/targets/{id}",
        "PATCH /security_groups/{id}",
        "PATCH /security_groups/{security_group_id}/rules/{id}",
        "POST /security_groups/{security_group_id}/rules",
        "PUT /security_groups/{security_group_id}/targets/{id}",
    },
    "is.subnet.subnet.create": {
        "POST /subnets",
    },
    "is.subnet.subnet.delete": {
        "DELETE /subnets/{id}",
    },
    "is.subnet.subnet.update": {
        "DELETE /subnets/{id}/public_gateway",
        "DELETE /subnets/{subnet_id}/reserved_ips/{id}",
        "PATCH /subnets/{id}",
        "PATCH /subnets/{subnet_id}/reserved_ips/{id}",
        "POST /subnets/{subnet_id}/reserved_ips",
        "PUT /subnets/{id}/network_acl",
        "PUT /subnets/{id}/public_gateway",
        "PUT /subnets/{id}/routing_table",
    },
    "is.virtual-network-interface.virtual-network-interface.create": {
        "POST /virtual_network_interfaces",
    },
    "is.virtual-network-interface.virtual-network-interface.delete": {
        "DELETE /virtual_network_interfaces/{id}",
    },
    "is.virtual-network-interface.virtual-network-interface.update": {
        "DELETE /virtual_network_interfaces/{virtual_network_interface_id}/floating_ips/{id}",
        "DELETE /virtual_network_interfaces/{virtual_network_interface_id}/ips/{id}",
        "PATCH /virtual_network_interfaces/{id}",
        "PUT /virtual_network_interfaces/{virtual_network_interface_id}/floating_ips/{id}",
        "PUT /virtual_network_interfaces/{virtual_network_interface_id}/ips/{id}",
    },
    "is.vpc.dns-resolution-binding.create": {
        "POST /vpcs/{vpc_id}/dns_resolution_bindings",
    },
    "is.vpc.dns-resolution-binding.delete": {
        "DELETE /vpcs/{vpc_id}/dns_resolution_bindings/{id}",
    },
    "is.vpc.dns-resolution-binding.update": {
        "PATCH /vpcs/{vpc_id}/dns_resolution_bindings/{id}",
    },
    "is.vpc.routing-table.create": {
        "POST /vpcs/{vpc_id}/routes",
        "POST /vpcs/{vpc_id}/routing_tables",
    },
    "is.vpc.routing-table.delete": {
        "DELETE /vpcs/{vpc_id}/routes/{id}",
        "DELETE /vpcs/{vpc_id}/routing_tables/{id}",
    },
    "is.vpc.routing-table.update": {
        "DELETE /vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes/{id}",
        "PATCH /vpcs/{vpc_id}/routes/{id}",
        "PATCH /vpcs/{vpc_id}/routing_tables/{id}",
        "PATCH /vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes/{id}",
        "POST /vpcs/{vpc_id}/routing_tables/{routing_table_id}/routes",
    },
    "is.vpc.vpc.create": {
        "POST /vpcs",
    },
    "is.vpc.vpc.delete": {
        "DELETE /vpcs/{id}",
    },
    "is.vpc.vpc.update": {
        "DELETE /vpcs/{vpc_id}/address_prefixes/{id}",
        "PATCH /vpcs/{id}",
        "PATCH /vpcs/{vpc_id}/address_prefixes/{id}",
        "POST /vpcs/{vpc_id}/address_prefixes",
    },
}
"""What hangs below a resource without an action of its own is changed by who may change that resource."""


def test_every_change_names_its_own_action() -> None:
    made: dict[str, set[str]] = {}
    for one in routes.routes():
        if one.method != "GET":
            made.setdefault(one.access.action, set()).add(one.name.replace("/v1/", "/", 1))
    assert made == ACTIONS
