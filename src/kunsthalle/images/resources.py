"""How images and their exports are looked up."""

from __future__ import annotations

from kunsthalle.db.visibility import ResourceType
from kunsthalle.images.models import Image, ImageExport
from kunsthalle.images.states import EXPORT_STATES, IMAGE_STATES
from kunsthalle.images.tables import image_exports, images

IMAGE = ResourceType(
    "image",
    images,
    Image,
    "is.image.image.read",
    attributes={"imageId": images.c.id, "resourceGroupId": images.c.resource_group_id},
    states=IMAGE_STATES,
    state_column=images.c.status,
    tallied=True,
)

USE = "is.image.image.operate"
"""What it takes to boot from an image, and to put it into a catalog: an Operator may, and cannot delete it."""

EXPORT = ResourceType(
    "image_export",
    image_exports,
    ImageExport,
    IMAGE.read,
    attributes={"imageId": image_exports.c.image_id, "resourceGroupId": image_exports.c.resource_group_id},
    states=EXPORT_STATES,
    state_column=image_exports.c.status,
)
