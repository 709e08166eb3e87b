# Images built of what the plugin can begin with: an image, a version or an offering of a catalog, a snapshot.

packer {
  required_plugins {
    ibmcloud = {
      source  = "github.com/IBM/ibmcloud"
      version = ">= 3.0.0"
    }
  }
}

variable "api_key" { sensitive = true }
variable "vpc_endpoint_url" {}
variable "iam_url" {}
variable "subnet_id" {}
variable "image_id" { default = "r006-00000000-0000-4000-8000-000000000000" }
variable "version_crn" { default = "none" }
variable "offering_crn" { default = "none" }

# Servers here answer no SSH. The bastion keeps the attempt on this machine, where nothing listens.
locals {
  bastion = "127.0.0.1"
  port    = 9
}

source "ibmcloud-vpc" "image" {
  api_key              = var.api_key
  vpc_endpoint_url     = var.vpc_endpoint_url
  iam_url              = var.iam_url
  region               = "us-south"
  subnet_id            = var.subnet_id
  vsi_base_image_id    = var.image_id
  vsi_profile          = "bx2-2x8"
  vsi_interface        = "public"
  image_name           = "built"
  communicator         = "ssh"
  ssh_username         = "root"
  ssh_timeout          = "20s"
  ssh_bastion_host     = local.bastion
  ssh_bastion_port     = local.port
  ssh_bastion_username = "nobody"
  ssh_bastion_password = "none"
}

source "ibmcloud-vpc" "version" {
  api_key                      = var.api_key
  vpc_endpoint_url             = var.vpc_endpoint_url
  iam_url                      = var.iam_url
  region                       = "us-south"
  subnet_id                    = var.subnet_id
  catalog_offering_version_crn = var.version_crn
  vsi_profile                  = "bx2-2x8"
  image_name                   = "built-of-version"
  communicator                 = "ssh"
  ssh_username                 = "root"
}

source "ibmcloud-vpc" "offering" {
  api_key              = var.api_key
  vpc_endpoint_url     = var.vpc_endpoint_url
  iam_url              = var.iam_url
  region               = "us-south"
  subnet_id            = var.subnet_id
  catalog_offering_crn = var.offering_crn
  vsi_profile          = "bx2-2x8"
  image_name           = "built-of-offering"
  communicator         = "ssh"
  ssh_username         = "root"
}

build {
  sources = ["source.ibmcloud-vpc.image", "source.ibmcloud-vpc.version", "source.ibmcloud-vpc.offering"]
}
