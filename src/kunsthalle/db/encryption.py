"""Secrets in the database are encrypted with a master key that is not in it (docs/decisions/0018-master-key.md).

An encrypted value is `kh1.<id of the key>.<nonce, ciphertext and tag in base64url>`: AES-256-GCM with a random nonce of
12 bytes. The associated data are the version, the key's id and the purpose, which says what the value is and of which
row: a value that is moved to another place does not decrypt there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from pathlib import Path

from kunsthalle.core.ids import entropy
from kunsthalle.local import master_keys
from kunsthalle.local.master_keys import MasterKeyError, MasterKeys
from kunsthalle.settings import Settings

_VERSION = "kh1"
_NONCE_OCTETS = 12


Turn = Callable[[str, str], str]
"""What becomes of a stored value, given with its purpose, when all of them are encrypted anew."""


class CannotDecrypt(Exception):
    """The value was not encrypted for this purpose with a key of this server, or has been changed since."""


class Cipher:
    """Encrypts and decrypts with the keys of a master key file, which is read when it is needed first. Without a
    path the keys came from elsewhere, and stay.
    """

    def __init__(self, path: Path | None, keys: MasterKeys | None = None) -> None:
        self._path = path
        self._keys = keys
        self._seen: tuple[int, ...] | None = None
        self.place = "what was given in its place" if path is None else str(path)
        """Where the keys are, for messages."""

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def keys(self) -> MasterKeys:
        """The keys. MasterKeyError when there is no file, or none that can be used."""
        if self._keys is None:
            self._keys = self._read()
        return self._keys

    def _read(self) -> MasterKeys:
        if self._path is None:
            raise MasterKeyError("This database was opened without a master key.")
        keys_text = master_keys.read(self._path)
        if keys_text is None:
            raise MasterKeyError(
                f"The database is encrypted, and there is no master key file {self._path}. Put the file back that was"
                f" in use with this database, or name it with {master_keys.SETTING}; other nodes of the database have"
                " it. Without it what is encrypted cannot be read."
            )
        return keys_text

    def ensure(self) -> None:
        """Makes the master key file where there is none: for a database that holds nothing encrypted yet."""
        if self._keys is None and self._path is not None and master_keys.read(self._path) is None:
            self._keys = master_keys.add(self._path)

    def encrypt(self, text: str, purpose: str) -> str:
        """The text, encrypted with the newest key."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        id_, nonce = self.keys.newest, entropy(_NONCE_OCTETS)
        sealed = AESGCM(self.keys.by_id[id_]).encrypt(nonce, text.encode(), _associated(id_, purpose))
        return f"{_VERSION}.{id_}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, value: str, purpose: str) -> str:
        """The text that was encrypted for the purpose. CannotDecrypt for anything else."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        version, _, rest = value.partition(".")
        id_, _, body = rest.partition(".")
        key = self.keys.by_id.get(id_) or self._added(id_)
        if version != _VERSION or key is None:
            raise CannotDecrypt(f"{purpose}: not encrypted with a key of the master key file")
        try:
            octets = base64.b64decode(body, altchars=b"-_", validate=True)
            nonce, sealed = octets[:_NONCE_OCTETS], octets[_NONCE_OCTETS:]
            return AESGCM(key).decrypt(nonce, sealed, _associated(id_, purpose)).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise CannotDecrypt(f"{purpose}: changed, or encrypted for something else") from error

    def take_newest(self) -> None:
        """From here on with the keys that are in the file now. Keys that came from elsewhere stay. MasterKeyError."""
        if self._path is not None:
            self._keys = self._read()

    def _added(self, id_: str) -> bytes | None:
        """A key that was added to the file since it was read, as another node does; those behind it are not used yet.

        The file is read again only when it has changed: values come from strangers too.
        """
        seen = None if self._path is None else master_keys.version(self._path)
        if seen is None or seen == self._seen:
            return None
        self._seen = seen
        try:
            added = self._read().through(id_)
        except MasterKeyError:
            return None
        if added is not None:
            self._keys = added
        return self.keys.by_id.get(id_)

    def renew(self, value: str, purpose: str) -> str:
        """The same secret, encrypted with the newest key."""
        return self.encrypt(self.decrypt(value, purpose), purpose)


def cipher_of(settings: Settings) -> Cipher:
    """With the keys that the settings lead to: a file, or what the environment or a command gives in its place."""
    keys = master_keys.given(settings)
    return Cipher(settings.master_key_path if keys is None else None, keys)


def key_id_of(value: str) -> str:
    """The id of the key that a value is encrypted with; "" of what is not encrypted."""
    version, _, rest = value.partition(".")
    return rest.partition(".")[0] if version == _VERSION else ""


def _associated(key_id: str, purpose: str) -> bytes:
    return f"{_VERSION}\0{key_id}\0{purpose}".encode()
