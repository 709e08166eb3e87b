"""Faults of the console: who gets which bytes, and what a page says."""

from __future__ import annotations

from tools.mutant_rows.row import UNIT, Mutant

DOWNLOADS = "tests/stories/console/test_downloads.py"
RESOURCES = "tests/matrix/test_console_resources.py"
UPLOADS = f"{UNIT}/images/test_uploads.py"
SEARCH = "tests/matrix/test_console_search.py"
REFUSALS = "tests/matrix/test_console_refusals.py"

ROWS = (
    Mutant(
        "placement group that the form forgets",
        "actions that would be refused",
        "console/new_instance_pages.py",
        '"placement_target.id", ',
        "",
        (f"{REFUSALS}::test_the_form_of_an_instance_puts_it_into_the_placement_group_that_is_chosen",),
    ),
    Mutant(
        "placement group deleted with its instances, on the page",
        "actions that would be refused",
        "console/refusals.py",
        '    if group["members"]:',
        '    if group["members"] == "any":',
        (f"{REFUSALS}::test_a_placement_group_with_and_without_instances",),
    ),
    Mutant(
        "what can be restored, overlooked in a resource group",
        "actions that would be refused",
        "console/resource_group_pages.py",
        '        holds = group["id"] in restorable or bool(await _in(visit, group, 1))',
        "        holds = bool(await _in(visit, group, 1))",
        (f"{REFUSALS}::test_a_resource_group_with_a_resource_of_each_type",),
    ),
    Mutant(
        "a download goes on after signing out",
        "sessions",
        "console/object_downloads.py",
        "        await _as_signed_in_now(visit)\n        try:",
        "        try:",
        (f"{DOWNLOADS}::test_who_signs_out_gets_no_further_piece",),
    ),
    Mutant(
        "a name leaves its header",
        "headers of files",
        "console/object_downloads.py",
        '    plain = _PLAIN.sub("_", name).lstrip(". ") or "object"',
        '    plain = name.lstrip(". ") or "object"',
        (f"{DOWNLOADS}::test_a_name_cannot_leave_its_header",),
    ),
    Mutant(
        "a download that goes on with another object",
        "downloads",
        "console/object_downloads.py",
        '    if span is None or headers.get("if-range", tag) != tag:',
        "    if span is None:",
        (f"{DOWNLOADS}::test_what_broke_off_goes_on",),
    ),
    Mutant(
        "a piece of an object that was replaced",
        "downloads",
        "images/bucket_service.py",
        '            if tag not in {"", shown}:',
        '            if tag not in {"", shown, tag}:',
        (f"{UPLOADS}::test_an_object_is_read_in_pieces_and_never_mixed_with_another",),
    ),
    Mutant(
        "the last object of a page is left out",
        "lists",
        "images/bucket_service.py",
        "            results = self._of(session).objects(bucket, most + 1, after)",
        "            results = self._of(session).objects(bucket, most, after)",
        (f"{UPLOADS}::test_a_bucket_is_listed_page_by_page_to_its_end",),
    ),
    Mutant(
        "a wait that has no end",
        "progress",
        "console/transfer_pace.py",
        '    left = _words((end - now) / SECOND) if now < end else ""',
        "    left = _words((end - now) / SECOND)",
        (f"{RESOURCES}::test_a_wait_tells_how_long_it_still_is",),
    ),
    Mutant(
        "a reading of the doctor that has just begun for ever",
        "progress",
        "operator/doctor/findings.py",
        'self.total, self.began = "reading", 0, total, self.now()',
        'self.total, self.began = "reading", 0, total, None',
        (f"{UNIT}/operator/test_doctor.py::test_it_says_how_long_it_has_been_reading",),
    ),
    Mutant(
        "jobs are told to anybody",
        "the operator's token",
        "operator/routes_jobs.py",
        'access.operator("kunsthalle.job.read")',
        'access.public("kunsthalle.job.read")',
        (f"{UNIT}/operator/test_job_lists.py::test_nobody_but_the_operator_is_told",),
    ),
    Mutant(
        "an action that the API refuses is offered",
        "actions that would be refused",
        "console/refusals.py",
        '    "reboot": ("running", "restarting"),',
        '    "reboot": ("running", "restarting", "stopped"),',
        (f"{REFUSALS}::test_an_instance_in_each_state",),
    ),
    Mutant(
        "an action that the API does is disabled",
        "actions that would be refused",
        "console/refusals.py",
        '            return _only(status, ("available", "deprecated", "obsolete", "unusable"), "an image")',
        '            return _only(status, ("available", "deprecated"), "an image")',
        (f"{REFUSALS}::test_an_image_in_each_state",),
    ),
    Mutant(
        "what no role permits is offered",
        "actions that would be refused",
        "console/html_templates.py",
        "    return str(_visit.get().refusal(path))",
        '    return ""',
        (f"{RESOURCES}::test_what_a_role_does_not_permit_is_there_and_says_why",),
    ),
    Mutant(
        "a role that was withdrawn is still seen",
        "actions that would be refused",
        "api/permitted_operations.py",
        "= WeakKeyDictionary()",
        '= type("", (dict,), {"get": lambda kept, _grants: next(iter(kept.values()), None)})()',
        ("tests/stories/console/test_sessions.py::test_a_role_that_is_given_or_withdrawn_shows_at_the_next_page",),
    ),
    Mutant(
        "a refused form forgets what was typed",
        "forms",
        "console/forms.py",
        '        return self.values[name][-1] if name in self.values else str(default or "")',
        '        return str(default or "")',
        ("tests/matrix/test_console_forms.py::test_a_wrong_form_stays_and_says_once_what_is_wrong",),
    ),
    Mutant(
        "a form without the session's token is taken",
        "forms",
        "console/console_app.py",
        "    if not hmac.compare_digest(form_token.encode(), visit.form_token.encode()):",
        "    if not form_token:",
        ("tests/matrix/test_console.py::test_a_form_without_the_sessions_token_changes_nothing",),
    ),
    Mutant(
        "a CRN that was shortened for good",
        "names and CRNs",
        "console/html_templates.py",
        '    return (text[:-_LAST], text[-_LAST:]) if len(text) > _SHORT else ("", text)',
        '    return (text[:_LAST], text[-_LAST:]) if len(text) > _SHORT else ("", text)',
        (f"{RESOURCES}::test_a_crn_is_shortened_in_the_middle_and_whole_where_it_is_copied",),
    ),
    Mutant(
        "several resources are deleted unasked",
        "actions on several",
        "console/bulk_pages.py",
        '    if filled.get("confirmed") != "yes":',
        '    if filled.get("confirmed") == "no":',
        (f"{SEARCH}::test_a_confirmation_says_what_will_be_refused_and_why_and_changes_nothing",),
    ),
)
