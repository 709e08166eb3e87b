"""What to do about a job that has failed for good: its end has been told to what it was for, so that no job is run
again by hand.
"""

from __future__ import annotations

_AGAIN = "It is done again by itself."
_START = "The instance has failed: its owner starts or deletes it."
_KINDS: dict[str, tuple[str, ...]] = {
    "The image has failed: its owner deletes it and imports it again.": ("image.import",),
    "The export job has failed: its owner exports the image again.": ("image.export",),
    "The object is as it was uploaded: its owner uploads it again.": ("object.convert",),
    _START: ("instance.boot", "instance.restart", "instance.stop", "instance.cut", "instance.delete"),
    "The next start or stop of the instance puts its disks right.": ("instance.disks",),
    "The bare metal server has failed: its owner deletes it.": ("metal.move",),
    "It has failed: its owner deletes it and creates another.": ("volume.create", "snapshot.create"),
    "It has failed: its owner deletes it again.": ("volume.delete", "snapshot.delete", "placement_group.delete"),
    "The disk of the volume grows before the next start of its instance.": ("volume.update",),
    "The image keeps its status: its owner deprecates it, or sets its dates again.": (
        "image.ripen",  # words: allow
    ),
    "The group says what is missing, and tries again by itself.": ("group.scale", "group.empty"),
    "The scheduled action has failed: its owner creates another.": ("group.action",),
    "The scheduled action stays listed: its owner deletes it.": ("group.action.expire",),
    "The version is invalid: its owner validates it again.": ("version.validate",),
    "The next start of the server does it, or the doctor.": ("image.check", "master-key.reencrypt", "blob.sweep"),
    "The next rotation of the key does it.": ("key.rewrap",),
    _AGAIN: (
        "audit.expire",
        "catalog.reclaim",
        "catalog.relist",
        "iam.access-group.erase",
        "iam.account.erase",
        "iam.profile.erase",
        "instance.settle",
        "kms.purge",
        "kms.rotate",
        "kms.state",
        "plan.deprecate",
        "signing-keys.rotate",
        "version.deprecate",
    ),
}
ENDS = {kind: text for text, kinds in _KINDS.items() for kind in kinds}
"""By the kind of the job."""
