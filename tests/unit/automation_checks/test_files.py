"""What files are taken for: whose they are, where something is in them, and why one cannot be read."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunsthalle.automation_checks.check_run import Report, check
from kunsthalle.automation_checks.checked_files import BadFile, read
from kunsthalle.automation_checks.json_lines import lines_of
from kunsthalle.automation_checks.terraform_documents import references
from unit.automation_checks.documents import (
    FOREIGN_IMAGE,
    OTHER,
    OWN,
    OWN_IMAGE,
    Change,
    answer,
    by_catalog,
    call,
    crn,
    instance,
    plan,
    refers,
    state,
    transcript,
    version_crn,
)


def _report(folder: Path, *texts: str, own: str = "") -> Report:
    paths = [folder / f"file-{number}" for number, _ in enumerate(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    return check(paths, own)


def _rules(report: Report) -> list[str]:
    return [one.rule.id for one in report.findings]


BROKEN = [
    ("", ":1: this is neither JSON nor a transcript: Expecting value."),
    ('{\n "version": 4,\n}', ":3: this is neither JSON nor a transcript: "),
    ("[" * 100_000, ":1: this JSON is nested too deeply"),
    ("1" * 5_000, ":1: this JSON is nested too deeply, or has a number that is too long."),
    ("{}", ":1: this is none of what can be checked: "),
    ("7", ":1: this is none of what can be checked: "),
    ('{"name": "golden"}', ":1: this is none of what can be checked: "),
    ('{"terraform_version": "0.11.0",\n "version": 3}', ":2: this state is of version 3; known is 4."),
    ('{\n"format_version": "2.0"}', ":2: what `terraform show -json` wrote is of version '2.0'; known are 0 and 1."),
    ('{"format_version": 1}', ":1: what `terraform show -json` wrote is of version 1; known are 0 and 1."),
    (
        '{"version": 4, "terraform_version": "1.5.7",\n"resources": [\n{"mode": "managed", "type": 1, "name": "x"}]}',
        ":3: resources[0].type: Expected `str`, got `int`.",
    ),
    (
        '{"format_version": "1.2", "resource_changes": [{"address": "a", "mode": "data",\n"type": "t"}]}',
        ":1: resource_changes[0]: Object missing required field `change`.",
    ),
    ("kunsthalle transcript 9\n", ":1: this transcript is of version 9; known is 1."),
    ("kunsthalle transcript 1\n\ncall nobody T\n", ":3: unknown caller 'nobody'"),
]


@pytest.mark.parametrize(("text", "reason"), BROKEN)
def test_a_broken_file_is_told_with_file_line_and_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "broken"
    path.write_text(text)
    with pytest.raises(BadFile) as told:
        read(path)
    assert str(told.value).startswith(f"{path}{reason}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04plan", ": this is a plan in Terraform's own form. Check what `terraform show -json FILE` prints."),
        (b'{"a":\n"\xff"}', ":2: the file is not UTF-8 text."),
    ],
)
def test_a_file_that_is_no_text_is_told(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(BadFile) as told:
        read(path)
    assert str(told.value) == f"{path}{reason}"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="No such file or directory"):
        read(tmp_path / "absent")
    with pytest.raises(BadFile, match="Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 4, "terraform_version": "1.5.7", "resources": null}',
        '{"format_version": "1.0"}',
        '{"format_version": "1.0", "terraform_version": "1.5.7"}',
        '{"images": []}',
        "[]",
        '{"errors": [{"code": "not_found"}], "trace": "t"}',
        "kunsthalle transcript 1\n",
    ],
)
def test_an_empty_file_of_each_form_has_no_findings(tmp_path: Path, text: str) -> None:
    assert _rules(_report(tmp_path, text)) == []


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([OWN_IMAGE, version_crn()])
_KEYS = st.sampled_from(
    "id crn image images name catalog_offering version offering state current metadata kinds versions resources values"
    " expressions references instances attributes deprecate_pending result status_code vsi_vpc".split()
)
_ANY = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=20,
)
_TYPES = st.sampled_from(
    "ibm_is_image ibm_is_images ibm_is_instance ibm_is_instances ibm_is_instance_template ibm_is_instance_group"
    " ibm_cm_version ibm_cm_offering ibm_cm_catalog ibm_is_image_deprecate ibm_iam_authorization_policy".split()
)
_ACTIONS = st.lists(st.sampled_from(["create", "delete", "update", "read", "no-op"]), max_size=2)
_OBJECTS = st.dictionaries(_KEYS, _ANY, max_size=6)


@st.composite
def _documents(draw: st.DrawFn) -> Any:
    """Documents that look like those which are read, with anything in their parts."""
    form = draw(st.sampled_from(["state", "plan", "answer"]))
    if form == "answer":
        return {
            "crn": draw(st.sampled_from([crn("image", "i"), crn("instance", "i"), version_crn()])),
            **draw(_OBJECTS),
        }
    named = [(draw(_TYPES), draw(st.sampled_from(["managed", "data"]))) for _ in range(draw(st.integers(1, 4)))]
    if form == "state":
        rows = [
            {"mode": mode, "type": type_, "name": "x", "instances": [{"attributes": draw(_OBJECTS)}]}
            for type_, mode in named
        ]
        return {"version": 4, "terraform_version": "1.5.7", "resources": rows}
    changes = [
        {
            "address": f"{type_}.x",
            "mode": mode,
            "type": type_,
            "change": {"actions": draw(_ACTIONS), "before": draw(_OBJECTS), "after": draw(_OBJECTS)},
        }
        for type_, mode in named
    ]
    blocks = [
        {"address": f"{type_}.x", "mode": mode, "type": type_, "expressions": draw(_OBJECTS)} for type_, mode in named
    ]
    configuration = {"root_module": {"resources": blocks}}
    return {"format_version": "1.2", "resource_changes": changes, "configuration": configuration}


@given(document=_documents())
def test_whatever_is_in_a_document_is_checked_without_an_exception(
    tmp_path_factory: pytest.TempPathFactory, document: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document))
    try:
        findings = check([path]).findings
    except BadFile as error:
        assert str(error).startswith(f"{path}:1: ")
        return
    for finding in findings:
        assert finding.message
        assert finding.place.line == 1


@given(document=_OBJECTS)
def test_lines_are_those_of_the_keys(document: dict[str, Any]) -> None:
    """Every key of a document is on the line that JSON's writer gave it, whatever texts are around it."""
    written = json.dumps(document, indent=1)
    wanted = {
        (name,): number for number, text in enumerate(written.split("\n"), 1) for name in document if _opens(text, name)
    }
    assert lines_of(written, wanted) == wanted


