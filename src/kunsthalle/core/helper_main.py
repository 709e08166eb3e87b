"""A helper process: `python -m kunsthalle.core.helper_main MODULE DESCRIPTOR`, started by `core/helper_processes.py`.

The module has `set_up(setup)`, which returns the functions that may be called, by their names. A function takes its
argument, the descriptors that came with the call, and a function to which it may report how far it is.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import resource
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from kunsthalle.core import core_files
from kunsthalle.core.helper_processes import IDLE_CODE, Answer, Call, Parts, parts_of

Function = Callable[[Any, list[int], Callable[[Any], None]], Any]


def main(module: str, descriptor: int) -> int:
    """Work off what comes over the socket until nothing does, or the other end is gone. Returns the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    core_files.prevent()
    link, fds = Connection(descriptor), socket.socket(fileno=os.dup(descriptor))
    threading.Thread(target=_end_with, args=(descriptor,), daemon=True).start()
    setup, memory_bytes, idle_seconds, niceness = pickle.loads(link.recv_bytes())  # noqa: S301  our own process wrote it
    os.nice(niceness)
    _bound_memory(memory_bytes)
    functions: dict[str, Function] = importlib.import_module(module).set_up(setup)
    gc.freeze()  # what is loaded stays loaded
    _send(link, Answer("ready"))
    while link.poll(idle_seconds):
        try:
            call: Call = pickle.loads(link.recv_bytes())  # noqa: S301  as above
        except EOFError:
            return 0
        descriptors = socket.recv_fds(fds, 1, call.descriptors)[1] if call.descriptors else []
        _send(link, _answer(functions, call, descriptors, link))
    return IDLE_CODE


def _answer(functions: dict[str, Function], call: Call, descriptors: list[int], link: Connection) -> Answer:
    begun = time.process_time()

    def spent() -> float:
        return time.process_time() - begun

    try:
        value = functions[call.function](
            call.argument, descriptors, lambda value: _send(link, Answer("progress", value))
        )
        return Answer("done", value, spent())
    except MemoryError:
        return Answer("memory", None, spent())
    except Exception as error:  # noqa: BLE001  raised where the call was made
        parts = parts_of(error)
        return (
            Answer("raised", parts, spent()) if _travels(parts) else Answer("failed", traceback.format_exc(), spent())
        )
    finally:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _travels(parts: Parts) -> bool:
    try:
        pickle.dumps(parts)
    except Exception:  # noqa: BLE001  whatever an attribute raises
        return False
    return True


def _send(link: Connection, answer: Answer) -> None:
    link.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))


def _bound_memory(memory_bytes: int) -> None:
    """The limit is on the address space, and a soft one: tools that are started have limits of their own."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _end_with(descriptor: int) -> None:
    """End this process at once when the one that started it is gone, whatever is being worked on."""
    poll = select.poll()
    poll.register(descriptor, 0)  # a hang-up is told without being asked for
    poll.poll()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
