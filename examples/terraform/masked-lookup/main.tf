# The masked look-up: an instance shows the id of its image, and that id leads nowhere.
#
#   eval "$(kunsthalle env --account consumer-a --format terraform)"
#   terraform init && terraform apply                     # the instance of the example `consumer` must be there
#   terraform apply -var look_up_by_id=true               # fails: the image belongs to the publisher
#
# A name is the caller's own image, or nothing: never somebody else's.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "look_up_by_id" {
  description = "Whether to look the foreign image up by its id, which fails."
  type        = bool
  default     = false
}

variable "image_href" {
  description = "An image file in a bucket of the account."
  default     = "cos://us-south/images/small.qcow2"
}

data "ibm_is_instance" "web" { name = "web" }

# An image of the caller's own, with the name that the publisher's image has, too.
resource "ibm_is_image" "own" {
  name             = "web"
  href             = var.image_href
  operating_system = "debian-12-amd64"
}

data "ibm_is_image" "by_name" {
  name       = "web"
  depends_on = [ibm_is_image.own]
}

data "ibm_is_image" "by_id" {
  count      = var.look_up_by_id ? 1 : 0
  identifier = data.ibm_is_instance.web.image
}

output "foreign_image_id" { value = data.ibm_is_instance.web.image }
output "own_image_id" { value = ibm_is_image.own.id }
output "image_id_by_name" { value = data.ibm_is_image.by_name.id }
