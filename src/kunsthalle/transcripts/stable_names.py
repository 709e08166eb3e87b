"""Names instead of ids: `image-1` for the first image that appears, wherever its id appears.

What an id is of is told by what stands around it: a CRN (`…::image:r006-…`), an address (`/v1/images/r006-…`), the
field that holds it (`"vpc": {"id": …}`, `"account_id": …`), or a change of state. The first that is known counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from kunsthalle.core.ids import is_made_up_name

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ID = re.compile(
    rf"""(?<![0-9A-Za-z])(?:
        (?:r[0-9]{{3}}-|[0-9]{{4}}[-_]|IBMid-|iam-[A-Za-z]+-|ApiKey-|Profile-|ServiceId-)?{_UUID}(?:-global)?
        | [0-9a-f]{{32}} | [0-9a-f]{{24}}
        | IBMid-[0-9A-Z]{{6,20}}
    )(?![0-9A-Za-z])""",
    re.VERBOSE,
)
_CRN = re.compile(r"crn:v1:(?:[^:\s\"]*:){6}(?P<type>[a-z0-9-]+):(?P<id>[^:\s\"?]+)")
_SEGMENT = re.compile(r"(?<=/)(?P<collection>[a-z][a-z0-9_-]*)/(?=(?P<id>[^/\s\"'?&:]+))")
_SCOPE = re.compile(r":a/(?P<id>[0-9a-f]{32})(?=:)")
_MAC = re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")
_FLOATING = re.compile(r"\b198\.1[89]\.\d{1,3}\.\d{1,3}\b")
"""Floating IPs are drawn from this network (`networks/floating_ips.py`)."""
_KEY = re.compile(
    r"(?P<fingerprint>SHA256:[A-Za-z0-9+/]{43}=?)|(?P<public_key>(?:ssh|ecdsa)-[a-z0-9-]+ AAAA[A-Za-z0-9+/=]+)"
)
_SUFFIX = re.compile(r"(?<=-boot-)[0-9a-f]{8}(?![0-9A-Za-z])|(?<=-)[0-9a-f]{8}(?=\.(?:qcow2|vhd)\b)")
"""What the names of boot volumes and exported files end with, so that no two are the same."""
_IRREGULAR = {"policies": "policy", "addresses": "address", "vpcs": "vpc", "apikeys": "api_key", "keys": "key"}
_TYPES = {"apikey": "api_key", "serviceid": "service_id", "bare-metal-server": "bare_metal_server"}
_FIELDS = {
    "bss": "account",
    "bss_account": "account",
    "trace": "trace",
    "sub": "user",
    "iam_id": "user",
    "_rev": "revision",
}
_IN_FIELD = re.compile(r"(?P<kind>[a-z][a-z_]*?)_(?:id|crn|ids)")
_UNKNOWN = "id"


class StableNames:
    """Gives names in the order in which ids appear. `learn` a text before the `replaced` one, so that the first
    appearance has the right kind.
    """

    def __init__(self, accounts: Iterable[str] = ()) -> None:
        self._kinds: dict[str, str] = dict.fromkeys(accounts, "account")
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    @property
    def names(self) -> Mapping[str, str]:
        """Names by id, in the order in which they were given."""
        return self._names

    def learn(self, id_: str, kind: str) -> None:
        """What an id is of."""
        if _ID.fullmatch(id_):
            self._kinds.setdefault(id_, _in_words(kind))

    def learn_text(self, text: str) -> None:
        """What the CRNs and addresses of a text tell about ids."""
        for match in _SCOPE.finditer(text):
            self.learn(match["id"], "account")
        for match in _CRN.finditer(text):
            if match["type"] and match["id"]:
                self.learn(match["id"], match["type"])
        for match in _SEGMENT.finditer(text):
            self.learn(match["id"], singular(match["collection"]))

    def learn_document(self, document: Any, around: str = "") -> None:
        """The same of JSON; the names of fields tell too. `around` is what the document itself is."""
        if isinstance(document, dict):
            for value in document.values():  # first what CRNs and addresses tell, which know best
                if isinstance(value, str) and (value.startswith("crn:") or "/" in value):
                    self.learn_text(value)
            for name, value in document.items():
                self._learn_field(name, value, around)
        elif isinstance(document, list):
            for value in document:
                self.learn_document(value, around)
        elif isinstance(document, str):
            self.learn_text(document)

    def _learn_field(self, name: str, value: Any, around: str) -> None:
        if isinstance(value, str):
            self.learn_text(value)
            match = _IN_FIELD.fullmatch(name)
            kind = _FIELDS.get(name) or (around if name in {"id", "guid"} else match["kind"] if match else "")
            if kind:
                self.learn(value, kind)
        else:
            self.learn_document(value, singular(name) if isinstance(value, list) else name)

    def replaced(self, text: str) -> str:
        """The text with names for its ids, and for what else the server makes up."""
        text = _ID.sub(lambda match: self.name_of(match[0]), text)
        if ":" in text:
            text = _MAC.sub(lambda match: self._named(match[0], "mac"), text)
        if "198.1" in text:
            text = _FLOATING.sub(lambda match: self._named(match[0], "address"), text)
        if "SHA256:" in text or " AAAA" in text:
            text = _KEY.sub(lambda match: self._named(match[0], str(match.lastgroup)), text)
        if "-" in text:
            text = _SUFFIX.sub(lambda match: self._named(match[0], "suffix"), text)
        if "-" in text and is_made_up_name(text):
            return self._named(text, "name")
        return text

    def replaced_document(self, document: Any) -> Any:
        """The same of JSON, keys included."""
        if isinstance(document, dict):
            return {self.replaced(name): self.replaced_document(value) for name, value in document.items()}
        if isinstance(document, list):
            return [self.replaced_document(value) for value in document]
        return self.replaced(document) if isinstance(document, str) else document

    def name_of(self, id_: str) -> str:
        """The name of an id, which it gets now if it has none."""
        return self._named(id_, self._kinds.get(id_, _UNKNOWN))

    def _named(self, id_: str, kind: str) -> str:
        known = self._names.get(id_)
        if known is None:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            known = self._names[id_] = f"{kind}-{number}"
        return known


def singular(name: str) -> str:
    """What one of a collection is called."""
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def _in_words(kind: str) -> str:
    """As the names of resources begin: small letters and underscores."""
    known = _TYPES.get(kind, kind)
    return re.sub(r"[^a-z0-9]+", "_", known.lower()).strip("_") or _UNKNOWN
