# Storage: images from a file and from a volume, volumes, snapshots, and instances on them.

terraform {
  required_providers {
    ibm = { source = "IBM-Cloud/ibm" }
  }
}

variable "image_href" {}

data "ibm_is_vpc" "default" { name = "default" }
data "ibm_is_subnet" "default" { name = "default" }
data "ibm_is_ssh_key" "default" { name = "default" }

resource "ibm_is_image" "file" {
  name             = "file"
  href             = var.image_href
  operating_system = "debian-12-amd64"
  tags             = ["walk:storage"]
}

resource "ibm_is_volume" "data" {
  name     = "data"
  profile  = "10iops-tier"
  zone     = "us-south-1"
  capacity = 20
  tags     = ["walk:storage"]
}

resource "ibm_is_virtual_network_interface" "one" {
  name   = "of-instance"
  subnet = data.ibm_is_subnet.default.id
}

# With user data, a data volume, and a virtual network interface of its own.
resource "ibm_is_instance" "by_image" {
  name      = "by-image"
  image     = ibm_is_image.file.id
  profile   = "bx2-2x8"
  vpc       = data.ibm_is_vpc.default.id
  zone      = "us-south-1"
  keys      = [data.ibm_is_ssh_key.default.id]
  user_data = "#cloud-config\n"
  volumes   = [ibm_is_volume.data.id]

  boot_volume {
    name = "by-image-boot"
  }

  primary_network_attachment {
    name = "first"
    virtual_network_interface {
      id = ibm_is_virtual_network_interface.one.id
    }
  }
}

resource "ibm_is_snapshot" "boot" {
  name          = "boot"
  source_volume = ibm_is_instance.by_image.boot_volume[0].volume_id
}

resource "ibm_is_volume" "restored" {
  name            = "restored"
  profile         = "general-purpose"
  zone            = "us-south-1"
  source_snapshot = ibm_is_snapshot.boot.id
}

resource "ibm_is_instance" "by_snapshot" {
  name    = "by-snapshot"
  profile = "bx2-2x8"
  vpc     = data.ibm_is_vpc.default.id
  zone    = "us-south-1"
  keys    = [data.ibm_is_ssh_key.default.id]

  boot_volume {
    name     = "by-snapshot-boot"
    snapshot = ibm_is_snapshot.boot.id
  }

  primary_network_interface {
    subnet = data.ibm_is_subnet.default.id
  }
}

# The provider stops the instance of the volume first.
resource "ibm_is_image" "volume" {
  name          = "volume"
  source_volume = ibm_is_instance.by_snapshot.boot_volume[0].volume_id
}

data "ibm_is_image" "file" { name = ibm_is_image.file.name }
data "ibm_is_images" "private" {
  visibility = "private"
  depends_on = [ibm_is_image.file, ibm_is_image.volume]
}
data "ibm_is_images" "available" {
  status     = "available"
  name       = "file"
  depends_on = [ibm_is_image.file]
}
data "ibm_is_images" "unmanaged" {
  catalog_managed = false
  visibility      = "private"
  depends_on      = [ibm_is_image.file, ibm_is_image.volume]
}
data "ibm_is_operating_system" "debian" { name = "debian-12-amd64" }
data "ibm_is_operating_systems" "all" {}
data "ibm_is_volume" "data" { name = ibm_is_volume.data.name }
data "ibm_is_volumes" "all" { depends_on = [ibm_is_volume.data, ibm_is_volume.restored] }
data "ibm_is_volume_profile" "one" { name = "10iops-tier" }
data "ibm_is_volume_profiles" "all" {}
data "ibm_is_snapshot" "boot" { name = ibm_is_snapshot.boot.name }
data "ibm_is_snapshots" "all" { depends_on = [ibm_is_snapshot.boot] }
data "ibm_is_instance" "by_image" { name = ibm_is_instance.by_image.name }
data "ibm_is_instances" "all" { depends_on = [ibm_is_instance.by_image, ibm_is_instance.by_snapshot] }
data "ibm_is_instance_disks" "by_image" { instance = ibm_is_instance.by_image.id }
data "ibm_is_instance_network_attachments" "by_image" { instance = ibm_is_instance.by_image.id }
data "ibm_is_instance_network_attachment" "first" {
  instance           = ibm_is_instance.by_image.id
  network_attachment = data.ibm_is_instance_network_attachments.by_image.network_attachments[0].id
}
data "ibm_is_instance_network_interfaces" "by_snapshot" { instance_name = ibm_is_instance.by_snapshot.name }
data "ibm_is_instance_network_interface" "first" {
  instance_name          = ibm_is_instance.by_snapshot.name
  network_interface_name = data.ibm_is_instance_network_interfaces.by_snapshot.network_interfaces[0].name
}
data "ibm_is_instance_network_interface_reserved_ips" "first" {
  instance          = ibm_is_instance.by_snapshot.id
  network_interface = data.ibm_is_instance_network_interfaces.by_snapshot.network_interfaces[0].id
}
data "ibm_is_instance_volume_attachments" "by_image" { instance = ibm_is_instance.by_image.id }
data "ibm_is_instance_volume_attachment" "first" {
  instance = ibm_is_instance.by_image.id
  name     = data.ibm_is_instance_volume_attachments.by_image.volume_attachments[0].name
}
data "ibm_is_snapshot_clones" "boot" { snapshot = ibm_is_snapshot.boot.id }
data "ibm_is_snapshot_instance_profiles" "boot" { identifier = ibm_is_snapshot.boot.id }
data "ibm_is_volume_instance_profiles" "restored" { identifier = ibm_is_volume.restored.id }
data "ibm_is_instance_profile" "one" { name = "bx2-2x8" }
data "ibm_is_instance_profiles" "all" {}

output "image_id" { value = ibm_is_image.file.id }
output "instance_id" { value = ibm_is_instance.by_image.id }
output "private_images" { value = sort([for image in data.ibm_is_images.private.images : image.name]) }
output "instances" { value = sort([for instance in data.ibm_is_instances.all.instances : instance.name]) }
