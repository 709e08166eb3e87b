"""What Terraform's resources say about images and catalogs: attributes as the provider IBM-Cloud/ibm has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from kunsthalle.automation_checks.facts import (
    BARE_METAL,
    CATALOG_SERVICE,
    DELETE,
    DEPRECATE,
    EXPORT_JOB,
    IMAGE,
    INSTANCE,
    OBSOLETE,
    SCHEDULE,
    SNAPSHOT,
    TEMPLATE,
    VERSION_IMPORT,
    VOLUME,
    Attempt,
    CatalogDeletion,
    Facts,
    GroupCreation,
    ImageFact,
    ImageRead,
    ImageUse,
    NameLookup,
    Place,
    Steps,
    TemplateDeletion,
    VersionDeletion,
    VersionFact,
    account_of,
    crn_of,
    text_of,
)
from kunsthalle.automation_checks.terraform_documents import Doc, Resource, block_of, references, without_index

_IMAGE_ID = re.compile(r"r\d{3}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PUBLISHED = ("consumable", "prerelease")
_USES = {
    "ibm_is_instance": INSTANCE,
    "ibm_is_instance_template": TEMPLATE,
    "ibm_is_bare_metal_server": BARE_METAL,
    "ibm_is_bare_metal_server_initialization": BARE_METAL,
    "ibm_is_image_export_job": EXPORT_JOB,
    "ibm_is_volume": VOLUME,
    "ibm_is_snapshot": SNAPSHOT,
}
_LIFE = {"ibm_is_image_deprecate": DEPRECATE, "ibm_is_image_obsolete": OBSOLETE}
_DATES = ("deprecation_at", "obsolescence_at")


def collect(facts: Facts, resources: list[Resource], own: str) -> None:
    """Add what resources say to the facts of their file. `own`: the account that the user says is theirs."""
    for resource in resources:
        account = _account(resource)
        if account:
            facts.accounts.add(account)
    collected = _Collector(facts, resources, own or facts.account)
    for resource in resources:
        collected.add(resource)


def _account(resource: Resource) -> str:
    """The account in the CRN of a VPC resource. Images count only where they are private: others may be anybody's."""
    crn = crn_of(resource.values.get("crn")) or crn_of(resource.before.get("crn"))
    if crn is None or crn.service != "is":
        return ""
    if crn.type == "image" and resource.data and text_of(resource.values, "visibility") != "private":
        return ""
    return crn.account


