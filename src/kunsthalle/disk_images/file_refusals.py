"""Why a file is refused, in the words of the image's status reasons."""

from __future__ import annotations

from typing import Final

CORRUPTED: Final = "image_data_corrupted"
TOO_BIG: Final = "image_provisioned_size_unsupported"
ENCRYPTED: Final = "image_encrypted"
NOT_OPENED: Final = "encrypted_data_key_invalid"


class Refused(Exception):
    """The file is no image that may enter.

    `code` is `image_data_corrupted`, `image_provisioned_size_unsupported`, `image_encrypted` or
    `encrypted_data_key_invalid`. `message` is one plain sentence for the image's owner; it never holds a path of this
    host or words taken from the file.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def corrupted(message: str) -> Refused:
    """The file is damaged, is not what it was said to be, or asks for what is not supported."""
    return Refused(CORRUPTED, message)


class ToolFailed(Exception):
    """qemu-img did not do its work although nothing is known against the file.

    `detail` holds its own words, cut to a few lines: for the log only, since they name paths of this host.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
