"""Faults of what operators have: accounts, backups, recordings; and of checks."""

from __future__ import annotations

from tools.mutant_rows.row import UNIT, Mutant

FIRST_KEYS = f"{UNIT}/operator/test_accounts.py"
FAULTS = f"{UNIT}/cli/test_faults.py"
BACKUPS = f"{UNIT}/operator/test_backups.py"
CHECKS = f"{UNIT}/automation_checks/test_rules.py"

ROWS = (
    Mutant(
        "recordings for anybody",
        "the operator's token",
        "operator/routes_recordings.py",
        'access.operator("kunsthalle.recording.read")',
        'access.public("kunsthalle.recording.read")',
        (f"{UNIT}/operator/test_recordings.py::test_only_the_operator_may",),
    ),
    Mutant(
        "check takes own images for foreign ones",
        "R6",
        "automation_checks/knowledge.py",
        'return image.owner if image.owner != account else ""',
        "return image.owner",
        (f"{UNIT}/automation_checks/test_files.py::test_a_state_of_two_accounts_is_judged_by_each_resource",),
    ),
    Mutant(
        "check reports the deletion of an image with its version",
        "R2",
        "automation_checks/findings_of_deletions.py",
        "if not image.managed or _is_deleted(facts, image.version_crn):",
        "if not image.managed:",
        (f"{CHECKS}::test_the_smallest_input_shows_the_rule_and_the_nearest_does_not",),
    ),
    Mutant(
        "blobs copied into each backup anew",
        "backups",
        "operator/backups/creation.py",
        "            if self._known.get(digest) != size:",
        "            if self._known.get(digest) != -size:",
        (f"{BACKUPS}::test_blobs_that_are_there_are_not_read_again",),
    ),
    Mutant(
        "damage that no verification reads",
        "backups",
        "operator/backups/verification.py",
        "        for _chunk in repository.checked(digest, size):\n            pass",
        "        repository.checked(digest, size)",
        (f"{BACKUPS}::test_a_flipped_byte_in_any_file_is_named_and_nothing_is_restored",),
    ),
    Mutant(
        "restore over what is there",
        "backups",
        "operator/backups/restoration.py",
        "    for sentence in _what_is_there(target):",
        "    for sentence in list(_what_is_there(target))[:0]:",
        (f"{BACKUPS}::test_an_installation_that_holds_something_is_refused_with_its_name",),
    ),
    Mutant(
        "an invitation leads to a key of a user of another account",
        "note 23",
        "operator/accounts.py",
        'if other.state == "ACTIVE" and home is not None',
        'if other.state == "" and home is not None',
        (f"{FIRST_KEYS}::test_no_invitation_leads_to_a_key_of_somebody_who_acts_elsewhere",),
    ),
    Mutant(
        "faults outlive the state that is loaded",
        "faults",
        "operator/routes_faults_and_states.py",
        "cleared_faults=faults.clear())",
        "cleared_faults=len(faults.list()))",
        (f"{FAULTS}::test_loading_a_saved_state_clears_faults_and_says_so",),
    ),
    Mutant(
        "metrics for anybody",
        "the operator's token",
        "operator/metrics.py",
        "return not self._expected or any(",
        "return bool(self._expected) or any(",
        (f"{UNIT}/operator/test_metrics.py::test_only_the_operator_may_read_it_where_no_token_is_set",),
    ),
)