class _Collector:
    """Goes through the resources of one file; some are understood only with others."""

    def __init__(self, facts: Facts, resources: list[Resource], own: str) -> None:
        self._facts, self._resources, self._own = facts, resources, own
        self._masked = {
            resource.block: resource
            for resource in resources
            if resource.type == "ibm_is_instance" and self._runs_foreign(resource)
        }

    def add(self, resource: Resource) -> None:
        """Add what one resource says."""
        if resource.type in _USES:
            self._use(resource, _USES[resource.type])
        elif resource.type in _LIFE and resource.created:
            image = text_of(resource.values, "image")
            self._attempt(resource, _LIFE[resource.type], image)
        known: dict[str, Callable[[Resource], None]] = {
            "ibm_is_image": self._image,
            "ibm_is_images": self._images,
            "ibm_is_instances": self._instances,
            "ibm_cm_version": self._version,
            "ibm_cm_offering": self._offering,
            "ibm_cm_catalog": self._catalog,
            "ibm_is_instance_group": self._group,
        }
        if resource.type in known:
            known[resource.type](resource)

    def _place(self, resource: Resource, *steps: str | int) -> Place:
        return Place(self._facts.file, resource.address, (*resource.steps, *steps))

    def _account(self, resource: Resource) -> str:
        return _account(resource) or self._own

    def _runs_foreign(self, resource: Resource) -> bool:
        owner = account_of(_offering_of(resource.values).get("version_crn"))
        return bool(owner and self._account(resource) and owner != self._account(resource))

    def _masked_source(self, resource: Resource, argument: str) -> str:
        """The block of the module that runs a foreign image, which an argument takes the image of."""
        for reference in references(resource.expressions.get(argument)):
            address, _, attribute = reference.rpartition(".")
            source = self._masked.get(resource.module + without_index(address))
            if attribute == "image" and source is not None:
                return source.block
        return ""

    def _use(self, resource: Resource, by: str) -> None:
        values, image = resource.values, "source_image" if by == SNAPSHOT else "image"
        if resource.actions == ("delete",):
            return
        offering = _offering_of(values)
        configured = _first(resource.expressions.get("catalog_offering"))
        version = text_of(offering, "version_crn")
        offering_crn = text_of(offering, "offering_crn")
        unpinned = bool(offering_crn) and not version
        if configured:  # values may be unknown yet, or the version that was booted; the configuration is what was meant
            unpinned = unpinned or (bool(configured.get("offering_crn")) and not configured.get("version_crn"))
        constant = text_of(_dict(resource.expressions.get(image)), "constant_value")
        self._facts.uses.append(
            ImageUse(
                self._place(resource, "catalog_offering" if version or unpinned else image),
                by,
                self._account(resource),
                image_id=text_of(values, image),
                version_crn=version,
                offering_crn=offering_crn,
                unpinned=unpinned and by in {INSTANCE, TEMPLATE} and not resource.data,
                hard_coded=bool(_IMAGE_ID.fullmatch(constant)),
                masked_source="" if resource.data else self._masked_source(resource, image),
                requested=resource.created or _moves(resource, image),
            )
        )

    def _image(self, resource: Resource) -> None:
        if resource.data:
            self._looked_up(resource)
            return
        if resource.before:
            self._image_fact(resource, resource.before, resource.steps, declared=True)
        image = text_of(resource.before, "id")
        if resource.deleted:
            self._attempt(resource, DELETE, image)
        elif resource.actions == ("update",):
            if any(_moves(resource, name) for name in _DATES):
                self._attempt(resource, SCHEDULE, image)
            for flag, verb in (("deprecate", DEPRECATE), ("obsolete", OBSOLETE)):
                if resource.values.get(flag) is True and resource.before.get(flag) is not True:
                    self._attempt(resource, verb, image)

    def _looked_up(self, resource: Resource) -> None:
        values = resource.values
        if text_of(values, "id"):
            self._image_fact(resource, values, resource.steps)
        source = self._masked_source(resource, "identifier")
        identifier = text_of(values, "identifier")
        if identifier or source or resource.expressions.get("identifier"):
            place = self._place(resource, "identifier")
            if resource.actions or source:
                read = ImageRead(place, identifier, self._account(resource), masked_source=source)
                self._facts.reads.append(read)
            return
        by_visibility = ("visibility" in resource.expressions) if resource.expressions else None
        self._look_up(resource, by_visibility, tuple(filter(None, [text_of(values, "id")])))

    def _look_up(self, resource: Resource, visibility_given: bool | None, ids: tuple[str, ...]) -> None:
        name = text_of(resource.values, "name")
        if name:
            place = self._place(resource, "name")
            lookup = NameLookup(place, name, self._account(resource), visibility_given, ids)
            self._facts.lookups.append(lookup)

    def _images(self, resource: Resource) -> None:
        shown = list(_dicts(resource.values.get("images")))
        for number, image in enumerate(shown):
            self._image_fact(resource, image, (*resource.steps, "images", number), declared=True)
        if resource.data and text_of(resource.values, "name"):
            by_visibility = bool(text_of(resource.values, "visibility"))
            self._look_up(resource, by_visibility, tuple(text_of(image, "id") for image in shown))

    def _image_fact(self, resource: Resource, values: Doc, steps: Steps, *, declared: bool = False) -> None:
        catalog = _first(values.get("catalog_offering"))
        fact = ImageFact(
            Place(self._facts.file, resource.address, steps),
            text_of(values, "id"),
            account_of(values.get("crn")),
            text_of(values, "name"),
            text_of(values, "status"),
            text_of(values, "visibility"),
            managed=catalog.get("managed") is True,
            version_crn=text_of(_first(catalog.get("version")), "crn"),
            deprecation_at=text_of(values, "deprecation_at"),
            obsolescence_at=text_of(values, "obsolescence_at"),
            declared=declared,
        )
        self._facts.images.append(fact)

    def _instances(self, resource: Resource) -> None:
        for number, values in enumerate(_dicts(resource.values.get("instances"))):
            place = Place(
                self._facts.file, f"{resource.address}.instances[{number}]", (*resource.steps, "instances", number)
            )
            version = text_of(_offering_of(values), "version_crn")
            account = account_of(values.get("crn")) or self._own
            self._facts.uses.append(
                ImageUse(place, INSTANCE, account, image_id=text_of(values, "image"), version_crn=version)
            )

    def _version(self, resource: Resource) -> None:
        before, values = resource.before, resource.values
        if text_of(before, "crn"):
            self._facts.versions.append(_version_fact(self._place(resource), before, declared=not resource.data))
        if resource.data:
            return
        if resource.deleted:
            crn, state = text_of(before, "crn"), text_of(_first(before.get("state")), "current")
            others = self._others_published(crn)
            deletion = VersionDeletion(self._place(resource), crn, state in _PUBLISHED, others)
            self._facts.version_deletions.append(deletion)
        if resource.actions != ("delete",):
            for image in _dicts(_first(values.get("import_metadata")).get("images")):
                place = self._place(resource, "import_metadata")
                id_ = text_of(image, "id")
                source = self._masked_source(resource, "import_metadata")
                account = account_of(before.get("crn")) or self._own
                use = ImageUse(place, VERSION_IMPORT, account, image_id=id_, masked_source=source)
                self._facts.uses.append(replace(use, requested=resource.created))

    def _others_published(self, crn: str) -> tuple[str, ...] | None:
        """The published versions that an offering keeps when the plan is carried out; None without its list."""
        parsed = crn_of(crn)
        offering = parsed.resource.partition("/")[0] if parsed else ""
        listed = [
            _version_fact(self._place(resource), version)
            for resource in self._resources
            if resource.type == "ibm_cm_offering" and offering and text_of(resource.before, "id").endswith(offering)
            for kind in _dicts(resource.before.get("kinds"))
            for version in _dicts(kind.get("versions"))
        ]
        if crn not in {version_fact.crn for version_fact in listed}:
            return None
        gone = {
            text_of(resource.before, "crn")
            for resource in self._resources
            if resource.type == "ibm_cm_version" and resource.deleted
        }
        return tuple(
            version_fact.crn
            for version_fact in listed
            if version_fact.state in _PUBLISHED and version_fact.crn not in gone
        )

    def _offering(self, resource: Resource) -> None:
        if resource.deleted:
            self._facts.deleted_offerings.add(text_of(resource.before, "crn"))
        for kind in _dicts(resource.before.get("kinds")):
            for version in _dicts(kind.get("versions")):
                if text_of(version, "crn"):
                    self._facts.versions.append(_version_fact(self._place(resource), version, declared=True))

    def _catalog(self, resource: Resource) -> None:
        if resource.deleted:
            catalog = text_of(resource.before, "id")
            self._facts.catalog_deletions.append(CatalogDeletion(self._place(resource), catalog))

    def _group(self, resource: Resource) -> None:
        if resource.data or resource.actions == ("delete",):
            return
        templates = {
            block_of(other.block): other
            for other in self._resources
            if other.type == "ibm_is_instance_template" and not other.data and other.module == resource.module
        }
        named = references(resource.expressions.get("instance_template"))
        own_templates = [
            templates[reference.removesuffix(".id")]
            for reference in named
            if reference.removesuffix(".id") in templates
        ]
        if resource.created and any(_has_catalog(own_template) for own_template in own_templates):
            self._unordered(resource)
        template_before = text_of(resource.before, "instance_template")
        for template in self._resources:
            replaced = template.actions in {("delete",), ("delete", "create")}
            is_of_group = bool(template_before) and text_of(template.before, "id") == template_before
            if template.type == "ibm_is_instance_template" and replaced and is_of_group and not resource.created:
                self._facts.template_deletions.append(TemplateDeletion(self._place(template), resource.address))

    def _unordered(self, group: Resource) -> None:
        """Note an authorization that is created with the group and that the group does not wait for."""
        policies = [
            resource for resource in self._resources if resource.module == group.module and _is_authorization(resource)
        ]
        if not policies or not all(policy.created for policy in policies):
            return
        waits = self._waits_for(group, {block_of(group.block)})
        if group.module or any(wait.startswith(("module.", "local.")) for wait in waits):
            return  # what modules and locals lead to is not followed
        if not waits & {block_of(policy.block) for policy in policies}:
            self._facts.groups.append(GroupCreation(self._place(group), policies[0].address))

    def _waits_for(self, resource: Resource, seen: set[str]) -> set[str]:
        """All that a resource depends on, directly or not."""
        named = [*references(resource.expressions), *resource.depends_on]
        for name in named:
            address = name if name.startswith(("module.", "local.")) else block_of(_resource_part(name))
            if address in seen:
                continue
            seen.add(address)
            for other in self._resources:
                if other.module == resource.module and block_of(other.block) == address:
                    self._waits_for(other, seen)
        return seen

    def _attempt(self, resource: Resource, verb: str, image: str) -> None:
        if image:
            self._facts.attempts.append(Attempt(self._place(resource), verb, IMAGE, image, self._account(resource)))


