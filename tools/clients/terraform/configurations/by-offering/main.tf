# An instance of the latest version of an offering that another account shares, a template of it, and an offering instance.

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

# The note that this account uses the version. The provider demands a cluster, which images do not have.
resource "ibm_cm_offering_instance" "web" {
  label                  = "web"
  catalog_id             = split(":", var.offering_crn)[7]
  offering_id            = split(":", var.offering_crn)[9]
  kind_format            = "vsi-image"
  version                = "1.0.0"
  cluster_id             = "none"
  cluster_region         = "us-south"
  cluster_namespaces     = ["default"]
  cluster_all_namespaces = false
}

data "ibm_cm_offering_instance" "web" { instance_identifier = ibm_cm_offering_instance.web.id }

output "label" { value = data.ibm_cm_offering_instance.web.label }
output "instance_id" { value = ibm_is_instance.latest.id }
output "image_id" { value = ibm_is_instance.latest.image }
