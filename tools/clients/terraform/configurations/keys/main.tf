# Key Protect: an instance, a key ring, keys of each kind, and an alias.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

data "ibm_resource_group" "default" { is_default = true }

resource "ibm_resource_instance" "keys" {
  name              = "keys"
  service           = "kms"
  plan              = "tiered-pricing"
  location          = "us-south"
  resource_group_id = data.ibm_resource_group.default.id
}

resource "ibm_kms_key_rings" "images" {
  instance_id = ibm_resource_instance.keys.guid
  key_ring_id = "images"
}

resource "ibm_kms_key" "root" {
  instance_id  = ibm_resource_instance.keys.guid
  key_name     = "root"
  description  = "wraps the keys of images"
  standard_key = false
  key_ring_id  = ibm_kms_key_rings.images.key_ring_id
  force_delete = true
}

resource "ibm_kms_key" "standard" {
  instance_id  = ibm_resource_instance.keys.guid
  key_name     = "standard"
  standard_key = true
  force_delete = true
}

resource "ibm_kms_key_alias" "golden" {
  instance_id = ibm_resource_instance.keys.guid
  key_id      = ibm_kms_key.root.key_id
  alias       = "golden"
}

data "ibm_kms_keys" "all" {
  instance_id = ibm_resource_instance.keys.guid
  depends_on  = [ibm_kms_key.root, ibm_kms_key.standard, ibm_kms_key_alias.golden]
}

data "ibm_kms_key" "golden" {
  instance_id = ibm_resource_instance.keys.guid
  alias       = ibm_kms_key_alias.golden.alias
}

output "instance_id" { value = ibm_resource_instance.keys.guid }
output "root_id" { value = ibm_kms_key.root.key_id }
output "names" { value = sort([for key in data.ibm_kms_keys.all.keys : key.name]) }
output "golden_crn" { value = data.ibm_kms_key.golden.keys[0].crn }

resource "ibm_kms_key_policies" "root" {
  instance_id = ibm_resource_instance.keys.guid
  key_id      = ibm_kms_key.root.key_id
  rotation {
    interval_month = 3
  }
}

resource "ibm_kms_instance_policies" "keys" {
  instance_id = ibm_resource_instance.keys.guid
  rotation {
    enabled        = true
    interval_month = 2
  }
  dual_auth_delete {
    enabled = false
  }
  metrics {
    enabled = true
  }
  key_create_import_access {
    enabled             = true
    create_standard_key = false
    enforce_token       = true
  }
  depends_on = [ibm_kms_key.root, ibm_kms_key.standard]
}