def _opens(line: str, name: str) -> bool:
    return line.startswith(f' "{name}":')


def test_half_a_character_in_the_place_of_a_name_is_told(tmp_path: Path) -> None:
    path = tmp_path / "any.tfstate"
    path.write_text(state(ibm_is_instance__web=instance()).replace('"mode"', r'"\ud800"'))
    with pytest.raises(BadFile, match=r"any\.tfstate:1: this JSON has half a character"):
        read(path)


def test_a_long_string_takes_little_memory() -> None:
    text = json.dumps({"a": "x" * 1_000_000 + '"' * 1_000_000, "b": 1}, indent=1)
    tracemalloc.start()
    try:
        assert lines_of(text, [("b",)]) == {("b",): 3}
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5 * len(text)


def test_a_finding_has_the_line_of_its_attribute(tmp_path: Path) -> None:
    text = state(ibm_is_subnet__one={"id": "subnet"}, ibm_is_instance__web=instance(name="web"))
    [finding] = _report(tmp_path, text).findings
    assert finding.place.subject == "ibm_is_instance.web"
    assert '"catalog_offering"' in text.split("\n")[finding.place.line - 1]


def test_a_finding_has_the_line_of_its_call(tmp_path: Path) -> None:
    text = transcript(call("GET /v1/images?name=golden", 200, {"images": []}))
    [finding] = _report(tmp_path, text).findings
    assert finding.place.subject == "call 1, GET /v1/images"
    assert text.split("\n")[finding.place.line - 1] == "call account-1 T"


def test_a_finding_of_an_answer_says_which_part_of_it(tmp_path: Path) -> None:
    image = {"id": OWN_IMAGE, "crn": crn("image", OWN_IMAGE), "status": "deprecated"}
    text = answer({"images": [{"id": "other", "crn": crn("image", "other")}, image]})
    [finding] = _report(tmp_path, text).findings
    assert finding.place.subject == "images[1]"
    assert text.split("\n")[finding.place.line - 1].strip() == "{"
    whole = answer({"result": image, "headers": {}, "status_code": 200})
    assert [one.place.subject for one in _report(tmp_path, whole).findings] == ["result"]


def test_addresses_name_modules_and_indexes(tmp_path: Path) -> None:
    rows = [
        {
            "module": 'module.shop["a.b"]',
            "mode": "managed",
            "type": "ibm_is_instance",
            "name": "web",
            "instances": [{"index_key": key, "attributes": instance(image)}],
        }
        for key, image in (("x", FOREIGN_IMAGE), (1, OWN_IMAGE))
    ]
    text = json.dumps({"version": 4, "terraform_version": "1.5.7", "resources": rows})
    subjects = [one.place.subject for one in _report(tmp_path, text).findings]
    assert subjects == ['module.shop["a.b"].ibm_is_instance.web["x"]', 'module.shop["a.b"].ibm_is_instance.web[1]']


@pytest.mark.parametrize("value", [None, 7, "ibm_is_image.web", {}, [None, 7, []]], ids=repr)
def test_references_of_another_form_are_none(value: object) -> None:
    assert references({"references": value}) == []


