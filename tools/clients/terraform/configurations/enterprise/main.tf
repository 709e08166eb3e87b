# The enterprise: its account groups and accounts, from the enterprise's own account.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "owner_iam_id" {}

data "ibm_enterprises" "here" { name = "enterprise" }

resource "ibm_enterprise_account_group" "shops" {
  parent                 = data.ibm_enterprises.here.enterprises[0].crn
  name                   = "shops"
  primary_contact_iam_id = var.owner_iam_id
}

resource "ibm_enterprise_account" "shop" {
  parent       = ibm_enterprise_account_group.shops.crn
  name         = "shop"
  owner_iam_id = var.owner_iam_id
}

data "ibm_enterprise_account_groups" "shops" {
  name       = "shops"
  depends_on = [ibm_enterprise_account_group.shops]
}
data "ibm_enterprise_accounts" "shop" {
  name       = "shop"
  depends_on = [ibm_enterprise_account.shop]
}

output "group_id" { value = ibm_enterprise_account_group.shops.id }
output "account_id" { value = ibm_enterprise_account.shop.id }
output "accounts" { value = [for account in data.ibm_enterprise_accounts.shop.accounts : account.name] }
