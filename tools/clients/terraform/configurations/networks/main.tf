# Networks: everything that an instance is put into.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "public_key" {}

resource "ibm_is_vpc" "one" {
  name = "one"
  tags = ["walk:networks"]
}

resource "ibm_is_network_acl" "open" {
  name = "open"
  vpc  = ibm_is_vpc.one.id
  rules {
    name        = "in"
    action      = "allow"
    source      = "0.0.0.0/0"
    destination = "0.0.0.0/0"
    direction   = "inbound"
    protocol    = "tcp"
    port_min    = 22
    port_max    = 22

    source_port_min = 1024
    source_port_max = 65535
  }
  rules {
    name        = "out"
    action      = "allow"
    source      = "0.0.0.0/0"
    destination = "0.0.0.0/0"
    direction   = "outbound"
    protocol    = "icmp_tcp_udp"
  }
}

resource "ibm_is_public_gateway" "one" {
  name = "one"
  vpc  = ibm_is_vpc.one.id
  zone = "us-south-1"
}

resource "ibm_is_subnet" "one" {
  name                     = "one"
  vpc                      = ibm_is_vpc.one.id
  zone                     = "us-south-1"
  total_ipv4_address_count = 64
  network_acl              = ibm_is_network_acl.open.id
  public_gateway           = ibm_is_public_gateway.one.id
}

resource "ibm_is_security_group" "web" {
  name = "web"
  vpc  = ibm_is_vpc.one.id
}

resource "ibm_is_security_group_rule" "https" {
  group     = ibm_is_security_group.web.id
  direction = "inbound"
  remote    = "0.0.0.0/0"
  protocol  = "tcp"
  port_min  = 443
  port_max  = 443
}

resource "ibm_is_security_group_rule" "out" {
  group     = ibm_is_security_group.web.id
  direction = "outbound"
}

resource "ibm_is_security_group_rule" "ping" {
  group     = ibm_is_security_group.web.id
  direction = "inbound"
  remote    = ibm_is_security_group.web.id
  protocol  = "icmp"
  type      = 8
  code      = 0
}

resource "ibm_is_ssh_key" "one" {
  name       = "one"
  public_key = var.public_key
  type       = "ed25519"
}

resource "ibm_is_virtual_network_interface" "one" {
  name            = "one"
  subnet          = ibm_is_subnet.one.id
  security_groups = [ibm_is_security_group.web.id]
}

resource "ibm_is_floating_ip" "one" {
  name = "one"
  zone = "us-south-1"
}

data "ibm_is_vpc" "one" {
  identifier = ibm_is_vpc.one.id
  depends_on = [ibm_is_subnet.one, ibm_is_security_group_rule.https]
}
data "ibm_is_vpcs" "all" { depends_on = [ibm_is_vpc.one] }
data "ibm_is_network_acl" "open" { network_acl = ibm_is_network_acl.open.id }
data "ibm_is_public_gateway" "one" { name = ibm_is_public_gateway.one.name }
data "ibm_is_subnet" "one" { identifier = ibm_is_subnet.one.id }
data "ibm_is_subnets" "all" { depends_on = [ibm_is_subnet.one] }
data "ibm_is_security_group" "web" { name = ibm_is_security_group.web.name }
data "ibm_is_security_groups" "all" { depends_on = [ibm_is_security_group.web] }
data "ibm_is_security_group_rules" "web" {
  security_group = ibm_is_security_group.web.id
  depends_on     = [ibm_is_security_group_rule.https, ibm_is_security_group_rule.out, ibm_is_security_group_rule.ping]
}
data "ibm_is_ssh_key" "one" { name = ibm_is_ssh_key.one.name }
data "ibm_is_ssh_keys" "all" { depends_on = [ibm_is_ssh_key.one] }
data "ibm_is_virtual_network_interface" "one" { virtual_network_interface = ibm_is_virtual_network_interface.one.id }
data "ibm_is_virtual_network_interfaces" "all" { depends_on = [ibm_is_virtual_network_interface.one] }
data "ibm_is_floating_ip" "one" { name = ibm_is_floating_ip.one.name }
data "ibm_is_floating_ips" "all" { depends_on = [ibm_is_floating_ip.one] }
data "ibm_is_vpc_default_routing_table" "one" { vpc = ibm_is_vpc.one.id }
data "ibm_is_network_acls" "all" { depends_on = [ibm_is_network_acl.open] }
data "ibm_is_network_acl_rules" "open" { network_acl = ibm_is_network_acl.open.id }
data "ibm_is_network_acl_rule" "in" {
  network_acl = ibm_is_network_acl.open.id
  name        = "in"
}
data "ibm_is_public_gateways" "all" { depends_on = [ibm_is_public_gateway.one] }
data "ibm_is_security_group_rule" "https" {
  security_group      = ibm_is_security_group.web.id
  security_group_rule = ibm_is_security_group_rule.https.rule_id
}
data "ibm_is_security_group_targets" "web" {
  security_group = ibm_is_security_group.web.id
  depends_on     = [ibm_is_virtual_network_interface.one]
}
data "ibm_is_security_group_target" "one" {
  security_group = ibm_is_security_group.web.id
  name           = ibm_is_virtual_network_interface.one.name
}
data "ibm_is_subnet_reserved_ips" "one" {
  subnet     = ibm_is_subnet.one.id
  depends_on = [ibm_is_virtual_network_interface.one]
}
data "ibm_is_virtual_network_interface_ips" "one" { virtual_network_interface = ibm_is_virtual_network_interface.one.id }
data "ibm_is_virtual_network_interface_floating_ips" "one" { virtual_network_interface = ibm_is_virtual_network_interface.one.id }
data "ibm_is_region" "here" { name = "us-south" }
data "ibm_is_regions" "all" {}
data "ibm_is_zone" "one" {
  name   = "us-south-1"
  region = "us-south"
}
data "ibm_is_zones" "all" { region = "us-south" }

output "vpc_id" { value = ibm_is_vpc.one.id }
output "subnet_id" { value = ibm_is_subnet.one.id }
output "subnets_of_vpc" { value = [for subnet in data.ibm_is_vpc.one.subnets : subnet.name] }
output "rules" { value = length(data.ibm_is_security_group_rules.web.rules) }
output "zones" { value = data.ibm_is_zones.all.zones }
