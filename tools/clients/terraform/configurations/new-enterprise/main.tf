# An enterprise, made by an account that is in none. It cannot be deleted: destroying it forgets it.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "account_id" {}
variable "owner_iam_id" {}

resource "ibm_enterprise" "new" {
  source_account_id      = var.account_id
  name                   = "new"
  primary_contact_iam_id = var.owner_iam_id
  domain                 = "new.example"
}

data "ibm_enterprises" "all" { depends_on = [ibm_enterprise.new] }

output "enterprise_id" { value = ibm_enterprise.new.id }
output "names" { value = [for enterprise in data.ibm_enterprises.all.enterprises : enterprise.name] }
