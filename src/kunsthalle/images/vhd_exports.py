"""Where the VHD of an export is written: in the job's thread, or in a process beside the server, as imports are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kunsthalle.core.disk_space import NoSpace, is_out_of_space
from kunsthalle.core.helper_processes import CannotStart
from kunsthalle.core.ids import entropy
from kunsthalle.core.records import dataclass
from kunsthalle.disk_images import vhd_writing
from kunsthalle.disk_images.image_process import VhdCopy
from kunsthalle.images.import_files import QUIET_SECONDS, REPORT_SECONDS, ImageProcesses

_NUMBER_OCTETS = 16
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class VhdExport:
    """The QCOW2 file of one export, of so many bytes. `processes` is None where it is read in this thread."""

    account_id: str
    source: Path
    size: int
    processes: ImageProcesses | None

    def measure(self) -> int | None:
        """Bytes of the VHD; None for a file that only qemu-img reads. Refused."""
        return self._either("vhd_size", self.source, lambda: vhd_writing.size_of(self.source), _untold)

    def write(self, target: Path, progress: Callable[[int], None]) -> str:
        """Writes the VHD durably; its sha256. NotPlain, NoSpace, and what `progress` raises."""
        unique = entropy(_NUMBER_OCTETS)
        call = VhdCopy(self.source, target, unique, REPORT_SECONDS)
        here = lambda: vhd_writing.write(self.source, target, unique, progress)  # noqa: E731  short
        try:
            return self._either("write_vhd", call, here, progress)
        except OSError as error:
            if is_out_of_space(error):
                raise NoSpace("The disk became full.", self.size) from error
            raise

    def _either(
        self, function: str, argument: object, here: Callable[[], Result], progress: Callable[[int], None]
    ) -> Result:
        processes = self.processes
        if processes is None or not processes.leaves(self.account_id, self.size):
            return here()
        try:
            answer = processes.pool.call(function, argument, QUIET_SECONDS, (), progress)
        except CannotStart:
            return here()
        processes.priority.add(self.account_id, answer.processor)
        result: Result = answer.value
        return result


def _untold(_done: int) -> None:
    """Nobody waits to hear how far the measuring is."""
