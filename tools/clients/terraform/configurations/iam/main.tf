# Access: groups, service IDs, trusted profiles, policies, roles, keys.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "member" {}

resource "ibm_resource_group" "web" {
  name = "web"
}

resource "ibm_iam_service_id" "robot" {
  name        = "robot"
  description = "Runs pipelines."
}

resource "ibm_iam_service_api_key" "robot" {
  name           = "robot"
  iam_service_id = ibm_iam_service_id.robot.iam_id
  store_value    = true
}

resource "ibm_iam_service_policy" "robot" {
  iam_id = ibm_iam_service_id.robot.iam_id
  roles  = ["Editor"]
  resources {
    service           = "is"
    resource_group_id = ibm_resource_group.web.id
  }
}

resource "ibm_iam_access_group" "editors" {
  name        = "editors"
  description = "May change images."
}

resource "ibm_iam_access_group_members" "editors" {
  access_group_id = ibm_iam_access_group.editors.id
  ibm_ids         = [var.member]
  iam_service_ids = [ibm_iam_service_id.robot.id]
}

resource "ibm_iam_access_group_dynamic_rule" "company" {
  name              = "company"
  access_group_id   = ibm_iam_access_group.editors.id
  expiration        = 4
  identity_provider = "https://idp.example.com/SAML"
  conditions {
    claim    = "blueGroups"
    operator = "CONTAINS"
    value    = "editors"
  }
}

resource "ibm_iam_access_group_policy" "images" {
  access_group_id = ibm_iam_access_group.editors.id
  roles           = ["Editor", "Viewer"]
  resources {
    service = "is"
  }
}

resource "ibm_iam_trusted_profile" "machines" {
  name        = "machines"
  description = "For instances."
}

resource "ibm_iam_trusted_profile_claim_rule" "company" {
  profile_id = ibm_iam_trusted_profile.machines.id
  name       = "company"
  type       = "Profile-SAML"
  realm_name = "https://idp.example.com/SAML"
  expiration = 43200
  conditions {
    claim    = "blueGroups"
    operator = "EQUALS"
    value    = "editors"
  }
}

resource "ibm_iam_trusted_profile_link" "instance" {
  profile_id = ibm_iam_trusted_profile.machines.id
  name       = "instance"
  cr_type    = "VSI"
  link {
    crn = "crn:v1:bluemix:public:is:us-south-1:a/0123456789abcdef0123456789abcdef::instance:0717_robot"
  }
}

resource "ibm_iam_trusted_profile_policy" "viewers" {
  iam_id = ibm_iam_trusted_profile.machines.iam_id
  roles  = ["Viewer"]
  resources {
    service = "is"
  }
}

resource "ibm_iam_authorization_policy" "groups" {
  source_service_name  = "is"
  source_resource_type = "instance-group"
  target_service_name  = "globalcatalog-collection"
  roles                = ["Viewer"]
}

resource "ibm_iam_custom_role" "importer" {
  name         = "Importer"
  display_name = "Importer"
  description  = "May import images."
  service      = "is"
  actions      = ["is.image.image.create", "is.image.image.read"]
}

resource "ibm_iam_api_key" "own" {
  name        = "own"
  description = "For this walk."
}

data "ibm_resource_group" "web" { name = ibm_resource_group.web.name }
data "ibm_resource_group" "default" { is_default = true }
data "ibm_iam_service_id" "robot" { name = ibm_iam_service_id.robot.name }
data "ibm_iam_service_policy" "robot" {
  iam_id     = ibm_iam_service_id.robot.iam_id
  depends_on = [ibm_iam_service_policy.robot]
}
data "ibm_iam_access_group" "editors" {
  access_group_name = ibm_iam_access_group.editors.name
  depends_on        = [ibm_iam_access_group_members.editors, ibm_iam_access_group_dynamic_rule.company]
}
data "ibm_iam_access_group_policy" "editors" {
  access_group_id = ibm_iam_access_group.editors.id
  depends_on      = [ibm_iam_access_group_policy.images]
}
data "ibm_iam_trusted_profile" "machines" { profile_id = ibm_iam_trusted_profile.machines.id }
data "ibm_iam_trusted_profile_claim_rules" "machines" {
  profile_id = ibm_iam_trusted_profile.machines.id
  depends_on = [ibm_iam_trusted_profile_claim_rule.company]
}
data "ibm_iam_trusted_profile_links" "machines" {
  profile_id = ibm_iam_trusted_profile.machines.id
  depends_on = [ibm_iam_trusted_profile_link.instance]
}
data "ibm_iam_authorization_policies" "all" { depends_on = [ibm_iam_authorization_policy.groups] }
data "ibm_iam_roles" "is" {
  service    = "is"
  depends_on = [ibm_iam_custom_role.importer]
}
data "ibm_iam_role_actions" "is" { service = "is" }
data "ibm_iam_api_key" "own" { apikey_id = ibm_iam_api_key.own.id }
data "ibm_iam_account_settings" "here" {}
data "ibm_iam_effective_account_settings" "here" { account_id = data.ibm_iam_account_settings.here.account_id }
data "ibm_iam_trusted_profiles" "all" {
  account_id = data.ibm_iam_account_settings.here.account_id
  depends_on = [ibm_iam_trusted_profile.machines]
}
data "ibm_iam_trusted_profile_identities" "machines" { profile_id = ibm_iam_trusted_profile.machines.id }
data "ibm_iam_trusted_profile_claim_rule" "company" {
  profile_id = ibm_iam_trusted_profile.machines.id
  rule_id    = ibm_iam_trusted_profile_claim_rule.company.rule_id
}
data "ibm_iam_trusted_profile_link" "instance" {
  profile_id = ibm_iam_trusted_profile.machines.id
  link_id    = ibm_iam_trusted_profile_link.instance.link_id
}
data "ibm_iam_trusted_profile_policy" "viewers" {
  iam_id     = ibm_iam_trusted_profile.machines.iam_id
  depends_on = [ibm_iam_trusted_profile_policy.viewers]
}
data "ibm_iam_users" "all" {}
data "ibm_iam_auth_token" "now" {}

output "group_id" { value = ibm_iam_access_group.editors.id }
output "members" { value = setunion(ibm_iam_access_group_members.editors.ibm_ids, ibm_iam_access_group_members.editors.iam_service_ids) }
output "roles" { value = [for role in data.ibm_iam_roles.is.roles : role.name] }
output "links" { value = [for link in data.ibm_iam_trusted_profile_links.machines.links : link.name] }
output "key_id" { value = ibm_iam_service_api_key.robot.id }
output "profile" { value = data.ibm_iam_trusted_profile.machines.name }
