"""Every rule: the smallest input that shows it, and the nearest one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from kunsthalle.automation_checks.check_run import check
from kunsthalle.automation_checks.rules import RULES
from unit.automation_checks.documents import (
    CATALOG,
    FOREIGN_IMAGE,
    OFFERING,
    OTHER,
    OWN,
    OWN_IMAGE,
    Change,
    answer,
    by_catalog,
    call,
    crn,
    instance,
    offering_crn,
    plan,
    refers,
    state,
    transcript,
    version,
    version_crn,
)

_NAME = refers("var.name")
_CONSTANT = {"constant_value": OWN_IMAGE}
_SHOWN = {
    "id": "instance-1",
    "crn": crn("instance", "instance-1", "account-1"),
    "image": {"id": "image-1", "crn": crn("image", "image-1", "account-2"), "name": "golden"},
    "catalog_offering": {"version": {"crn": version_crn("account-2", "version-1")}},
}
"""An instance of account-1 that runs an image of account-2."""
_BOOTED = call("GET /v1/instances/instance-1", 200, _SHOWN)
_ABSENT = {"errors": [{"code": "not_found", "message": "The requested resource does not exist."}]}
_MANAGED = {"errors": [{"code": "image_managed_by_catalog", "message": "The image is managed by a private catalog."}]}
_BUSY = {"errors": [{"code": "image_in_use", "message": "An export of the image runs."}]}
_LAST = {"errors": [{"code": "conflict", "message": "Cannot delete the last published version."}]}
_OFFERING_LISTED = {
    "id": OFFERING,
    "crn": offering_crn(OWN),
    "kinds": [{"versions": [{"crn": version_crn(OWN), "state": [{"current": "consumable"}]}]}],
}
_ANOTHER_LISTED = {
    **_OFFERING_LISTED,
    "kinds": [
        {
            "versions": [
                {"crn": version_crn(OWN), "state": [{"current": "consumable"}]},
                {"crn": version_crn(OWN, "version-2"), "state": [{"current": "consumable"}]},
            ]
        }
    ],
}
_IMAGE_ANSWER = {"id": OWN_IMAGE, "crn": crn("image", OWN_IMAGE), "name": "golden", "visibility": "private"}
_VERSION_ANSWER = {"crn": version_crn(OWN), "version": "1.2.0", "state": {"current": "consumable"}}
_VERSION_IN_RUN = {
    "crn": version_crn("account-1", "version-1"),
    "state": {"current": "consumable"},
    "metadata": {"images": [{"id": "image-1"}]},
}
_PENDING = {"deprecate_pending": {"deprecate_date": "2030-01-01T00:00:00Z"}}
_POLICY = {"source_service_name": "is", "target_service_name": "globalcatalog-collection"}
_TEMPLATE = Change(
    "create", after={"catalog_offering": by_catalog()}, catalog_offering=[{"version_crn": refers("var.v")}]
)
_TEMPLATE_IN_RUN = {
    "id": "instance-template-1",
    "crn": crn("instance-template", "instance-template-1", "account-1"),
    "catalog_offering": {"version": {"crn": version_crn("account-2", "version-1")}},
}


def _deletion(offering: dict[str, object], **after: object) -> str:
    return plan(
        ibm_cm_offering__web=Change("no-op", before=offering, after=offering),
        ibm_cm_version__one=Change("delete", before=version(OWN_IMAGE, **after)),
    )


def _two_versions(second: str) -> str:
    return plan(
        ibm_cm_version__one=Change("create", after=version(OWN_IMAGE, id_="one")),
        ibm_cm_version__two=Change("create", after=version(second, id_="two")),
    )


def _group(*depends_on: str) -> str:
    return plan(
        ibm_iam_authorization_policy__catalogs=Change("create", after=_POLICY),
        ibm_is_instance_template__web=_TEMPLATE,
        ibm_is_instance_group__web=Change(
            "create",
            after={"name": "web"},
            depends_on=depends_on,
            instance_template=refers("ibm_is_instance_template.web.id", "ibm_is_instance_template.web"),
        ),
    )


def _image_deleted(**others: Change) -> str:
    image = {"id": OWN_IMAGE, "crn": crn("image", OWN_IMAGE), "catalog_offering": [{"managed": False}]}
    return plan(ibm_is_image__golden=Change("delete", before=image), **others)


def _template_of_group(*actions: str) -> str:
    template, group = {"id": "template-id"}, {"instance_template": "template-id"}
    return plan(
        ibm_is_instance_template__web=Change(*actions, before=template, after={}),
        ibm_is_instance_group__web=Change("update", before=group, after={}),
    )


def _of_masked(by: str, argument: str) -> str:
    """A resource or data source of a plan that takes its image from an instance."""
    source = refers("ibm_is_instance.web.image", "ibm_is_instance.web")
    web = Change("create", after={"catalog_offering": by_catalog()})
    actions = ("read",) if by.startswith("data") else ("create",)
    more = {by: Change(*actions, after={}, **{argument: source})}
    return plan(ibm_is_instance__web=web, **more)


def _of_own(by: str, argument: str) -> str:
    source = refers("ibm_is_instance.web.image", "ibm_is_instance.web")
    web = Change("create", after={"image": OWN_IMAGE})
    return plan(ibm_is_instance__web=web, **{by: Change("create", after={}, **{argument: source})})


CASES: list[tuple[str, str, str, str]] = [
    (
        "foreign-image",
        "a template that names what an instance was booted from",
        state(
            ibm_is_instance__web=instance(),
            ibm_is_instance_template__web={"crn": crn("instance-template", "t"), "image": FOREIGN_IMAGE},
        ),
        state(
            ibm_is_instance__web=instance(),
            ibm_is_instance_template__web={"crn": crn("instance-template", "t"), "image": OWN_IMAGE},
        ),
    ),
    (
        "foreign-image",
        "an instance that takes its image from another one",
        _of_masked("ibm_is_instance__copy", "image"),
        _of_own("ibm_is_instance__copy", "image"),
    ),
    (
        "foreign-image",
        "an export of what an instance was booted from",
        _of_masked("ibm_is_image_export_job__web", "image"),
        _of_own("ibm_is_image_export_job__web", "image"),
    ),
    (
        "foreign-image",
        "a request by id that was refused",
        transcript(_BOOTED, call("POST /v1/instances", 404, _ABSENT, {"image": {"id": "image-1"}})),
        transcript(_BOOTED, call("POST /v1/instances", 404, _ABSENT, {"image": {"id": "image-2"}})),
    ),
    (
        "foreign-image",
        "a request by CRN that was refused",
        transcript(
            _BOOTED,
            call(
                "POST /v1/instance/templates",
                404,
                _ABSENT,
                {"image": {"crn": crn("image", "image-1", "account-2")}},
            ),
        ),
        transcript(
            _BOOTED,
            call(
                "POST /v1/instance/templates",
                404,
                _ABSENT,
                {"image": {"crn": crn("image", "image-1", "account-2")}},
                more="* fault refuse fault-1\n",
            ),
        ),
    ),
    (
        "masked-image",
        "an instance in a state",
        state(ibm_is_instance__web=instance()),
        state(ibm_is_instance__web=instance(catalog_offering=by_catalog(OWN))),
    ),
    (
        "masked-image",
        "an instance as the SDK has it",
        answer(_SHOWN),
        answer({**_SHOWN, "catalog_offering": None}),  # a public image has a foreign CRN, too
    ),
    (
        "masked-image",
        "a boot volume in a list",
        answer(
            {
                "volumes": [
                    {
                        "crn": crn("volume", "v"),
                        "source_image": {"id": FOREIGN_IMAGE},
                        "catalog_offering": {"version": {"crn": version_crn()}},
                    }
                ]
            }
        ),
        answer({"volumes": [{"crn": crn("volume", "v"), "source_image": {"id": FOREIGN_IMAGE}}]}),
    ),
    (
        "masked-image-read",
        "a look-up that was answered with 404",
        transcript(_BOOTED, *[call("GET /v1/images/image-1", 404, _ABSENT)] * 2),
        transcript(_BOOTED, call("GET /v1/images/image-2", 404, _ABSENT)),  # absent, and nobody knows more
    ),
    (
        "masked-image-read",
        "a data source that takes the id from an instance",
        _of_masked("data__ibm_is_image__web", "identifier"),
        _of_own("data__ibm_is_image__web", "identifier"),
    ),
    (
        "ambiguous-image-name",
        "a name that an image has which an instance shows",
        transcript(_BOOTED, call("GET /v1/images?name=golden&visibility=private", 200, {"images": []})),
        transcript(_BOOTED, call("GET /v1/images?name=silver&visibility=private", 200, {"images": []})),
    ),
    (
        "ambiguous-image-name",
        "a name that leads to two images",
        transcript(call("GET /v1/images?name=golden", 200, {"images": [{"id": "image-1"}, {"id": "image-2"}]})),
        transcript(call("GET /v1/images?name=golden", 200, {"images": [{"id": "image-1"}]})),
    ),
    (
        "ambiguous-image-name",
        "a data source that lists by name",
        state(data__ibm_is_images__golden={"name": "golden", "images": [{"id": OWN_IMAGE}, {"id": FOREIGN_IMAGE}]}),
        state(data__ibm_is_images__golden={"name": "golden", "images": [{"id": OWN_IMAGE}]}),
    ),
    (
        "image-name-without-visibility",
        "a data source",
        plan(data__ibm_is_image__golden=Change(before={"id": OWN_IMAGE, "name": "golden"}, name=_NAME)),
        plan(
            data__ibm_is_image__golden=Change(
                before={"id": OWN_IMAGE, "name": "golden"}, name=_NAME, visibility={"constant_value": "private"}
            )
        ),
    ),
    (
        "image-name-without-visibility",
        "a list",
        transcript(*[call("GET /v1/images?name=golden", 200, {"images": [{"id": "image-1"}]})] * 2),
        transcript(call("GET /v1/images?name=golden&visibility=private", 200, {"images": [{"id": "image-1"}]})),
    ),
    (
        "hard-coded-image-id",
        "an instance",
        plan(ibm_is_instance__web=Change("create", after={"image": OWN_IMAGE}, image=_CONSTANT)),
        plan(ibm_is_instance__web=Change("create", after={"image": OWN_IMAGE}, image=refers("var.image"))),
    ),
    (
        "unpinned-version",
        "a template in a state",
        state(
            ibm_is_instance_template__web={"catalog_offering": [{"offering_crn": offering_crn(), "version_crn": ""}]}
        ),
        state(ibm_is_instance_template__web={"catalog_offering": by_catalog()}),
    ),
    (
        "unpinned-version",
        "an instance of a plan, which shows the version that was booted",
        plan(
            ibm_is_instance__web=Change(
                "no-op", before=instance(), after=instance(), catalog_offering=[{"offering_crn": refers("var.o")}]
            )
        ),
        plan(
            ibm_is_instance__web=Change(
                "no-op", before=instance(), after=instance(), catalog_offering=[{"version_crn": refers("var.v")}]
            )
        ),
    ),
    (
        "unpinned-version",
        "a request",
        transcript(call("POST /v1/instances", 201, None, {"catalog_offering": {"offering": {"crn": offering_crn()}}})),
        transcript(call("POST /v1/instances", 201, None, {"catalog_offering": {"version": {"crn": version_crn()}}})),
    ),
    (
        "deprecated-image",
        "an image that an SDK was shown",
        answer({**_IMAGE_ANSWER, "status": "deprecated"}),
        answer({**_IMAGE_ANSWER, "status": "available"}),
    ),
    (
        "deprecated-image",
        "a version that is being deprecated",
        answer({**_VERSION_ANSWER, **_PENDING}),
        answer(_VERSION_ANSWER),
    ),
    (
        "deprecated-image",
        "a data source with a date to come",
        state(
            data__ibm_is_image__web={
                "id": OWN_IMAGE,
                "identifier": OWN_IMAGE,
                "obsolescence_at": "2030-01-01T00:00:00Z",
            }
        ),
        state(ibm_is_image__web={"id": OWN_IMAGE, "obsolescence_at": "2030-01-01T00:00:00Z"}),  # its owner's own wish
    ),
    (
        "deprecated-image",
        "a request by a version that an answer had shown before",
        transcript(
            call("GET /api/v1-beta/versions/v", 200, {**_VERSION_IN_RUN, **_PENDING}),
            call("POST /v1/instances", 201, None, {"catalog_offering": {"version": {"crn": _VERSION_IN_RUN["crn"]}}}),
        ),
        transcript(
            call("POST /v1/instances", 201, None, {"catalog_offering": {"version": {"crn": _VERSION_IN_RUN["crn"]}}}),
            call("GET /api/v1-beta/versions/v", 200, {**_VERSION_IN_RUN, **_PENDING}),
        ),
    ),
    (
        "obsolete-image",
        "an image that an SDK was shown",
        answer({**_IMAGE_ANSWER, "status": "obsolete"}),
        answer({**_IMAGE_ANSWER, "status": "deprecated"}),
    ),
    (
        "obsolete-image",
        "a version that an SDK was shown",
        answer({**_VERSION_ANSWER, "state": {"current": "deprecated"}}),
        answer({"versions": [{**_VERSION_ANSWER, "state": {"current": "deprecated"}}]}),  # a list has old ones, too
    ),
    (
        "deprecated-image",
        "an image of a list",
        answer({"images": [{**_IMAGE_ANSWER, "status": "deprecated"}]}),
        answer({"images": [{**_IMAGE_ANSWER, "status": "deprecated", "visibility": "public"}]}),
    ),
    (
        "deprecated-image",
        "an image that an instance of the state uses, of those that a data source lists",
        state(
            data__ibm_is_images__all={"images": [{"id": OWN_IMAGE, "status": "deprecated"}]},
            ibm_is_instance__web={"crn": crn("instance", "i"), "image": OWN_IMAGE},
        ),
        state(
            data__ibm_is_images__all={"images": [{"id": OWN_IMAGE, "status": "deprecated"}]},
            ibm_is_instance__web={"crn": crn("instance", "i"), "image": FOREIGN_IMAGE},
        ),
    ),
    (
        "obsolete-image",
        "an instance whose version is archived",
        state(
            ibm_is_instance__web=instance(OWN_IMAGE, catalog_offering=by_catalog(OWN)),
            ibm_cm_version__one=version(OWN_IMAGE, state="deprecated"),
        ),
        state(
            ibm_is_instance__web=instance(OWN_IMAGE, catalog_offering=by_catalog(OWN)),
            ibm_cm_version__one=version(OWN_IMAGE, state="consumable"),
        ),
    ),
    (
        "gone-version",
        "a request after the deletion of the catalog",
        transcript(
            call(f"DELETE /api/v1-beta/catalogs/{CATALOG}", 200),
            call("POST /v1/instances", 404, _ABSENT, {"catalog_offering": {"version": {"crn": version_crn()}}}),
        ),
        transcript(
            call("POST /v1/instances", 404, _ABSENT, {"catalog_offering": {"version": {"crn": version_crn()}}}),
            call(f"DELETE /api/v1-beta/catalogs/{CATALOG}", 200),
        ),
    ),
    (
        "managed-image-delete",
        "a deletion without that of the version",
        _image_deleted(ibm_cm_version__one=Change("no-op", before=version(OWN_IMAGE), after=version(OWN_IMAGE))),
        _image_deleted(ibm_cm_version__one=Change("delete", before=version(OWN_IMAGE, state="new"))),
    ),
    (
        "managed-image-delete",
        "a deletion with that of another offering",
        _image_deleted(
            ibm_cm_version__one=Change("no-op", before=version(OWN_IMAGE), after=version(OWN_IMAGE)),
            ibm_cm_offering__web=Change("delete", before={"crn": offering_crn(OTHER)}),
        ),
        _image_deleted(
            data__ibm_cm_version__one=Change(before=version(OWN_IMAGE)),
            ibm_cm_offering__web=Change("delete", before={"crn": offering_crn(OWN)}),
        ),
    ),
    (
        "managed-image-delete",
        "a deletion that was refused",
        transcript(call("DELETE /v1/images/image-1", 409, _MANAGED)),
        transcript(call("DELETE /v1/images/image-1", 409, _BUSY)),
    ),
    (
        "managed-image-change",
        "a resource that deprecates",
        plan(
            ibm_cm_version__one=Change("no-op", before=version(OWN_IMAGE), after=version(OWN_IMAGE)),
            ibm_is_image_deprecate__golden=Change("create", after={"image": OWN_IMAGE}),
        ),
        plan(
            ibm_cm_version__one=Change("no-op", before=version(OWN_IMAGE), after=version(OWN_IMAGE)),
            ibm_is_image_deprecate__golden=Change("create", after={"image": FOREIGN_IMAGE}),
        ),
    ),
    (
        "managed-image-change",
        "a date",
        plan(
            ibm_cm_version__one=Change("no-op", before=version(OWN_IMAGE), after=version(OWN_IMAGE)),
            ibm_is_image__golden=Change(
                "update", before={"id": OWN_IMAGE}, after={"id": OWN_IMAGE, "deprecation_at": "2030-01-01T00:00:00Z"}
            ),
        ),
        plan(
            ibm_cm_version__one=Change("no-op", before=version(OWN_IMAGE), after=version(OWN_IMAGE)),
            ibm_is_image__golden=Change("update", before={"id": OWN_IMAGE}, after={"id": OWN_IMAGE, "name": "other"}),
        ),
    ),
    (
        "managed-image-change",
        "steps that were refused",
        transcript(call("POST /v1/images/image-1/obsolete", 409, _MANAGED)),
        transcript(call("POST /v1/images/image-1/obsolete", 204)),
    ),
    (
        "managed-image-on-bare-metal",
        "a server of a plan",
        plan(
            ibm_cm_version__one=Change("no-op", before=version(OWN_IMAGE), after=version(OWN_IMAGE)),
            ibm_is_bare_metal_server__metal=Change("create", after={"image": OWN_IMAGE}),
        ),
        plan(
            ibm_cm_version__one=Change("no-op", before=version(OWN_IMAGE), after=version(OWN_IMAGE)),
            ibm_is_bare_metal_server__metal=Change("create", after={"image": FOREIGN_IMAGE}),
        ),
    ),
    (
        "managed-image-on-bare-metal",
        "a request that was refused",
        transcript(
            call("GET /api/v1-beta/versions/v", 200, _VERSION_IN_RUN),
            call("POST /v1/bare_metal_servers", 400, _BUSY, {"initialization": {"image": {"id": "image-1"}}}),
        ),
        transcript(
            call("POST /v1/bare_metal_servers", 400, _BUSY, {"initialization": {"image": {"id": "image-1"}}}),
            call("GET /api/v1-beta/versions/v", 200, _VERSION_IN_RUN),
        ),
    ),
    ("image-in-two-versions", "two versions of a plan", _two_versions(OWN_IMAGE), _two_versions(FOREIGN_IMAGE)),
    (
        "image-in-two-versions",
        "a version beside the one that has the image",
        plan(
            ibm_cm_version__one=Change("no-op", before=version(OWN_IMAGE), after=version(OWN_IMAGE)),
            ibm_cm_version__two=Change("create", after=version(OWN_IMAGE, id_="two")),
        ),
        plan(
            ibm_cm_version__one=Change(
                "delete", "create", before=version(OWN_IMAGE, state="new"), after=version(OWN_IMAGE)
            ),
        ),
    ),
    (
        "last-published-version-delete",
        "a version that the offering lists alone",
        _deletion(_OFFERING_LISTED),
        _deletion(_ANOTHER_LISTED),
    ),
    (
        "last-published-version-delete",
        "a version that is published",
        _deletion(_OFFERING_LISTED),
        _deletion(_OFFERING_LISTED, state="validated"),
    ),
    (
        "last-published-version-delete",
        "a deletion that was refused",
        transcript(call("DELETE /api/v1-beta/versions/catalog-1.version-1", 409, _LAST)),
        transcript(call("DELETE /api/v1-beta/versions/catalog-1.version-1", 409, _BUSY)),
    ),
    (
        "catalog-delete-keeps-images",
        "a catalog whose version the plan does not delete",
        plan(
            ibm_cm_catalog__shop=Change("delete", before={"id": CATALOG}),
            data__ibm_cm_version__one=Change(before=version(OWN_IMAGE)),
        ),
        plan(
            ibm_cm_catalog__shop=Change("delete", before={"id": CATALOG}),
            ibm_cm_version__one=Change("delete", before=version(OWN_IMAGE, state="new")),
        ),
    ),
    (
        "catalog-delete-keeps-images",
        "a catalog that was deleted before its version",
        transcript(
            call("GET /api/v1-beta/versions/v", 200, _VERSION_IN_RUN),
            call(f"DELETE /api/v1-beta/catalogs/{CATALOG}", 200),
        ),
        transcript(
            call("GET /api/v1-beta/versions/v", 200, _VERSION_IN_RUN),
            call("DELETE /api/v1-beta/versions/catalog-1.version-1", 200),
            call(f"DELETE /api/v1-beta/catalogs/{CATALOG}", 200),
        ),
    ),
    (
        "template-in-use-delete",
        "a template that is replaced",
        _template_of_group("delete", "create"),
        _template_of_group("create", "delete"),
    ),
    (
        "group-before-authorization",
        "a group that waits for nothing",
        _group(),
        _group("ibm_iam_authorization_policy.catalogs"),
    ),
    (
        "group-before-authorization",
        "a group that was refused",
        transcript(
            call("POST /v1/instance/templates", 201, _TEMPLATE_IN_RUN),
            call("POST /v1/instance_groups", 403, _BUSY, {"instance_template": {"id": "instance-template-1"}}),
        ),
        transcript(
            call("POST /v1/instance/templates", 201, _TEMPLATE_IN_RUN),
            call("POST /v1/instance_groups", 403, _BUSY, {"instance_template": {"id": "instance-template-2"}}),
        ),
    ),
]
"""Rule, what shows it, the input that does, and one that does not."""

OF_SERVERS = {"unshared-version"}
"""Rules that only a server can tell: `test_with_a_server.py`."""


def _found(path: Path, text: str) -> list[str]:
    path.write_text(text)
    return [one.rule.id for one in check([path], OWN).findings]


@pytest.mark.parametrize(
    ("rule", "shows", "without"),
    [(rule, *texts) for rule, _, *texts in CASES],
    ids=[f"{rule}: {what}" for rule, what, *_ in CASES],
)
def test_the_smallest_input_shows_the_rule_and_the_nearest_does_not(
    tmp_path: Path, rule: str, shows: str, without: str
) -> None:
    assert _found(tmp_path / "file", shows).count(rule) == 1
    assert rule not in _found(tmp_path / "file", without)


def test_every_rule_has_its_smallest_input() -> None:
    assert {rule for rule, *_ in CASES} | OF_SERVERS == {one.id for one in RULES}
    assert len({one.id for one in RULES}) == len(RULES)
