"""Images. Sizes are in bytes, moments in microseconds since the epoch."""

from __future__ import annotations

from typing import Any

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass
from kunsthalle.core.regions import place


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one account.

    `digest` is the sha256 of the imported bytes, by which they are stored; None until the import is done. `hold_crn`
    names the catalog version that manages the image, if one does (R2). `checked` tells whether `qemu-img` has
    confirmed what our own header rules found. `encryption_key` is the CRN of the root key of an encrypted image, which
    wraps `encrypted_data_key`.
    """

    id: str
    account_id: str
    name: str
    status: str
    status_reasons: list[dict[str, str]]
    operating_system: str
    resource_group_id: str
    source_href: str | None
    source_volume: dict[str, Any] | None
    digest: str | None
    format: str | None
    file_size: int | None
    virtual_size: int | None
    checked: int
    allowed_use: dict[str, str]
    hold_crn: str | None
    hold_since: int | None
    deprecation_at: int | None
    obsolescence_at: int | None
    created_at: int
    revision: int = 1
    encryption_key: str | None = None
    encrypted_data_key: str | None = None

    @property
    def crn(self) -> str:
        return str(Crn("is", place(self.id), self.account_id, "", "image", self.id))

    @property
    def encrypted(self) -> bool:
        """Whether its file is encrypted with a key of the user."""
        return self.encryption_key is not None

    @property
    def managed(self) -> bool:
        """Whether a catalog manages it."""
        return self.hold_crn is not None


@dataclass(frozen=True, slots=True)
class Reference:
    """What other resources keep of the image they were made from. Copied once, never looked up again (R6)."""

    id: str
    crn: str
    name: str
    account_id: str


def reference(image: Image) -> Reference:
    return Reference(image.id, image.crn, image.name, image.account_id)


@dataclass(frozen=True, slots=True)
class ImageExport:
    """The writing of an image into a bucket. `object_name` and the rest of what it writes never change.

    `resource_group_id` is the image's: who may see the image sees its exports. `encrypted_data_key` is that of an
    encrypted image, as it was wrapped when the export was asked for.
    """

    id: str
    account_id: str
    name: str
    status: str
    status_reasons: list[dict[str, str]]
    image_id: str
    resource_group_id: str
    format: str
    bucket: str
    object_name: str
    started_at: int | None
    completed_at: int | None
    created_at: int
    revision: int = 1
    encrypted_data_key: str | None = None

    @property
    def holder(self) -> str:
        """The name under which it keeps the image's bytes."""
        return f"export:{self.id}"
