# A bare metal server.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "image_href" {}

data "ibm_is_vpc" "default" { name = "default" }
data "ibm_is_subnet" "default" { name = "default" }
data "ibm_is_ssh_key" "default" { name = "default" }

resource "ibm_is_image" "metal" {
  name             = "metal"
  href             = var.image_href
  operating_system = "debian-12-amd64"
}

resource "ibm_is_bare_metal_server" "one" {
  name    = "one"
  profile = "bx2-metal-96x384"
  image   = ibm_is_image.metal.id
  zone    = "us-south-1"
  keys    = [data.ibm_is_ssh_key.default.id]
  vpc     = data.ibm_is_vpc.default.id

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

data "ibm_is_bare_metal_server" "one" { identifier = ibm_is_bare_metal_server.one.id }
data "ibm_is_bare_metal_servers" "all" { depends_on = [ibm_is_bare_metal_server.one] }
data "ibm_is_bare_metal_server_initialization" "one" { bare_metal_server = ibm_is_bare_metal_server.one.id }
data "ibm_is_bare_metal_server_profile" "one" { name = "bx2-metal-96x384" }
data "ibm_is_bare_metal_server_profiles" "all" {}
data "ibm_is_bare_metal_server_disks" "one" { bare_metal_server = ibm_is_bare_metal_server.one.id }
data "ibm_is_bare_metal_server_disk" "first" {
  bare_metal_server = ibm_is_bare_metal_server.one.id
  disk              = data.ibm_is_bare_metal_server_disks.one.disks[0].id
}
data "ibm_is_bare_metal_server_network_interfaces" "one" { bare_metal_server = ibm_is_bare_metal_server.one.id }
data "ibm_is_bare_metal_server_network_interface" "first" {
  bare_metal_server = ibm_is_bare_metal_server.one.id
  network_interface = data.ibm_is_bare_metal_server_network_interfaces.one.network_interfaces[0].id
}

output "server_id" { value = ibm_is_bare_metal_server.one.id }
output "image_id" { value = ibm_is_bare_metal_server.one.image }
