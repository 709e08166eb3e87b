"""`is images` and what belongs to them (cli.md 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kunsthalle.core.disk_formats import EXPORTED, IMPORTED
from kunsthalle.ibmcloud.commands.profiles import INSTANCE_PROFILE
from kunsthalle.ibmcloud.commands.vpc_resources import BARE_METAL_PROFILE, IMAGE, OPERATING_SYSTEM, VOLUME
from kunsthalle.ibmcloud.grammar import Command, Flag, WrongUsage, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field, names, when
from kunsthalle.ibmcloud.resource_commands import (
    CREATED,
    NAME,
    Filter,
    Resource,
    changes,
    deletes,
    filled,
    group_of,
    lists,
    makes,
    place,
    reference,
    renames,
    shows,
)

EXPORT_JOB = Resource(
    "image export job",
    "image export jobs",
    "/v1/images/{}/export_jobs",
    "export_jobs",
    (
        ("ID", "id"),
        ("Name", "name"),
        ("Status", "status"),
        ("Format", "format"),
        ("Storage bucket", "storage_bucket.name"),
        ("Storage object", "storage_object.name"),
        CREATED,
    ),
    (
        ("ID", "id"),
        ("Name", "name"),
        ("Status", "status"),
        ("Status reasons", names("status_reasons", "message")),
        ("Format", "format"),
        ("Storage bucket", "storage_bucket.name"),
        ("Storage object", "storage_object.name"),
        ("Storage href", "storage_href"),
        CREATED,
        ("Started", when("started_at")),
        ("Completed", when("completed_at")),
    ),
    parents=(IMAGE,),
)

VERSIONS: tuple[Field, ...] = (
    ("Version", "version"),
    ("State", "state.current"),
    ("Version ID", "id"),
    ("Version CRN", "crn"),
)

ALLOWED_USE = (
    flag("au-api-version", "DATE", "API version of the allowed use.", also=("allowed-use-api-version",)),
    flag("au-bms", "EXPRESSION", "Bare metal servers that may use it.", also=("allowed-use-bare-metal-server",)),
    flag("au-ins", "EXPRESSION", "Instances that may use it.", also=("allowed-use-instance",)),
)
_DATES = (
    flag("deprecate-at", "TIME", "When the image is deprecated, ISO 8601."),
    flag("obsolete-at", "TIME", "When the image is obsolete, ISO 8601."),
)
_RESETS = (
    flag("reset-deprecate-at", text="Remove the date of deprecation."),
    flag("reset-obsolete-at", text="Remove the date of obsolescence."),
)
_FILTERS = (
    Filter("visibility", "visibility", text="Visibility.", or_all=True),
    Filter(
        "status",
        "status",
        "LIST",
        "Comma separated states, or 'all'; only available images otherwise.",  # 12.0.0 of the plug-in
        or_all=True,
        otherwise="available",
    ),
    Filter("user-data-format", "user_data_format", "LIST", "Comma separated formats of user data."),
    Filter(
        "remote-account-id",
        "remote.account.id",
        "provider|user|ACCOUNT_ID",
        "Account of the images.",
        words={"provider": "not:null", "user": "null"},
    ),
)


def allowed_use(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        api_version=options.get("au-api-version"),
        bare_metal_server=options.get("au-bms"),
        instance=options.get("au-ins"),
    )


def _prototype(run: Run) -> dict[str, Any]:
    options = run.given
    if options.has("file"):
        if not options.has("os-name"):
            raise WrongUsage("--os-name is required with --file")
        source = {"file": {"href": options.get("file")}, "operating_system": {"name": options.get("os-name")}}
    else:
        source = {"source_volume": reference(run, VOLUME, options.get("source-volume"))}
    key = options.get("encryption-key") or options.get("encryption-key-volume")
    return filled(
        name=options["NAME"],
        **source,
        encrypted_data_key=options.get("encrypted-data-key"),
        encryption_key={"crn": key} if key else None,
        allowed_use=allowed_use(run),
        resource_group=group_of(run),
        deprecation_at=options.get("deprecate-at"),
        obsolescence_at=options.get("obsolete-at"),
    )


def _change(run: Run) -> dict[str, Any]:
    options = run.given
    body = filled(
        name=options.get("name"),
        allowed_use=allowed_use(run),
        deprecation_at=options.get("deprecate-at"),
        obsolescence_at=options.get("obsolete-at"),
    )
    body |= {"deprecation_at": None} if options.get("reset-deprecate-at") else {}
    return body | ({"obsolescence_at": None} if options.get("reset-obsolete-at") else {})


def _retire(run: Run, verb: str) -> None:
    """`deprecate` and `obsolete` answer nothing: the image as it is then is shown."""
    ref = run.given["IMAGE"]
    run.progress(f"{verb.capitalize().removesuffix('e')}ing", f"image {ref}")
    path = place(run, IMAGE, ref)
    run.api.post(f"{path}/{verb}")
    run.detail(run.api.get(path), IMAGE.fields)


def _fitting(run: Run, path: str, profile: Resource) -> None:
    ref = run.given["IMAGE"]
    run.progress("Listing", f"{profile.nouns} for image {ref}")
    entries = run.api.listed(f"{place(run, IMAGE, ref)}/{path}", path)
    run.table(entries, (("Name", "name"), ("Resource type", "resource_type")), f"No {profile.nouns} were found.")


def _versions(offering: Any) -> list[Any]:
    kinds = [kind for kind in offering.get("kinds") or () if kind.get("format_kind") == "vsi-image"]
    return [version for kind in kinds for version in kind.get("versions") or ()]


def _latest(field: str) -> Callable[[Any], Any]:
    return lambda offering: max(_versions(offering), key=lambda version: version.get("created", ""))[field]


OFFERINGS: tuple[Field, ...] = (
    ("Offering ID", "id"),
    ("Name", "name"),
    ("Catalog ID", "catalog_id"),
    ("Offering CRN", "crn"),
    ("Latest version", _latest("version")),
    ("Version CRN", _latest("crn")),
)


def _offerings(run: Run) -> None:
    """Image offerings that this account may use; `latest` is the version made last."""
    run.progress("Listing", "catalog image offerings")
    entries = [entry for entry in run.api.listed("/api/v1-beta/offerings", "resources") if _versions(entry)]
    run.table(entries, OFFERINGS, "No catalog image offerings were found.")


def _offering(run: Run) -> None:
    from kunsthalle.ibmcloud.http_client import path_of

    catalog, offering = run.given["CATALOG"], run.given["OFFERING"]
    run.progress("Getting", f"catalog image offering {offering}")
    answer = run.api.get(path_of("/api/v1-beta/catalogs/{}/offerings/{}", catalog, offering))
    if run.json:
        run.print_json(answer)
        return
    run.detail(answer, (("ID", "id"), ("Name", "name"), ("Catalog ID", "catalog_id"), ("CRN", "crn")))
    run.terminal.lines([""])
    run.table(_versions(answer), VERSIONS, "No versions were found.")


def _command(words: str, summary: str, run: Any, takes: str = "", *flags: Flag, also: tuple[str, ...] = ()) -> Command:
    return Command(f"is {words}", summary, run, takes, flags, also)


_IMAGE_SOURCES = (
    flag("file", "COS_URL", f"cos://REGION/BUCKET/OBJECT of a {' or '.join(IMPORTED)} file."),
    flag("os-name", "NAME", "Name of the operating system."),
    flag("encrypted-data-key", "BASE64", "Wrapped key of an encrypted image file."),
    flag("encryption-key", "CRN", "CRN of the root key."),
    flag("source-volume", "VOLUME", "ID or name of the boot volume to make the image of."),
    flag("encryption-key-volume", "CRN", "CRN of the root key for an image from a volume."),
)
_ALONE = (("file", "source-volume"),)

COMMANDS = (
    lists(OPERATING_SYSTEM, "operating-systems"),
    shows(OPERATING_SYSTEM, "operating-system"),
    lists(IMAGE, "images", *_FILTERS, also=("is imgs",)),
    shows(IMAGE, "image", also=("is img",)),
    makes(
        IMAGE,
        "image-create",
        "NAME",
        *_IMAGE_SOURCES,
        *ALLOWED_USE,
        *_DATES,
        body=_prototype,
        alone=_ALONE,
        any_of=_ALONE,
        also=("is imgc",),
    ),
    changes(
        IMAGE,
        "image-update",
        NAME,
        *ALLOWED_USE,
        *_DATES,
        *_RESETS,
        body=_change,
        alone=(("deprecate-at", "reset-deprecate-at"), ("obsolete-at", "reset-obsolete-at")),
        also=("is imgu",),
    ),
    deletes(IMAGE, "image-delete", also=("is imgd",)),
    _command("image-deprecate", "Deprecate an image.", partial(_retire, verb="deprecate"), "IMAGE"),
    _command("image-obsolete", "Make an image obsolete.", partial(_retire, verb="obsolete"), "IMAGE"),
    lists(EXPORT_JOB, "image-export-jobs"),
    shows(EXPORT_JOB, "image-export-job"),
    makes(
        EXPORT_JOB,
        "image-export-job-create",
        "",
        flag("bucket", "BUCKET", "Name or CRN of the bucket.", required=True),
        flag("name", "NAME", "Name of the job."),
        flag("format", text="Format of the file.", choices=EXPORTED),
        body=lambda run: filled(
            name=run.given.get("name"),
            format=run.given.get("format"),
            storage_bucket={("crn" if str(bucket).startswith("crn:") else "name"): bucket}
            if (bucket := run.given.get("bucket"))
            else None,
        ),
    ),
    changes(EXPORT_JOB, "image-export-job-update", NAME, body=renames),
    deletes(EXPORT_JOB, "image-export-job-delete"),
    _command(
        "image-instance-profiles",
        "List the instance profiles that fit an image.",
        lambda run: _fitting(run, "instance_profiles", INSTANCE_PROFILE),
        "IMAGE",
    ),
    _command(
        "image-bare-metal-server-profiles",
        "List the bare metal server profiles that fit an image.",
        lambda run: _fitting(run, "bare_metal_server_profiles", BARE_METAL_PROFILE),
        "IMAGE",
    ),
    _command("catalog-image-offerings", "List the image offerings that this account may use.", _offerings),
    _command("catalog-image-offering", "View an image offering of a catalog.", _offering, "CATALOG OFFERING"),
)
