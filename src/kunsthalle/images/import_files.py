"""Where the file of an import is taken in and inspected: in the job's thread, or in a process beside the server.

Hashing and writing leave the interpreter to others, and not the processor. So a large file, and one of an account that
uses much of the processor while others ask, is worked on by a process with a low priority
(docs/decisions/0028-helper-processes.md). What comes across the network is hashed as it comes, here.
"""

from __future__ import annotations

from pathlib import Path

from kunsthalle.blobs.protocol import OutOfSpace, Upload
from kunsthalle.core.disk_space import disk_room, is_out_of_space
from kunsthalle.core.helper_processes import CannotStart, HelperProcesses
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.db.account_priority import HEAVY_SECONDS, AccountPriority
from kunsthalle.disk_images import import_rules
from kunsthalle.disk_images.detection import HEAD_BYTES
from kunsthalle.disk_images.image_process import Examination, TakeIn, take_in
from kunsthalle.disk_images.inspection import Examined, examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools
from kunsthalle.disk_images.stream_inspection import Arrived, Intake
from kunsthalle.images.transfer_progress import Meter
from kunsthalle.object_storage.protocol import ObjectReader

LARGE_BYTES = 64 * MIB
"""Files from which on each is worked on elsewhere."""
SMALL_BYTES = MIB
"""Files up to which none is: their hashing takes a millisecond."""
REPORT_SECONDS = 0.25
"""From one report of how far a file is to the next."""
QUIET_SECONDS = 120.0
"""How long a process may work on a file without a word of how far it is."""
_LOOKS = 4
"""How many times the time of one look of a tool an examination may take."""


@dataclass(frozen=True, slots=True)
class ImageProcesses:
    """The processes for image files, and whose files they are for."""

    pool: HelperProcesses
    priority: AccountPriority

    def leaves(self, account_id: str, size: int) -> bool:
        """Whether a file of an account, of so many bytes, is worked on elsewhere."""
        if size >= LARGE_BYTES:
            return True
        heavy = self.priority.used(account_id) >= HEAVY_SECONDS and bool(self.priority.asking() - {account_id})
        return size > SMALL_BYTES and (heavy or self.pool.running)


@dataclass(frozen=True, slots=True)
class ImportFile:
    """The file of one import. `processes` is None where it is worked on in this thread."""

    account_id: str
    format: str
    limits: Limits
    tools: Tools | None
    processes: ImageProcesses | None

    def take_in(self, reader: ObjectReader, upload: Upload, meter: Meter) -> Arrived:
        """The object's bytes behind those that the upload has, all of them looked at. Refused, OutOfSpace."""
        processes = self._processes(reader.size)
        if processes is not None and reader.descriptor is not None:
            self._refuse_start(reader)
            try:
                return self._take_in_elsewhere(processes, reader.descriptor, reader.size, upload, meter)
            except CannotStart:
                pass
        return self._take_in_here(reader, upload, meter)

    def examine(self, path: Path, arrived: Arrived, passphrase: bytes | None) -> Examined:
        """All rules on the whole file. Refused, ToolFailed."""
        processes = self._processes(arrived.size)
        if processes is not None:
            call = Examination(path, arrived, self.limits, self.tools, passphrase)
            try:
                answer = processes.pool.call("examine", call, _LOOKS * self.limits.tool_seconds)
            except CannotStart:
                pass
            else:
                processes.priority.add(self.account_id, answer.processor)
                examined: Examined = answer.value
                return examined
        return examine(path, arrived, self.limits, self.tools, passphrase)

    def _processes(self, size: int) -> ImageProcesses | None:
        processes = self.processes
        return processes if processes is not None and processes.leaves(self.account_id, size) else None

    def _refuse_start(self, reader: ObjectReader) -> None:
        """A file that shows at once that it may not enter costs no more than that."""
        import_rules.check_start(self.format, reader.read(HEAD_BYTES), self.limits)
        reader.skip(0)

    def _take_in_elsewhere(
        self, processes: ImageProcesses, descriptor: int, size: int, upload: Upload, meter: Meter
    ) -> Arrived:
        def progress(written: int) -> None:
            upload.grown(written)
            if meter.due:
                meter.note(upload.sync())

        call = TakeIn(upload.path, self.format, self.limits, size, upload.written, REPORT_SECONDS)
        try:
            answer = processes.pool.call("take_in", call, QUIET_SECONDS, [descriptor], progress)
        except OSError as error:
            if is_out_of_space(error):
                raise OutOfSpace(size, disk_room(upload.path.parent)[1]) from error
            raise
        processes.priority.add(self.account_id, answer.processor)
        upload.grown(size)
        arrived: Arrived = answer.value
        return arrived

    def _take_in_here(self, reader: ObjectReader, upload: Upload, meter: Meter) -> Arrived:
        def between(_written: int) -> None:
            meter.give_way()
            if meter.due:
                meter.note(upload.sync())

        reader.skip(upload.written)
        intake = Intake(self.format, self.limits, reader.size)
        with upload.path.open("rb") as part:
            return take_in(intake, part, reader.read, upload.write, between)
