# What else a catalog has: settings of the account, objects; and its data sources.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "image_href" {}

resource "ibm_is_image" "web" {
  name             = "web"
  href             = var.image_href
  operating_system = "debian-12-amd64"
}

resource "ibm_cm_account" "here" {
  hide_ibm_cloud_catalog = true
}

resource "ibm_cm_catalog" "shop" {
  label             = "shop"
  kind              = "offering"
  short_description = "Images."
  tags              = ["one", "two"]
}

resource "ibm_cm_object" "preset" {
  catalog_id        = ibm_cm_catalog.shop.id
  name              = "preset"
  kind              = "preset_configuration"
  label             = "Preset"
  short_description = "Values."
  data              = jsonencode({ size = "small" })
}

resource "ibm_cm_offering" "web" {
  catalog_id        = ibm_cm_catalog.shop.id
  name              = "web"
  label             = "Web server"
  short_description = "A web server."
  long_description  = "Serves."
  tags              = ["web"]
  keywords          = ["http"]
}

resource "ibm_cm_version" "one" {
  catalog_id       = ibm_cm_catalog.shop.id
  offering_id      = ibm_cm_offering.web.offering_identifier
  target_version   = "1.0.0"
  install_kind     = "instance"
  target_kinds     = ["vpc-x86"]
  format_kind      = "vsi-image"
  tags             = ["tested"]
  long_description = "The first."
  usage            = "web"

  import_metadata {
    images {
      id     = ibm_is_image.web.id
      name   = ibm_is_image.web.name
      region = "us-south"
    }
  }
}

data "ibm_cm_account" "here" { depends_on = [ibm_cm_account.here] }
data "ibm_cm_catalog" "shop" { catalog_identifier = ibm_cm_catalog.shop.id }
data "ibm_cm_object" "preset" {
  catalog_id = ibm_cm_catalog.shop.id
  object_id  = ibm_cm_object.preset.object_id
}
data "ibm_is_images" "managed" {
  catalog_managed = true
  visibility      = "private"
  depends_on      = [ibm_cm_version.one]
}
data "ibm_is_image" "managed" {
  identifier = ibm_is_image.web.id
  depends_on = [ibm_cm_version.one]
}
data "ibm_cm_offering" "web" {
  catalog_id  = ibm_cm_catalog.shop.id
  offering_id = ibm_cm_offering.web.offering_identifier
}
data "ibm_cm_version" "one" { version_loc_id = ibm_cm_version.one.version_locator }

output "catalog_id" { value = ibm_cm_catalog.shop.id }
output "offering" { value = data.ibm_cm_offering.web.label }
output "offering_id" { value = ibm_cm_offering.web.offering_identifier }
output "image_of_version" { value = ibm_cm_version.one.metadata[0].vsi_vpc[0].images[0].id }
output "managed" { value = [for image in data.ibm_is_images.managed.images : image.id] }
output "manager" { value = data.ibm_is_image.managed.catalog_offering[0].version[0].crn }
output "version_crn" { value = ibm_cm_version.one.crn }
output "image_id" { value = ibm_is_image.web.id }
