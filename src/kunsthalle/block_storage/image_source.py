"""Volumes as a source of images: what `images.sources.Volumes` asks for.

The new image keeps the operating system and which volume it was, and no word of a catalog (R8).
"""

from __future__ import annotations

from kunsthalle.api.references import Identity, refer
from kunsthalle.block_storage import volume_keys
from kunsthalle.block_storage.disk_specs import DiskDrivers, disk_of
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.provisioning import volume_of
from kunsthalle.block_storage.resources import USE, VOLUME
from kunsthalle.core.disk_space import NoSpace
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import GIB
from kunsthalle.db.session import Session
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed, corrupted
from kunsthalle.disk_images.kept_streams import keep
from kunsthalle.hypervisor.protocol import HypervisorError, Passphrases
from kunsthalle.images.import_sources import VolumeBytes, VolumeSource

MOST_GB = 250
_FIELD = "source_volume"


@dataclass(frozen=True, slots=True)
class VolumeContent:
    """A volume as it was when the work began, a name for the files of this work, and what opens the disk."""

    volume: Volume
    token: str
    opened: Passphrases


class VolumesAsImages:
    """See images.sources.Volumes."""

    def __init__(self, disks: DiskDrivers) -> None:
        self._disks = disks

    def source(self, session: Session, identity: Identity) -> VolumeSource:
        """404 unless it is seen, 400 unless it holds a system, 409 unless it is whole and its server stands still."""
        volume = refer(session, VOLUME, identity, _FIELD, USE).resource
        if volume.operating_system is None or volume.digest is None:
            raise invalid("bad_field", "The volume holds no operating system.", _FIELD)
        if volume.capacity > MOST_GB:
            raise invalid("bad_field", f"The volume is larger than {MOST_GB} GB.", _FIELD)
        if volume.status != "available":
            raise conflict("invalid_state", f"A volume that is {volume.status} cannot become an image.", _FIELD)
        if volume.active:
            raise conflict("invalid_state", f"Stop the server {volume.instance_name} first.", _FIELD)
        return VolumeSource(
            volume.id,
            volume.operating_system,
            volume.reference,
            volume.uses,
            volume.capacity * GIB,
            volume.encryption_key,
            volume.encrypted_data_key,
        )

    def content(self, session: Session, volume_id: str) -> VolumeContent:
        """Refused if the volume went meanwhile, KeyRefused while a root key of it cannot be used."""
        volume = volume_of(session, volume_id)
        if volume is None or volume.status != "available":
            raise corrupted("The volume was deleted before the image was made.")
        return VolumeContent(volume, session.ctx.ids.hex(8), volume_keys.passphrases(session, volume))

    def flatten(self, content: VolumeContent) -> VolumeBytes:
        """The blob that it stands on if nothing was ever written; else one file of its own. Refused, NoSpace.

        The file of an encrypted volume is encrypted with the volume's data key, whatever is below.
        Works on a copy, so that a server that is started meanwhile does no harm.
        """
        volume = content.volume
        try:
            if volume.digest is None or volume.format is None:
                raise Refused("image_data_corrupted", "The volume has no content.")
            target = self._disks.scratch_file(f"{volume.id}.{content.token}.qcow2")
            with self._disks.disks.read_out(disk_of(volume, content.opened)) as stream:
                if stream is None:
                    return VolumeBytes(None, volume.digest, volume.format)
                keep(stream, target)
            return VolumeBytes(target, None, "qcow2")
        except NoSpace:
            raise
        except HypervisorError as error:
            raise corrupted("The content of the volume could not be read.") from error
        except ToolFailed as error:
            raise corrupted(error.message) from error
