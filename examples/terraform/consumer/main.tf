# The consumer: boots an instance from a version that another account shares with it.
#
#   eval "$(kunsthalle env --account consumer-a --format terraform)"
#   terraform init && terraform apply -var version_crn=...

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "version_crn" {
  description = "The version, as `terraform output version_crn` of the publisher shows it."
}

# Every account of the scenario has a VPC, a subnet and a key of this name.
data "ibm_is_vpc" "default" { name = "default" }
data "ibm_is_subnet" "default" { name = "default" }
data "ibm_is_ssh_key" "default" { name = "default" }

resource "ibm_is_instance" "web" {
  name    = "web"
  profile = "bx2-2x8"
  vpc     = data.ibm_is_vpc.default.id
  zone    = data.ibm_is_subnet.default.zone
  keys    = [data.ibm_is_ssh_key.default.id]

  # The catalog, and not `image`: the image belongs to the other account and cannot be named.
  catalog_offering {
    version_crn = var.version_crn
  }

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

output "instance_id" { value = ibm_is_instance.web.id }
output "image_id" { value = ibm_is_instance.web.image }