def test_a_reference_is_followed_within_its_module(tmp_path: Path) -> None:
    """Terraform's plans name blocks without their module, and resources with it."""
    source = {"references": ["ibm_is_instance.web[0].image", "ibm_is_instance.web[0]", "ibm_is_instance.web"]}
    blocks = [
        {"address": "ibm_is_instance.web", "mode": "managed", "type": "ibm_is_instance"},
        {
            "address": "data.ibm_is_image.web",
            "mode": "data",
            "type": "ibm_is_image",
            "expressions": {"identifier": source},
        },
    ]
    web = {"actions": ["create"], "after": {"catalog_offering": by_catalog()}}
    changes = [
        {"address": "module.a[0].ibm_is_instance.web[0]", "mode": "managed", "type": "ibm_is_instance", "change": web},
        *(
            {
                "address": f"{module}data.ibm_is_image.web",
                "mode": "data",
                "type": "ibm_is_image",
                "change": {"actions": ["read"], "after": {}},
            }
            for module in ("module.a[0].", "module.b.")
        ),
    ]
    modules = {name: {"module": {"resources": blocks}} for name in ("a", "b")}
    document = {
        "format_version": "1.2",
        "resource_changes": changes,
        "configuration": {"root_module": {"module_calls": modules}},
    }
    found = [
        one.place.subject
        for one in _report(tmp_path, json.dumps(document), own=OWN).findings
        if one.rule.id == "masked-image-read"
    ]
    assert found == ["module.a[0].data.ibm_is_image.web"]


def test_the_account_is_that_of_the_crns(tmp_path: Path) -> None:
    report = _report(tmp_path, state(ibm_is_instance__web=instance()))
    assert [one.account for one in report.files] == [OWN]
    assert _rules(report) == ["masked-image"]


def test_without_an_account_nothing_is_foreign(tmp_path: Path) -> None:
    planned = plan(
        ibm_is_instance__web=Change("create", after={"catalog_offering": by_catalog()}),
        data__ibm_is_image__web=Change("read", after={}, identifier=refers("ibm_is_instance.web.image")),
    )
    assert _rules(_report(tmp_path, planned)) == []
    assert _rules(_report(tmp_path, planned, own=OWN)) == ["masked-image-read"]
    assert _rules(_report(tmp_path, planned, own=OTHER)) == []


def test_a_state_of_two_accounts_is_judged_by_each_resource(tmp_path: Path) -> None:
    """Providers with aliases: the publisher's image is foreign where the consumer has it alone."""
    text = state(
        ibm_is_instance__own={**instance(), "crn": crn("instance", "own", OTHER)}, ibm_is_instance__foreign=instance()
    )
    assert [one.place.subject for one in _report(tmp_path, text).findings] == ["ibm_is_instance.foreign"]


def test_what_one_file_says_is_known_for_the_others(tmp_path: Path) -> None:
    shown = answer({"id": FOREIGN_IMAGE, "crn": crn("image", FOREIGN_IMAGE, OTHER), "visibility": "private"})
    text = state(ibm_is_instance_template__web={"crn": crn("instance-template", "t"), "image": FOREIGN_IMAGE})
    assert _rules(_report(tmp_path, text)) == []
    assert _rules(_report(tmp_path, text, shown)) == ["foreign-image"]


def test_a_public_image_is_nobodys(tmp_path: Path) -> None:
    shown = answer({"id": FOREIGN_IMAGE, "crn": crn("image", FOREIGN_IMAGE, OTHER), "visibility": "public"})
    text = state(ibm_is_instance_template__web={"crn": crn("instance-template", "t"), "image": FOREIGN_IMAGE})
    assert _rules(_report(tmp_path, text, shown)) == []


def test_names_of_transcripts_mean_nothing_in_other_files(tmp_path: Path) -> None:
    """`image-1` of one transcript is not that of another."""
    shown = {
        "id": "instance-1",
        "crn": crn("instance", "instance-1", "account-1"),
        "image": {"id": "image-1"},
        "catalog_offering": {"version": {"crn": version_crn("account-2")}},
    }
    booted = transcript(call("GET /v1/instances/instance-1", 200, shown))
    asked = transcript(call("GET /v1/images/image-1", 404))
    assert _rules(_report(tmp_path, booted, asked)) == ["masked-image"]


def test_what_a_fault_was_applied_to_says_nothing(tmp_path: Path) -> None:
    refused = call("DELETE /v1/images/image-1", 409, {"errors": [{"message": "managed"}]})
    assert _rules(_report(tmp_path, transcript(refused))) == ["managed-image-delete"]
    assert _rules(_report(tmp_path, transcript(refused + "* fault refuse fault-1\n"))) == []


def test_ignored_rules_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text(state(ibm_is_instance__web=instance()))
    assert check([path], ignored=["masked-image"]).findings == ()
