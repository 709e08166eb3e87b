"""How images are looked up."""

from __future__ import annotations

from kunsthalle.images.model import Image
from kunsthalle.images.states import IMAGE_STATES
from kunsthalle.store.schema.images import images
from kunsthalle.store.scope import Kind

IMAGE = Kind(
    "image",
    images,
    Image,
    "is.image.image.read",
    attributes={"imageId": images.c.id, "resourceGroupId": images.c.resource_group_id},
    states=IMAGE_STATES,
    state_column=images.c.status,
    tallied=True,
)
