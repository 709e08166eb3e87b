# Templates, instances of a template, and groups with managers of both kinds.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "image_href" {}

data "ibm_is_vpc" "default" { name = "default" }
data "ibm_is_subnet" "default" { name = "default" }
data "ibm_is_ssh_key" "default" { name = "default" }

resource "ibm_is_image" "web" {
  name             = "web"
  href             = var.image_href
  operating_system = "debian-12-amd64"
}

resource "ibm_is_instance_template" "web" {
  name    = "web"
  image   = ibm_is_image.web.id
  profile = "bx2-2x8"
  vpc     = data.ibm_is_vpc.default.id
  zone    = "us-south-1"
  keys    = [data.ibm_is_ssh_key.default.id]

  boot_volume {
    name                             = "web-boot"
    delete_volume_on_instance_delete = true
  }

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

resource "ibm_is_instance" "of_template" {
  name              = "of-template"
  instance_template = ibm_is_instance_template.web.id

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

resource "ibm_is_instance_group" "web" {
  name              = "web"
  instance_template = ibm_is_instance_template.web.id
  instance_count    = 1
  subnets           = [data.ibm_is_subnet.default.id]
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

resource "ibm_is_instance_group_manager" "calendar" {
  name           = "calendar"
  instance_group = ibm_is_instance_group.web.id
  manager_type   = "scheduled"
  enable_manager = true
}

resource "ibm_is_instance_group_manager_action" "members" {
  name                   = "members"
  instance_group         = ibm_is_instance_group.web.id
  instance_group_manager = ibm_is_instance_group_manager.calendar.manager_id
  cron_spec              = "0 3 1 1 *"
  membership_count       = 2
}

resource "ibm_is_instance_group_manager_action" "bounds" {
  name                   = "bounds"
  instance_group         = ibm_is_instance_group.web.id
  instance_group_manager = ibm_is_instance_group_manager.calendar.manager_id
  cron_spec              = "0 4 1 1 *"
  target_manager         = ibm_is_instance_group_manager.scale.manager_id
  min_membership_count   = 1
  max_membership_count   = 3
}

data "ibm_is_instance_group_manager_actions" "all" {
  instance_group         = ibm_is_instance_group.web.id
  instance_group_manager = ibm_is_instance_group_manager.calendar.manager_id
  depends_on             = [ibm_is_instance_group_manager_action.members, ibm_is_instance_group_manager_action.bounds]
}
data "ibm_is_instance_template" "web" { identifier = ibm_is_instance_template.web.id }
data "ibm_is_instance_templates" "all" { depends_on = [ibm_is_instance_template.web] }
data "ibm_is_instance_group" "web" { name = ibm_is_instance_group.web.name }
data "ibm_is_instance_groups" "all" { depends_on = [ibm_is_instance_group.web] }
data "ibm_is_instance_group_managers" "all" {
  instance_group = ibm_is_instance_group.web.id
  depends_on     = [ibm_is_instance_group_manager.scale]
}
data "ibm_is_instance_group_manager_policies" "all" {
  instance_group         = ibm_is_instance_group.web.id
  instance_group_manager = ibm_is_instance_group_manager.scale.manager_id
  depends_on             = [ibm_is_instance_group_manager_policy.cpu]
}
data "ibm_is_instance_group_memberships" "all" {
  instance_group = ibm_is_instance_group.web.id
  depends_on     = [ibm_is_instance_group_manager_policy.cpu]
}

data "ibm_is_instance_group_manager" "scale" {
  instance_group = ibm_is_instance_group.web.id
  name           = "scale"
  depends_on     = [ibm_is_instance_group_manager.scale]
}
data "ibm_is_instance_group_manager_policy" "cpu" {
  instance_group         = ibm_is_instance_group.web.id
  instance_group_manager = ibm_is_instance_group_manager.scale.manager_id
  name                   = ibm_is_instance_group_manager_policy.cpu.name
}
data "ibm_is_instance_group_manager_action" "members" {
  instance_group         = ibm_is_instance_group.web.id
  instance_group_manager = ibm_is_instance_group_manager.calendar.manager_id
  name                   = ibm_is_instance_group_manager_action.members.name
}
data "ibm_is_instance_group_membership" "first" {
  instance_group = ibm_is_instance_group.web.id
  name           = data.ibm_is_instance_group_memberships.all.memberships[0].name
}

output "group_id" { value = ibm_is_instance_group.web.id }
output "members" { value = length(data.ibm_is_instance_group_memberships.all.memberships) }
output "actions" { value = sort([for action in data.ibm_is_instance_group_manager_actions.all.instance_group_manager_actions : action.name]) }