def _resource_part(reference: str) -> str:
    parts = without_index(reference).split(".")
    return ".".join(parts[: 3 if parts[0] == "data" else 2])


def _is_authorization(resource: Resource) -> bool:
    values = resource.values
    return (
        resource.type == "ibm_iam_authorization_policy"
        and text_of(values, "source_service_name") == "is"
        and text_of(values, "target_service_name") == CATALOG_SERVICE
    )


def _has_catalog(resource: Resource) -> bool:
    return bool(_offering_of(resource.values) or _first(resource.expressions.get("catalog_offering")))


def _moves(resource: Resource, name: str) -> bool:
    return bool(text_of(resource.values, name)) and resource.values.get(name) != resource.before.get(name)


def _version_fact(place: Place, values: Doc, *, declared: bool = True) -> VersionFact:
    shown = _first(_first(values.get("metadata")).get("vsi_vpc")) or _first(values.get("import_metadata"))
    return VersionFact(
        place,
        text_of(values, "crn"),
        text_of(values, "version"),
        text_of(_first(values.get("state")), "current"),
        text_of(_first(values.get("deprecate_pending")), "deprecate_date"),
        tuple(text_of(image, "id") for image in _dicts(shown.get("images"))),
        declared=declared,
    )


def _offering_of(values: Doc) -> Doc:
    return _first(values.get("catalog_offering"))


def _first(value: Any) -> Doc:
    """The only block of its type; an empty one where there is none."""
    return next(_dicts(value), {})


def _dict(value: Any) -> Doc:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> Iterator[Doc]:
    items: Iterable[Any] = value if isinstance(value, list) else ()
    return (item for item in items if isinstance(item, dict))
