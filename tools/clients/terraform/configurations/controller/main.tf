# Resource Controller and tags.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

data "ibm_resource_group" "default" { is_default = true }

resource "ibm_resource_instance" "storage" {
  name              = "storage"
  service           = "cloud-object-storage"
  plan              = "standard"
  location          = "global"
  resource_group_id = data.ibm_resource_group.default.id
}

resource "ibm_is_vpc" "tagged" {
  name = "tagged"
}

resource "ibm_resource_tag" "vpc" {
  resource_id = ibm_is_vpc.tagged.crn
  tags        = ["env:test", "walk"]
}

data "ibm_resource_instance" "storage" { name = ibm_resource_instance.storage.name }
data "ibm_resource_tag" "vpc" {
  resource_id = ibm_is_vpc.tagged.crn
  depends_on  = [ibm_resource_tag.vpc]
}

output "instance_crn" { value = ibm_resource_instance.storage.crn }
output "vpc_crn" { value = ibm_is_vpc.tagged.crn }
output "tags" { value = sort(data.ibm_resource_tag.vpc.tags) }
