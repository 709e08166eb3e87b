"""An examination: every check twice, as what is under way at the first look is not there at the second."""

from __future__ import annotations

from collections.abc import Iterator

from kunsthalle.core.records import dataclass
from kunsthalle.db import integrity
from kunsthalle.db.integrity import Soundness
from kunsthalle.operator.doctor import api_key_checks as of_keys
from kunsthalle.operator.doctor import blob_checks as of_bytes
from kunsthalle.operator.doctor import disk_checks as of_disks
from kunsthalle.operator.doctor import expected_references as ledger
from kunsthalle.operator.doctor import image_key_checks as of_images
from kunsthalle.operator.doctor import machine_checks as of_machines
from kunsthalle.operator.doctor import master_key_checks as of_secrets
from kunsthalle.operator.doctor.findings import CheckContext, Finding

_RESTORE = "Stop the server, keep the damaged files, and restore a backup."


@dataclass(frozen=True, slots=True)
class Report:
    """`mended` are the findings that are none any more; `examined` how many resources of each kind were looked at;
    `unchecked` what could not be, and why.
    """

    findings: list[Finding]
    mended: list[Finding]
    examined: dict[str, int]
    unchecked: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether nothing is left to mend."""
        return len(self.mended) == len(self.findings)


def examine(ward: CheckContext, *, deep: bool = False, repair: bool = False) -> Report:
    """Looks at everything; with `deep` reads every byte; with `repair` mends what can be mended.

    Of a damaged database nothing else is looked at, and nothing is mended: what it says is not to be trusted.
    """
    sound = integrity.examine(ward.store, deep=deep)
    ward.soundness(sound)
    if sound.damage:
        return Report(damaged(sound), [], {"databases": 1}, sound.unchecked)
    examined, findings = _look(ward)
    if findings:
        again = {(finding.check, finding.subject) for finding in _look(ward)[1]}
        findings = [finding for finding in findings if (finding.check, finding.subject) in again]
    if deep:
        findings += [*of_bytes.contents(ward), *of_images.data_keys(ward)]
    if repair and findings:
        ward.progress.phase = "mending"
    mended = [finding for finding in findings if repair and finding.mend is not None and finding.mend(ward)]
    return Report(findings, mended, {**examined, "databases": 1}, sound.unchecked)


def damaged(sound: Soundness) -> list[Finding]:
    """A finding for each damage of the database."""
    return [Finding("damaged_database", "database", f"{line}. {_RESTORE}") for line in sound.damage]


def _look(ward: CheckContext) -> tuple[dict[str, int], list[Finding]]:
    inventory = dict(ward.disks.blobs.inventory())
    books = ward.read(ledger.read)
    secrets = of_secrets.counts(ward)
    examined = {
        "blobs": len(inventory),
        "references": len(books.actual),
        "volumes": len(books.volumes),
        "snapshots": len(books.snapshots),
        "servers": len(books.servers),
        "jobs": len(books.jobs),
        "secrets": secrets.total(),
    }

    def checks() -> Iterator[Finding]:
        yield from of_bytes.stored(books, inventory)
        yield from of_bytes.references(books)
        yield from of_bytes.uploads(books, ward.disks.blobs)
        yield from of_disks.files(books, ward.disks.disks)
        yield from of_disks.work(books)
        yield from of_keys.keys(books)
        yield from of_secrets.old_keys(ward, secrets)
        yield from of_machines.zones(ward.disks)
        yield from of_machines.machines(books, ward.disks, alone=ward.store.embedded or ward.disks.hypervisor.shared)

    return examined, list(checks())
