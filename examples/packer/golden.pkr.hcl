# An image of the account's own, built by Packer from a base image of the account.
#
#   eval "$(kunsthalle env --account publisher --format shell)"
#   packer init .
#   packer validate -var subnet_id=ID -var base_image_id=ID .
#   packer build -var subnet_id=ID -var base_image_id=ID .
#
# The IDs are those that `ibmcloud is subnets` and `ibmcloud is images --visibility private` list. Kunsthalle answers the
# calls of a build; no guest answers SSH there, so a build ends at its first connection, and removes what it made.

packer {
  required_plugins {
    ibmcloud = {
      source  = "github.com/IBM/ibmcloud"
      version = ">= 3.0.0"
    }
  }
}

# Where the server is and who builds come from the environment, so that the same file builds on IBM Cloud.
variable "api_key" {
  type      = string
  default   = env("IBMCLOUD_API_KEY")
  sensitive = true
}

variable "vpc_endpoint_url" {
  type    = string
  default = env("IBMCLOUD_IS_NG_API_ENDPOINT")
}

variable "iam_url" {
  type    = string
  default = env("IBMCLOUD_IAM_API_ENDPOINT")
}

variable "region" {
  type    = string
  default = env("IBMCLOUD_REGION")
}

variable "subnet_id" {
  type = string
}

variable "base_image_id" {
  type = string
}

source "ibmcloud-vpc" "golden" {
  api_key           = var.api_key
  vpc_endpoint_url  = var.vpc_endpoint_url
  iam_url           = var.iam_url
  region            = var.region
  subnet_id         = var.subnet_id
  vsi_base_image_id = var.base_image_id
  vsi_profile       = "bx2-2x8"
  vsi_interface     = "public"
  image_name        = "golden"
  communicator      = "ssh"
  ssh_username      = "root"
  ssh_timeout       = "15m"
}

build {
  sources = ["source.ibmcloud-vpc.golden"]

  provisioner "shell" {
    inline = ["apt-get update", "apt-get -y upgrade"]
  }
}
