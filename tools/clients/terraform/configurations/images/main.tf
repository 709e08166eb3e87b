# Images: deprecation, obsolescence, export, and every filter of the list.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "image_href" {}

data "ibm_resource_group" "default" { is_default = true }

resource "ibm_is_image" "old" {
  name             = "old"
  href             = var.image_href
  operating_system = "debian-12-amd64"
}

resource "ibm_is_image_deprecate" "old" {
  image = ibm_is_image.old.id
}

resource "ibm_is_image" "gone" {
  name             = "gone"
  href             = var.image_href
  operating_system = "debian-12-amd64"
}

resource "ibm_is_image_obsolete" "gone" {
  image = ibm_is_image.gone.id
}

resource "ibm_is_image" "new" {
  name             = "new"
  href             = var.image_href
  operating_system = "ubuntu-24-04-amd64"
}

resource "ibm_is_image_export_job" "new" {
  image = ibm_is_image.new.id
  name  = "exported"
  storage_bucket {
    name = "images"
  }
}

data "ibm_is_image_export_jobs" "new" {
  image      = ibm_is_image.new.id
  depends_on = [ibm_is_image_export_job.new]
}
data "ibm_is_image_export_job" "new" {
  image            = ibm_is_image.new.id
  image_export_job = ibm_is_image_export_job.new.image_export_job
}
data "ibm_is_image_instance_profiles" "new" { identifier = ibm_is_image.new.id }
data "ibm_is_image_bare_metal_server_profiles" "new" { identifier = ibm_is_image.new.id }
data "ibm_is_images" "by_name" {
  name       = "new"
  depends_on = [ibm_is_image.new, ibm_is_image.old, ibm_is_image.gone]
}
data "ibm_is_images" "by_group" {
  resource_group = data.ibm_resource_group.default.id
  visibility     = "private"
  depends_on     = [ibm_is_image.new, ibm_is_image.old, ibm_is_image.gone]
}
data "ibm_is_images" "by_status" {
  status     = "available"
  visibility = "private"
  depends_on = [ibm_is_image.new, ibm_is_image_deprecate.old, ibm_is_image_obsolete.gone]
}
data "ibm_is_images" "obsolete" {
  status     = "obsolete"
  visibility = "private"
  depends_on = [ibm_is_image_obsolete.gone]
}
data "ibm_is_images" "by_format" {
  user_data_format = ["cloud_init"]
  visibility       = "private"
  depends_on       = [ibm_is_image.new, ibm_is_image.old, ibm_is_image.gone]
}
data "ibm_is_images" "own" {
  remote_account_id = "user"
  visibility        = "private"
  depends_on        = [ibm_is_image.new, ibm_is_image.old, ibm_is_image.gone]
}
data "ibm_is_images" "unmanaged" {
  catalog_managed = false
  visibility      = "private"
  depends_on      = [ibm_is_image.new, ibm_is_image.old, ibm_is_image.gone]
}

output "image_id" { value = ibm_is_image.new.id }
output "found" {
  value = { for name, images in {
    by_name   = data.ibm_is_images.by_name.images
    by_group  = data.ibm_is_images.by_group.images
    by_status = data.ibm_is_images.by_status.images
    obsolete  = data.ibm_is_images.obsolete.images
    by_format = data.ibm_is_images.by_format.images
    own       = data.ibm_is_images.own.images
    unmanaged = data.ibm_is_images.unmanaged.images
  } : name => sort([for image in images : image.name]) }
}
output "jobs" { value = [for job in data.ibm_is_image_export_jobs.new.export_jobs : job.name] }
