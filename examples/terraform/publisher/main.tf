# The publisher: imports an image, puts it into a private catalog, has it validated, and shares it with an account.
#
#   eval "$(kunsthalle env --account publisher --format terraform)"
#   terraform init && terraform apply -var consumer_account_id=...
#
# The receiving account accepts once, outside Terraform: the provider has no resource for it.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "image_href" {
  description = "The image file in a bucket of the account."
  default     = "cos://us-south/images/small.qcow2"
}

variable "consumer_account_id" {
  description = "The account that the offering is shared with."
}

# Managed by the catalog from its import as a version on: it cannot be deleted before the version is.
resource "ibm_is_image" "web" {
  name             = "web"
  href             = var.image_href
  operating_system = "debian-12-amd64"
}

resource "ibm_cm_catalog" "shop" {
  label             = "Golden images"
  short_description = "Images that were tested."
}

resource "ibm_cm_offering" "web" {
  catalog_id = ibm_cm_catalog.shop.id
  name       = "web"
  label      = "Web server"

  share_enabled          = true
  share_with_access_list = ["-acct-${var.consumer_account_id}"]
}

resource "ibm_cm_version" "one" {
  catalog_id     = ibm_cm_catalog.shop.id
  offering_id    = ibm_cm_offering.web.offering_identifier
  target_version = "1.0.0"
  install_kind   = "instance"
  target_kinds   = ["vpc-x86"]
  format_kind    = "vsi-image"

  import_metadata {
    operating_system {
      dedicated_host_only = false
      vendor              = "Debian"
      name                = "debian-12-amd64"
      display_name        = "Debian GNU/Linux 12.x Bookworm (amd64)"
      family              = "Debian GNU/Linux"
      version             = "12.x Bookworm"
      architecture        = "amd64"
    }
    file {
      size = 1
    }
    minimum_provisioned_size = 10
    images {
      id     = ibm_is_image.web.id
      name   = ibm_is_image.web.name
      region = "us-south"
    }
  }
}

# A version boots in no other account before it is validated and published.
resource "ibm_cm_validation" "one" {
  version_locator         = ibm_cm_version.one.version_locator
  mark_version_consumable = true
}

output "image_id" { value = ibm_is_image.web.id }
output "catalog_id" { value = ibm_cm_catalog.shop.id }
output "offering_id" { value = ibm_cm_offering.web.offering_identifier }
output "offering_crn" { value = ibm_cm_offering.web.crn }
output "version_crn" { value = ibm_cm_version.one.crn }
output "version_locator" { value = ibm_cm_version.one.version_locator }
