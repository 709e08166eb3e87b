# Encryption with keys of the account: an image, volumes, and instances that boot from both kinds of disk.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "image_href" {}
variable "encrypted_href" {}
variable "image_key" {}
variable "data_key" {}

data "ibm_is_vpc" "default" { name = "default" }
data "ibm_is_subnet" "default" { name = "default" }
data "ibm_is_ssh_key" "default" { name = "default" }
data "ibm_resource_group" "default" { is_default = true }

resource "ibm_resource_instance" "keys" {
  name              = "keys"
  service           = "kms"
  plan              = "tiered-pricing"
  location          = "us-south"
  resource_group_id = data.ibm_resource_group.default.id
}

resource "ibm_kms_key" "volumes" {
  instance_id  = ibm_resource_instance.keys.guid
  key_name     = "volumes"
  standard_key = false
  force_delete = true
}

resource "ibm_is_image" "encrypted" {
  name               = "encrypted"
  href               = var.encrypted_href
  operating_system   = "debian-12-amd64"
  encryption_key     = var.image_key
  encrypted_data_key = var.data_key
}

resource "ibm_is_image" "plain" {
  name             = "plain"
  href             = var.image_href
  operating_system = "debian-12-amd64"
}

resource "ibm_is_volume" "data" {
  name           = "data"
  profile        = "10iops-tier"
  zone           = "us-south-1"
  capacity       = 20
  encryption_key = ibm_kms_key.volumes.crn
}

resource "ibm_is_instance" "own_key" {
  name    = "own-key"
  image   = ibm_is_image.plain.id
  profile = "bx2-2x8"
  vpc     = data.ibm_is_vpc.default.id
  zone    = "us-south-1"
  keys    = [data.ibm_is_ssh_key.default.id]
  volumes = [ibm_is_volume.data.id]

  boot_volume {
    name       = "own-key-boot"
    encryption = ibm_kms_key.volumes.crn
  }

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

resource "ibm_is_instance" "of_encrypted" {
  name    = "of-encrypted"
  image   = ibm_is_image.encrypted.id
  profile = "bx2-2x8"
  vpc     = data.ibm_is_vpc.default.id
  zone    = "us-south-1"
  keys    = [data.ibm_is_ssh_key.default.id]

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

data "ibm_is_image" "encrypted" {
  name       = ibm_is_image.encrypted.name
  depends_on = [ibm_is_instance.of_encrypted]
}

data "ibm_is_volume" "data" {
  name       = ibm_is_volume.data.name
  depends_on = [ibm_is_instance.own_key]
}

output "image_id" { value = ibm_is_image.encrypted.id }
output "plain_id" { value = ibm_is_image.plain.id }
output "image_encryption" { value = data.ibm_is_image.encrypted.encryption }
output "image_key" { value = data.ibm_is_image.encrypted.encryption_key }
output "volume_key" { value = data.ibm_is_volume.data.encryption_key }
output "volumes_key" { value = ibm_kms_key.volumes.crn }
