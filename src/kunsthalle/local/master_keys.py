"""The master keys, of a file, the environment or a command: a line each, newest last. The newest encrypts, all decrypt.

Each is 32 random bytes in base64url. A key is named by an id that follows from it, so that the database
can say which key it needs without holding anything that helps to find that key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import shlex
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kunsthalle.core.ids import entropy
from kunsthalle.core.records import dataclass
from kunsthalle.settings import Settings

SETTING = "--master-key-file or KUNSTHALLE_MASTER_KEY_FILE"
COMMAND_SECONDS = 30
"""How long a command that prints the keys may take."""
_MOST_PRINTED = 64 * 1024
_OCTETS = 32
_HEADER = "# Kunsthalle master keys, newest last. Keep a copy apart from the copies of the database.\n"


class MasterKeyError(Exception):
    """The server cannot start with these master keys; the message says what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class MasterKeys:
    """The keys by their ids, the newest last."""

    by_id: Mapping[str, bytes]

    @property
    def newest(self) -> str:
        """The id of the key that encrypts."""
        return next(reversed(list(self.by_id)))

    def through(self, id_: str) -> MasterKeys | None:
        """The keys up to this one; None without it."""
        ids = list(self.by_id)
        if id_ not in ids:
            return None
        return MasterKeys({older: self.by_id[older] for older in ids[: ids.index(id_) + 1]})


def of(settings: Settings) -> MasterKeys | None:
    """The keys that the settings lead to; None where they lead to a file that does not exist. MasterKeyError.

    A command is run each time.
    """
    return given(settings) or read(settings.master_key_path)


def given(settings: Settings) -> MasterKeys | None:
    """The keys of the environment or of a command; None where the settings lead to a file. MasterKeyError."""
    if settings.master_keys:
        return _parsed("the setting master_keys", _split(settings.master_keys))
    if settings.master_key_command:
        return _parsed("what the command printed", _printed(settings.master_key_command))
    return None


def _split(text: str) -> list[str]:
    """The lines of a text, those that hold several keys divided at their commas; a comment stays whole."""
    return [part for line in text.splitlines() for part in ([line] if line[:1] == "#" else line.split(","))]


def _printed(command: str) -> list[str]:
    """The lines that a command prints. What it says on standard error goes where the server's does."""
    words = shlex.split(command)
    shown = f"The command {words[0]!a}"
    try:
        ended = subprocess.run(  # noqa: S603  the operator's own words, no shell
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=COMMAND_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MasterKeyError(f"{shown} did not end within {COMMAND_SECONDS} seconds.") from error
    except (OSError, ValueError) as error:
        raise MasterKeyError(f"{shown} cannot be run: {getattr(error, 'strerror', None) or error}.") from error
    if ended.returncode:
        raise MasterKeyError(f"{shown} ended with {ended.returncode}: it must print the keys and end with 0.")
    if len(ended.stdout) > _MOST_PRINTED:
        raise MasterKeyError(f"{shown} printed more than {_MOST_PRINTED} bytes: it must print the keys alone.")
    return ended.stdout.decode("ascii", "replace").splitlines()


def _parsed(place: str, lines: list[str]) -> MasterKeys:
    keys = [_parse(place, number, line) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]
    if not keys:
        raise MasterKeyError(f"{place[0].upper()}{place[1:]} holds no key: put the file of this database back.")
    return MasterKeys({id_of(key): key for key in keys})


def id_of(key: bytes) -> str:
    """The public name of a key, 16 hexadecimal digits."""
    return hmac.new(key, b"kunsthalle master key id", hashlib.sha256).hexdigest()[:16]


def read(path: Path) -> MasterKeys | None:
    """The keys of a file, None when there is no such file. MasterKeyError when it cannot be used."""
    try:
        lines = path.read_text("ascii").splitlines()
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise MasterKeyError(f"The master key file {path} cannot be read: {error}.") from error
    if mode & stat.S_IRWXO:
        raise MasterKeyError(f"Every user of this host can reach the master key file {path}: chmod 600 it.")
    return _parsed(f"the master key file {path}", lines)


def version(path: Path) -> tuple[int, ...] | None:
    """What is another once the file is replaced or changed; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _parse(place: str, number: int, line: str) -> bytes:
    try:
        key = base64.b64decode(line.strip(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _OCTETS:
        text = f"Line {number} of {place} is no key: {_OCTETS} bytes in base64url are expected."
        raise MasterKeyError(f"{text} Put the file of this database back.")
    return key


def add(path: Path) -> MasterKeys:
    """Adds a new key, making the file where there is none; all keys. The file is replaced as a whole, mode 0600, and
    stays whose it was: an administrator who adds a key does not take it from the server.
    """
    known = read(path)
    content = path.read_text("ascii") if known is not None else _HEADER
    key = base64.urlsafe_b64encode(entropy(_OCTETS)).decode()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            if known is not None:
                _keep_owner(descriptor, path.stat())
            file.write(f"{content}{'' if content.endswith(chr(10)) else chr(10)}{key}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise MasterKeyError(f"The master key file {path} cannot be written: {error}.") from error
    master_keys = read(path)
    if master_keys is None:
        raise MasterKeyError(f"The master key file {path} was removed while it was written; start again.")
    return master_keys


def _keep_owner(descriptor: int, before: os.stat_result) -> None:
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
        os.fchown(descriptor, before.st_uid, before.st_gid)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
