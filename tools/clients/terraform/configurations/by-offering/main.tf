# An instance of the latest version of an offering that another account shares, and a template of it.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "offering_crn" {}

data "ibm_is_vpc" "default" { name = "default" }
data "ibm_is_subnet" "default" { name = "default" }
data "ibm_is_ssh_key" "default" { name = "default" }

resource "ibm_is_instance" "latest" {
  name    = "latest"
  profile = "bx2-2x8"
  vpc     = data.ibm_is_vpc.default.id
  zone    = data.ibm_is_subnet.default.zone
  keys    = [data.ibm_is_ssh_key.default.id]

  catalog_offering {
    offering_crn = var.offering_crn
  }

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }

  lifecycle {
    ignore_changes = [catalog_offering] # the API answers the version, and not the offering that led to it
  }
}

resource "ibm_is_instance_template" "latest" {
  name    = "latest"
  profile = "bx2-2x8"
  vpc     = data.ibm_is_vpc.default.id
  zone    = data.ibm_is_subnet.default.zone
  keys    = [data.ibm_is_ssh_key.default.id]

  catalog_offering {
    offering_crn = var.offering_crn
  }

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

output "instance_id" { value = ibm_is_instance.latest.id }
output "image_id" { value = ibm_is_instance.latest.image }
