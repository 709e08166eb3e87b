# An instance group of a version that another account shares: the account must let the service `is` read the catalog.
#
#   eval "$(kunsthalle env --account consumer-a --format terraform)"
#   terraform init && terraform apply -var version_crn=... -var catalog_id=...

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "version_crn" {
  description = "The version that members are booted from."
}

data "ibm_is_vpc" "default" { name = "default" }
data "ibm_is_subnet" "default" { name = "default" }
data "ibm_is_ssh_key" "default" { name = "default" }

# From `is` to `globalcatalog-collection`: without it the group is refused.
resource "ibm_iam_authorization_policy" "groups" {
  source_service_name  = "is"
  source_resource_type = "instance-group"
  target_service_name  = "globalcatalog-collection"
  roles                = ["Viewer"]
}

resource "ibm_is_instance_template" "web" {
  name    = "web"
  profile = "bx2-2x8"
  vpc     = data.ibm_is_vpc.default.id
  zone    = data.ibm_is_subnet.default.zone
  keys    = [data.ibm_is_ssh_key.default.id]

  catalog_offering {
    version_crn = var.version_crn
  }

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

resource "ibm_is_instance_group" "web" {
  name              = "web"
  instance_template = ibm_is_instance_template.web.id
  instance_count    = 1
  subnets           = [data.ibm_is_subnet.default.id]

  depends_on = [ibm_iam_authorization_policy.groups]
}

resource "ibm_is_instance_group_manager" "scale" {
  name                 = "scale"
  instance_group       = ibm_is_instance_group.web.id
  manager_type         = "autoscale"
  enable_manager       = true
  aggregation_window   = 120
  cooldown             = 300
  min_membership_count = 1
  max_membership_count = 2
}

resource "ibm_is_instance_group_manager_policy" "cpu" {
  name                   = "cpu"
  instance_group         = ibm_is_instance_group.web.id
  instance_group_manager = ibm_is_instance_group_manager.scale.manager_id
  metric_type            = "cpu"
  metric_value           = 70
  policy_type            = "target"
}

output "group_id" { value = ibm_is_instance_group.web.id }
