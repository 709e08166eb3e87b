"""What the calls of a transcript say about images and catalogs. Calls that a fault was applied to say nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kunsthalle.automation_checks import answer_facts
from kunsthalle.automation_checks.answer_facts import use_of
from kunsthalle.automation_checks.facts import (
    BARE_METAL,
    DELETE,
    DEPRECATE,
    EXPORT_JOB,
    IMAGE,
    INSTANCE,
    OBSOLETE,
    SCHEDULE,
    TEMPLATE,
    VERSION,
    VERSION_IMPORT,
    Attempt,
    CatalogDeletion,
    Facts,
    GroupCreation,
    ImageFact,
    ImageRead,
    ImageUse,
    NameLookup,
    Place,
    VersionFact,
    crn_of,
    text_of,
)
from kunsthalle.transcripts.models import NOBODY, OPERATOR, Call, Transcript

_OK, _REFUSED, _FORBIDDEN, _ABSENT = 200, 400, 403, 404
_CATALOGS = "/api/v1-beta"
_STEPS = {"deprecate": DEPRECATE, "obsolete": OBSOLETE}
_DATES = ("deprecation_at", "obsolescence_at")


def collect(facts: Facts, transcript: Transcript) -> None:
    """Add what the calls of a transcript say, in their order."""
    collected = _Collector(facts)
    for number, call in enumerate(transcript.calls, 1):
        if not call.fault and call.caller not in {OPERATOR, NOBODY}:
            collected.add(number, call)


class _Collector:
    """Goes through the calls, and remembers what they have shown."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._images: dict[str, ImageFact] = {}
        self._versions: dict[str, VersionFact] = {}
        self._by_catalog: set[str] = set()
        """The ids of templates that name a catalog."""
        self._routes: tuple[tuple[str, re.Pattern[str], Callable[[Place, Call, str], None]], ...] = (
            ("GET", re.compile(r"/v1/images"), self._list_images),
            ("GET", re.compile(r"/v1/images/([^/]+)"), self._read_image),
            ("DELETE", re.compile(r"/v1/images/([^/]+)"), self._delete_image),
            ("PATCH", re.compile(r"/v1/images/([^/]+)"), self._change_image),
            ("POST", re.compile(r"/v1/images/[^/]+/(deprecate|obsolete)"), self._step_image),
            ("POST", re.compile(r"/v1/images/([^/]+)/export_jobs"), self._export),
            ("POST", re.compile(r"/v1/instances"), self._instance),
            ("POST", re.compile(r"/v1/instance/templates"), self._template),
            ("POST", re.compile(r"/v1/instance_groups"), self._group),
            ("POST", re.compile(r"/v1/bare_metal_servers"), self._bare_metal),
            ("PUT", re.compile(r"/v1/bare_metal_servers/[^/]+/initialization"), self._bare_metal),
            ("POST", re.compile(rf"{_CATALOGS}/catalogs/[^/]+/offerings/([^/]+)/version"), self._import_version),
            ("DELETE", re.compile(rf"{_CATALOGS}/versions/([^/]+)"), self._delete_version),
            ("DELETE", re.compile(rf"{_CATALOGS}/catalogs/[^/]+/offerings/([^/]+)"), self._delete_offering),
            ("DELETE", re.compile(rf"{_CATALOGS}/catalogs/([^/]+)"), self._delete_catalog),
            ("POST", re.compile(r"/v1/reclamations/[^/]+/actions/(restore)"), self._restore_catalog),
        )

    def add(self, number: int, call: Call) -> None:
        """Add what one call says."""
        place = Place(self._facts.file, f"call {number}, {call.method} {call.path}", line=call.line)
        for method, path, read in self._routes:
            match = path.fullmatch(call.path)
            if method == call.method and match:
                read(place, call, match[1] if match.groups() else "")
        if _OK <= call.status < _REFUSED:
            self._answer(place, call)

    def _answer(self, place: Place, call: Call) -> None:
        """Remember what an answer shows, as it is from now on."""
        shown = Facts(self._facts.file, "")
        answer_facts.collect(shown, call.response_document, Place(place.file, "", (), place.line))
        for image in shown.images:
            self._images[image.id] = replace(image, place=place)
        for version in shown.versions:
            self._versions[version.crn] = replace(version, place=place)
        for use in shown.uses:
            self._facts.uses.append(replace(use, place=place, shown=True))
            self._templates(use, call)
        self._facts.images += [self._images[shown_image.id] for shown_image in shown.images]
        self._facts.versions += [self._versions[shown_version.crn] for shown_version in shown.versions]

    def _templates(self, use: ImageUse, call: Call) -> None:
        id_ = text_of(call.response_document, "id")
        if use.by == TEMPLATE and use.by_catalog and id_:
            self._by_catalog.add(id_)

    def _list_images(self, place: Place, call: Call, _id: str) -> None:
        name = call.query.get("name", "")
        if name and call.status == _OK:
            document = call.response_document
            images = document.get("images") if isinstance(document, dict) else None
            ids = tuple(text_of(image, "id") for image in images) if isinstance(images, list) else ()
            lookup = NameLookup(place, name, call.caller, "visibility" in call.query, ids)
            self._facts.lookups.append(lookup)

    def _read_image(self, place: Place, call: Call, id_: str) -> None:
        if call.status == _ABSENT:
            self._facts.reads.append(ImageRead(place, id_, call.caller, call.status))

    def _attempt(self, place: Place, call: Call, verb: str, kind: str, id_: str) -> None:
        if call.status >= _REFUSED:
            answer = text_of(_first_error(call.response_document), "message")
            code = text_of(_first_error(call.response_document), "code")
            attempt = Attempt(place, verb, kind, id_, call.caller, call.status, f"{code}: {answer}".strip(": "))
            self._facts.attempts.append(attempt)

    def _delete_image(self, place: Place, call: Call, id_: str) -> None:
        self._attempt(place, call, DELETE, IMAGE, id_)

    def _change_image(self, place: Place, call: Call, id_: str) -> None:
        body = call.request_document
        if isinstance(body, dict) and any(name in body for name in _DATES):
            self._attempt(place, call, SCHEDULE, IMAGE, id_)

    def _step_image(self, place: Place, call: Call, step: str) -> None:
        self._attempt(place, call, _STEPS[step], IMAGE, call.path.split("/")[3])

    def _use(self, place: Place, call: Call, by: str, request: Any) -> None:
        if not isinstance(request, dict):
            return
        use = use_of(request, by, "image", call.caller, place, call.status)
        if use.by_catalog or use.image_id:
            image, version = self._images.get(use.image_id), self._versions.get(use.version_crn)
            self._facts.uses.append(replace(use, place=place, requested=True, seen_image=image, seen_version=version))

    def _instance(self, place: Place, call: Call, _id: str) -> None:
        self._use(place, call, INSTANCE, call.request_document)

    def _template(self, place: Place, call: Call, _id: str) -> None:
        self._use(place, call, TEMPLATE, call.request_document)

    def _bare_metal(self, place: Place, call: Call, _id: str) -> None:
        body = call.request_document
        if isinstance(body, dict):
            self._use(place, call, BARE_METAL, body.get("initialization", body))

    def _export(self, place: Place, call: Call, id_: str) -> None:
        self._use(place, call, EXPORT_JOB, {"image": {"id": id_}})

    def _import_version(self, place: Place, call: Call, _id: str) -> None:
        body = call.request_document
        metadata = body.get("metadata") if isinstance(body, dict) else None
        images = metadata.get("images") if isinstance(metadata, dict) else None
        for image in images if isinstance(images, list) else ():
            self._use(place, call, VERSION_IMPORT, {"image": image})

    def _group(self, place: Place, call: Call, _id: str) -> None:
        template = text_of(call.request_document, "instance_template", "id")
        if call.status == _FORBIDDEN and template in self._by_catalog:
            self._facts.groups.append(GroupCreation(place, refused=True))

    def _delete_version(self, place: Place, call: Call, locator: str) -> None:
        self._attempt(place, call, DELETE, VERSION, locator)
        if _OK <= call.status < _REFUSED:
            self._forget(lambda version: version.crn.endswith(f"/{locator.rpartition('.')[2]}"))

    def _delete_offering(self, _place: Place, call: Call, id_: str) -> None:
        if _OK <= call.status < _REFUSED:
            self._forget(lambda version: f":version:{id_}/" in version.crn)

    def _forget(self, is_gone: Callable[[VersionFact], bool]) -> None:
        for crn in [crn for crn, version in self._versions.items() if is_gone(version)]:
            del self._versions[crn]

    def _delete_catalog(self, place: Place, call: Call, id_: str) -> None:
        if not _OK <= call.status < _REFUSED:
            return
        images = {
            image for version in self._versions.values() if _catalog_of(version) == id_ for image in version.image_ids
        }
        self._facts.catalog_deletions.append(CatalogDeletion(place, id_, done=True, keeps=tuple(sorted(images))))

    def _restore_catalog(self, _place: Place, call: Call, _step: str) -> None:
        id_ = text_of(call.response_document, "entity_id")
        catalog_deletions = [
            catalog_deletion for catalog_deletion in self._facts.catalog_deletions if catalog_deletion.catalog_id != id_
        ]
        self._facts.catalog_deletions[:] = catalog_deletions


def _catalog_of(version: VersionFact) -> str:
    crn = crn_of(version.crn)
    return crn.instance if crn else ""


def _first_error(document: Any) -> Any:
    errors = document.get("errors") if isinstance(document, dict) else None
    return errors[0] if isinstance(errors, list) and errors else {}
