"""Asks a running server whose images are, what manages them, and which versions are on their way out."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import quote, urlencode

from kunsthalle.automation_checks import answer_facts
from kunsthalle.automation_checks.facts import CATALOG_SERVICE, Facts, Place, account_of, crn_of, text_of
from kunsthalle.automation_checks.knowledge import Known, KnownImage, KnownVersion, known_from
from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass
from kunsthalle.local.client import CallFailed, access_token, call

_CATALOGS = "/api/v1-beta"
_VPC = {"version": "2025-06-30", "generation": 2}
_ABSENT = 404


@dataclass(slots=True)
class Server:
    """A server, with what opens it: the operator's token, and API keys by account. Each is used where it is there.

    CallFailed where the server cannot be reached, or refuses a key.
    """

    url: str
    operator_token: str = ""
    api_keys: Mapping[str, str] = field(default_factory=dict)
    ca_file: str = ""
    _tokens: dict[str, str] = field(default_factory=dict)

    def with_key(self, api_key: str) -> Server:
        """The server with another API key, whose account the token tells."""
        token = access_token(self.url, api_key, self.ca_file)
        claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "==="))
        account = text_of(claims, "account", "bss")
        return Server(self.url, self.operator_token, {**self.api_keys, account: api_key}, self.ca_file)

    def teach(self, known: Known, files: Collection[Facts]) -> None:
        """Put what the server says in the place of what files say: they are older."""
        for account in self.api_keys:
            self._teach_reclamations(known, account)
        crns = _distinct(use.version_crn for facts in files for use in facts.uses)
        crns |= _distinct(version.crn for facts in files for version in facts.versions if not version.listed)
        for crn in sorted(crns):
            self._teach_version(known, crn, files)
        in_versions = {id_ for crn in crns for id_ in known.version(crn).image_ids}
        for id_ in sorted(_image_ids(files) | in_versions):
            self._teach_image(known, id_)

    def _get(self, token: str, path: str) -> Any:
        """What is answered, or None where there is no such resource."""
        try:
            return call(self.url, "GET", path, token, ca_file=self.ca_file)
        except CallFailed as error:
            if error.status == _ABSENT:
                return None
            raise

    def _token(self, account: str) -> str:
        if account not in self._tokens:
            self._tokens[account] = access_token(self.url, self.api_keys[account], self.ca_file)
        return self._tokens[account]

    def _teach_reclamations(self, known: Known, account: str) -> None:
        """Catalogs that an account has deleted, and that are not gone for good yet."""
        learned = _facts(self._get(self._token(account), "/v1/reclamations"))
        for deletion in learned.catalog_deletions:
            known.deleted_catalogs[deletion.catalog_id] = deletion.free_at

    def _teach_version(self, known: Known, crn: str, files: Collection[Facts]) -> None:
        owner, parsed = account_of(crn), crn_of(crn)
        if parsed is None or parsed.service != CATALOG_SERVICE or owner not in self.api_keys:
            return
        path = f"{_CATALOGS}/versions/{_locator(parsed)}"
        answer = self._get(self._token(owner), path)
        if answer is None:
            known.versions[crn] = KnownVersion(crn, gone=True)
            return
        learned = known_from([_facts(answer)])
        known.versions[crn] = learned.version(crn)
        known.images |= learned.images
        users = {use.account for facts in files for use in facts.uses if use.version_crn == crn}
        for account in users & set(self.api_keys) - {owner}:
            if self._get(self._token(account), path) is None:
                known.versions[crn].unshared.add(account)

    def _teach_image(self, known: Known, id_: str) -> None:
        """What the operator is told of an image; then, of one whose owner's key is there, the image itself."""
        if not self.operator_token:
            return
        lineage = self._get(self.operator_token, f"/_kunsthalle/lineage?{urlencode({'image': id_})}")
        if lineage is None:
            return
        image, version, offering = lineage["image"], lineage["version"] or {}, lineage["offering"] or {}
        owner = account_of(image["crn"])
        known.images[id_] = KnownImage(
            id_,
            owner,
            image["name"],
            public=False,
            status=image["status"],
            managed=image["managed"],
            version_crn=text_of(version, "crn"),
        )
        self._teach_dates(known.images[id_])
        if text_of(version, "state"):
            pending = text_of(version, "deprecate_pending", "deprecate_date")
            names = (version["crn"], version["version"], version["state"], pending)
            known.versions.setdefault(version["crn"], KnownVersion(*names, image_ids=(id_,)))
        ending = text_of(offering, "catalog", "reclaimed_at")
        if ending:
            known.deleted_catalogs[offering["catalog"]["id"]] = ending

    def _teach_dates(self, image: KnownImage) -> None:
        if image.owner in self.api_keys:
            path = f"/v1/images/{quote(image.id, safe='')}?{urlencode(_VPC)}"
            shown = self._get(self._token(image.owner), path) or {}
            image.deprecation_at = text_of(shown, "deprecation_at")
            image.obsolescence_at = text_of(shown, "obsolescence_at")


def _distinct(texts: Iterable[str]) -> set[str]:
    return {text for text in texts if text}


def _image_ids(files: Collection[Facts]) -> set[str]:
    """Every image that files name; of lists of images, none."""
    readers: tuple[Callable[[Facts], Iterable[str]], ...] = (
        lambda facts: (use.image_id for use in facts.uses),
        lambda facts: (image.id for image in facts.images if not image.listed),
        lambda facts: (read.image_id for read in facts.reads),
        lambda facts: (attempt.id for attempt in facts.attempts),
        lambda facts: (id_ for lookup in facts.lookups for id_ in lookup.found),
    )
    return {id_ for facts in files for read in readers for id_ in read(facts) if id_}


def _facts(answer: Any) -> Facts:
    facts = Facts("", "")
    answer_facts.collect(facts, answer, Place("", ""))
    return facts


def _locator(crn: Crn) -> str:
    return quote(f"{crn.instance}.{crn.resource.rpartition('/')[2]}", safe="")
