# A placement group, and an instance and a template in it.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "image_href" {}

data "ibm_is_vpc" "default" { name = "default" }
data "ibm_is_subnet" "default" { name = "default" }
data "ibm_is_ssh_key" "default" { name = "default" }

resource "ibm_is_image" "apart" {
  name             = "apart"
  href             = var.image_href
  operating_system = "debian-12-amd64"
}

resource "ibm_is_placement_group" "apart" {
  name     = "apart"
  strategy = "host_spread"
  tags     = ["walk:placement"]
}

resource "ibm_is_instance" "apart" {
  name            = "apart"
  image           = ibm_is_image.apart.id
  profile         = "bx2-2x8"
  vpc             = data.ibm_is_vpc.default.id
  zone            = "us-south-1"
  keys            = [data.ibm_is_ssh_key.default.id]
  placement_group = ibm_is_placement_group.apart.id

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

resource "ibm_is_instance_template" "apart" {
  name            = "apart"
  image           = ibm_is_image.apart.id
  profile         = "bx2-2x8"
  vpc             = data.ibm_is_vpc.default.id
  zone            = "us-south-1"
  keys            = [data.ibm_is_ssh_key.default.id]
  placement_group = ibm_is_placement_group.apart.id

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

data "ibm_is_placement_group" "apart" { name = ibm_is_placement_group.apart.name }
data "ibm_is_placement_groups" "all" { depends_on = [ibm_is_placement_group.apart] }
data "ibm_is_instances" "apart" {
  placement_group = ibm_is_placement_group.apart.id
  depends_on      = [ibm_is_instance.apart]
}

output "group_id" { value = ibm_is_placement_group.apart.id }
output "by_name" { value = data.ibm_is_placement_group.apart.id }
output "groups" { value = [for group in data.ibm_is_placement_groups.all.placement_groups : group.name] }
output "instances" { value = [for instance in data.ibm_is_instances.apart.instances : instance.name] }
output "instance_id" { value = ibm_is_instance.apart.id }
