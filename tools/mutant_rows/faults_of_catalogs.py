"""Faults of catalogs and images."""

from __future__ import annotations

from tools.mutant_rows.row import UNIT, Mutant

LETTERS = f"{UNIT}/catalogs/test_crn_letters.py"
SHARING = f"{UNIT}/catalogs/test_sharing.py"
REJECTION = f"{SHARING}::test_an_accounts_own_rejection_goes_before_the_acceptance_of_its_enterprise"

ROWS = (
    Mutant(
        "not x86",
        "R1",
        "catalogs/versions/editing.py",
        '.architecture != "amd64":',
        '.architecture == "":',
        (f"{UNIT}/catalogs/test_architecture.py::test_an_image_of_s390x_is_refused_and_stays_free",),
    ),
    Mutant(
        "managed image deleted",
        "R2",
        "images/holds.py",
        "        if image.managed:\n",
        "        if image.managed and not image.id:\n",
        (f"{UNIT}/images/test_dates.py::test_a_managed_image_is_led_by_its_catalog",),
    ),
    Mutant(
        "image not freed with its version",
        "R4",
        "catalogs/versions/version_steps.py",
        "    holds.release(session, version.crn)\n",
        "",
        (f"{UNIT}/catalogs/test_lifecycle.py::test_an_image_keeps_its_status_when_its_version_goes",),
    ),
    Mutant(
        "reclamation forgotten",
        "R4",
        "catalogs/reclamation.py",
        "    queue.enqueue(session, JOB, job.subject, due_at=again)\n",
        "",
        (f"{UNIT}/catalogs/test_reclamation_retry.py",),
    ),
    Mutant(
        "reclamation begun without erasing",
        "R4",
        "catalogs/reclamation.py",
        "    more = run.write(lambda session: _begin(session, run.job.subject))",
        '    run.write(lambda session: transition(session, RECLAMATION, run.job.subject, "RECLAIMING"))\n'
        "    more = True",
        (f"{UNIT}/catalogs/test_reclamation_retry.py::test_a_reclamation_that_gave_up_can_be_restored",),
    ),
    Mutant(
        "shared without an acceptance",
        "R5",
        "catalogs/sharing/offering_visibility.py",
        'every(exists(rows.entries, rows.on_entry, entry == recipient), _answered_sql(rows, recipient, "approved"))',
        "exists(rows.entries, rows.on_entry, entry == recipient)",
        (f"{SHARING}::test_nothing_is_found_by_id_before_the_receiver_accepts",),
    ),
    Mutant(
        "rejection ignored",
        "R5",
        "catalogs/sharing/offering_visibility.py",
        "    NAMED,\n    NOT_REJECTED,\n",
        "    NAMED,\n",
        (REJECTION,),
    ),
    Mutant(
        "rejection ignored by statements",
        "R5",
        "catalogs/sharing/offering_visibility.py",
        'sql=lambda caller, rows: not_(_answered_sql(rows, caller.account_id, "rejected")),',
        "sql=None,",
        (REJECTION,),
    ),
    Mutant(
        "rejection not told to the owner",
        "R5",
        "catalogs/sharing/offering_visibility.py",
        'holds=lambda terms, receiver: terms.answers.get(receiver.account_id) != "rejected",',
        "holds=lambda _terms, _receiver: True,",
        (REJECTION,),
    ),
    Mutant(
        "version by another resource's CRN",
        "R6",
        "catalogs/versions/boot_resolution.py",
        "version.crn != text",
        "not version.crn",
        (f"{LETTERS}::test_nothing_boots_by_the_crn_of_another_place",),
    ),
    Mutant(
        "offering by another resource's CRN",
        "R6",
        "catalogs/versions/boot_resolution.py",
        "offering.crn != text",
        "not offering.crn",
        (f"{LETTERS}::test_nothing_boots_by_the_crn_of_another_place",),
    ),
    Mutant(
        "service of a CRN ignored",
        "R6",
        "catalogs/versions/boot_resolution.py",
        "crn.service != SERVICE or crn.type != type_ or ",
        "",
        (f"{LETTERS}::test_nothing_boots_by_the_crn_of_another_place",),
    ),
    Mutant(
        "plan of another offering",
        "D3",
        "catalogs/versions/boot_resolution.py",
        "    if plan.offering_id != version.offering_id:",
        "    if not plan.id:",
        (f"{UNIT}/catalogs/test_boot_plan.py::test_a_plan_of_another_offering_is_refused",),
    ),
    Mutant(
        "unusable image of a version",
        "D3",
        "catalogs/versions/boot_resolution.py",
        "    if images[0].status not in USABLE:",
        '    if images[0].status == "":',
        (f"{UNIT}/catalogs/test_unusable_image.py",),
    ),
    Mutant(
        "image left behind by its version",
        "R10",
        "images/holds.py",
        "        transition(session, IMAGE, image.id, status, **stamps)",
        "        del stamps",
        (f"{UNIT}/catalogs/test_lifecycle.py::test_the_period_ends_by_the_clock",),
    ),
)
