"""Plants faults, one at a time, in a copy of the product's source, and sees the tests of the broken rule fail.

A test that passes without the rule it is for tests nothing. Each row below breaks one rule in one place. For every row
it says whether it was killed (each of its tests failed) or survived, and it fails if one survived. Arguments choose
rows by a part of their names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "src/kunsthalle"
UNIT = "tests/unit"
FAILED = 1
"""The exit code of pytest when tests ran and failed; every other one but 0 says that they did not run."""


class Mutant(NamedTuple):
    """A fault: `old` is found exactly once in `file` (below src/kunsthalle), and `new` takes its place."""

    name: str
    rule: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def planted(self, source: str) -> str:
        """Return the source with the fault in it; LookupError unless the old text is there exactly once."""
        found = source.count(self.old)
        if found != 1:
            raise LookupError(f"{self.name}: the old text is found {found} times in {self.file}, not once.")
        return source.replace(self.old, self.new)


LETTERS = f"{UNIT}/catalogs/test_crn_letters.py"
AUDIT = f"{UNIT}/accounts/test_audit.py"
FIRST_KEYS = f"{UNIT}/operator/test_accounts.py"
SHARING = f"{UNIT}/catalogs/test_sharing.py"
FAULTS = f"{UNIT}/cli/test_faults.py"
FAULT_PROPERTY = f"{UNIT}/cli/test_fault_property.py::test_no_fault_loses_leaks_or_doubles_anything"
JOBS = f"{UNIT}/db/test_jobs.py"
BACKUPS = f"{UNIT}/operator/test_backups.py"
PROXIES = f"{UNIT}/cli/test_proxies.py"
PRIORITY = f"{UNIT}/db/test_account_priority.py"
WRITERS = f"{UNIT}/db/test_writer_turns.py"
REJECTION = f"{SHARING}::test_an_accounts_own_rejection_goes_before_the_acceptance_of_its_enterprise"
CHECKS = f"{UNIT}/automation_checks/test_rules.py"

MUTANTS = (
    Mutant(
        "secrets in recordings",
        "secrets never appear where calls are shown",
        "core/redaction.py",
        "    if secret or is_secret(name):\n        return value if",
        "    if secret:\n        return value if",
        (f"{UNIT}/operator/test_recordings.py::test_no_secret_is_in_a_recording",),
    ),
    Mutant(
        "recordings for anybody",
        "the operator's token",
        "operator/routes_recordings.py",
        'access.operator("kunsthalle.recording.read")',
        'access.public("kunsthalle.recording.read")',
        (f"{UNIT}/operator/test_recordings.py::test_only_the_operator_may",),
    ),
    Mutant(
        "stored value of a stronger service ID",
        "R11",
        "iam/api_keys.py",
        "key.stored_value is None or not _could_make(session, key.iam_id)",
        "key.stored_value is None",
        (f"{UNIT}/iam/test_keys.py::test_a_stored_value_is_hidden_from_who_holds_less_than_its_service_id",),
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
        "managed image on bare metal",
        "R3",
        "instances/bare_metal/bare_metal_initialization.py",
        "    if image.managed:",
        "    if not image.id:",
        (f"{UNIT}/instances/test_metal.py::test_a_managed_image_is_refused_everywhere",),
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
        "reference by another resource's CRN",
        "R6",
        "api/references.py",
        "    _same_crn(identity.crn, resource, field)\n",
        "",
        (f"{LETTERS}::test_an_image_is_not_found_by_the_crn_of_another_place",),
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
        "catalog carried to a snapshot's volume",
        "R8",
        "block_storage/boot_volumes.py",
        "        image=snapshot.source_image,\n        catalog_offering=None,",
        '        image=snapshot.source_image,\n        catalog_offering={"version": "crn"},',
        (f"{UNIT}/instances/test_catalog.py::test_the_word_of_the_catalog_is_kept_on_the_volume_and_goes_no_further",),
    ),
    Mutant(
        "instance group without its policy",
        "R9",
        "instances/groups/member_creation.py",
        "    if not may_group_use(session, parse(crn).instance):",
        "    if not may_group_use(session, parse(crn).instance) and not crn:",
        (f"{UNIT}/instances/test_groups_catalog.py::test_without_the_policy_there_is_no_group",),
    ),
    Mutant(
        "image left behind by its version",
        "R10",
        "images/holds.py",
        "        transition(session, IMAGE, image.id, status, **stamps)",
        "        del stamps",
        (f"{UNIT}/catalogs/test_lifecycle.py::test_the_period_ends_by_the_clock",),
    ),
    Mutant(
        "action beyond the caller's roles",
        "R11",
        "db/visibility.py",
        "    if action != kind.read:\n",
        "    if action == kind.read:\n",
        (f"{UNIT}/db/test_scope.py::test_seen_but_not_within_the_actions_reach_is_403",),
    ),
    Mutant(
        "disk named by a path",
        "engines",
        "hypervisor/specs.py",
        '    if not 0 < len(disk_id) <= _LONGEST_DISK_ID or disk_id[0] == "." or',
        "    if not 0 < len(disk_id) <= _LONGEST_DISK_ID or",
        (f"{UNIT}/hypervisor/test_contract.py::test_a_hostile_id_is_never_a_disk",),
    ),
    Mutant(
        "two nodes at work on one machine",
        "engines",
        "jobs/leases.py",
        "    free = or_(leases.c.owner == owner, leases.c.until < real)",
        "    free = or_(leases.c.owner == owner, leases.c.until > 0)",
        (f"{UNIT}/instances/test_server_locks.py::test_a_server_is_one_nodes_at_a_time_and_others_are_not_held_up",),
    ),
    Mutant(
        "late write of a node that lost its job",
        "jobs of nodes",
        "jobs/queue.py",
        '    is_mine = and_(jobs.c.id == id_, jobs.c.state == "running", jobs.c.lease_owner == owner)\n',
        '    is_mine = and_(jobs.c.id == id_, jobs.c.state == "running", owner != "")\n',
        (f"{JOBS}::test_who_lost_the_lease_commits_nothing",),
    ),
    Mutant(
        "job taken from a node that is there",
        "jobs of nodes",
        "jobs/queue.py",
        '    return and_(jobs.c.state == "running", jobs.c.lease_until < real)',
        '    return and_(jobs.c.state == "running", jobs.c.lease_until > 0)',
        (f"{JOBS}::test_a_lease_runs_out_in_real_time_only",),
    ),
    Mutant(
        "heartbeat that renews nothing",
        "jobs of nodes",
        "jobs/queue.py",
        "        session.execute(update(jobs).where(is_mine).values(lease_until=until))",
        "        session.execute(update(jobs).where(is_mine).values(lease_until=min(until, 0)))",
        (f"{JOBS}::test_the_heartbeat_keeps_what_is_in_the_workers_hands",),
    ),
    Mutant(
        "memory of machines promised by two nodes at once",
        "engines",
        "hypervisor/qemu/qemu_engine.py",
        "        with self._directories.alone():  # until",
        "        with contextlib.nullcontext():  # until",
        (f"{UNIT}/hypervisor/test_processes.py::test_nodes_that_start_servers_at_the_same_moment_share_the_bound",),
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
        "every node asks a shared engine",
        "engines",
        "instances/vm_monitor.py",
        "        if self.hypervisor.shared and not self._leads():",
        "        if self.hypervisor.shared and self._leads() is None:",
        (f"{UNIT}/instances/test_watch.py::test_of_the_nodes_that_share_an_engine_one_looks",),
    ),
    Mutant(
        "silence of a host taken for the end of a machine",
        "engines",
        "instances/ended_machines.py",
        "    if status in {Status.RUNNING, Status.UNREACHABLE}:",
        "    if status in {Status.RUNNING, Status.ABSENT}:",
        (f"{UNIT}/instances/test_watch.py::test_an_ended_job_that_finds_nobody_answering_says_nothing",),
    ),
    Mutant(
        "silence of a cloud's host taken for running",
        "engines",
        "hypervisor/openstack/openstack_engine.py",
        '    if status is Status.RUNNING and str(server.get("host_status", "")) in _SILENT:',
        '    if status is Status.RUNNING and "" in _SILENT:',
        (f"{UNIT}/hypervisor/test_openstack.py::test_a_silent_host_is_no_end_of_a_machine",),
    ),
    Mutant(
        "volume of others in the cloud",
        "engines",
        "hypervisor/openstack/cloud_disks.py",
        '        return next((item for item in named if item["name"] == id_ and _is(item, kind.value)), None)',
        '        return next((item for item in named if item["name"] == id_ or _is(item, kind.value)), None)',
        (f"{UNIT}/hypervisor/test_openstack.py::test_what_others_made_in_the_project_is_left_alone",),
    ),
    Mutant(
        "half of a disk taken for the whole",
        "engines",
        "hypervisor/openstack/cloud_client.py",
        "    except RequestException as error:\n"
        '        raise Unresponsive(f"the content broke off after {received} bytes") from error',
        "    except RequestException:\n        return",
        (
            f"{UNIT}/hypervisor/test_openstack.py::test_content_that_breaks_off_is_no_image_and_what_a_crash_left_is_found",
        ),
    ),
    Mutant(
        "transition from a wrong state",
        "states",
        "db/transitions.py",
        ".where(table.c.id == id_, kind.state_column.in_(kind.states.sources(to)), *conditions)",
        ".where(table.c.id == id_, *conditions)",
        (f"{UNIT}/db/test_rows.py::test_exactly_the_declared_moves_are_made",),
    ),
    Mutant(
        "token of a deleted key",
        "tokens",
        "iam/authentication.py",
        "valid_until(session, claims) <= session.ctx.now():",
        "valid_until(session, claims) < 0:",
        (f"{UNIT}/iam/test_keys.py::test_what_is_disabled_or_deleted_ends_at_once",),
    ),
    Mutant(
        "backing file",
        "hostile images",
        "disk_images/qcow2.py",
        "    if header.backing_offset or header.backing_size:",
        "    if header.backing_offset < 0:",
        ("tests/hostile_images/test_hostile.py",),
    ),
    Mutant(
        "forbidden read not audited",
        "audit",
        "api/pipeline.py",
        "if not (route.writes or forbidden) or not",
        "if not route.writes or not",
        (f"{AUDIT}::test_reading_that_was_forbidden_is_on_record_and_looking_for_what_is_not_there_is_not",),
    ),
    Mutant(
        "invited person calls what they like",
        "note 23",
        "api/pipeline.py",
        "if not ctx.account_id and not route.access.without_account:",
        "if not ctx.account_id and ctx.grants is None:",
        (f"{FIRST_KEYS}::test_before_accepting_an_invited_person_can_do_nothing_else",),
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
        "an invitation gives more policies than an identity may hold",
        "note 21",
        "iam/account_adapter.py",
        "            refuse_excess(session, account_id, iam_id)\n",
        "",
        (f"{FIRST_KEYS}::test_accepting_gives_no_more_policies_than_an_identity_may_hold",),
    ),
    Mutant(
        "a dead token uses up the calls of its account",
        "docs/how-to/limits.md",
        "api/pipeline.py",
        "self.limits.count(exchange.account_id, ctx.client)",
        "self.limits.count(payer, ctx.client)",
        (f"{UNIT}/api/test_call_limits.py::test_a_token_that_is_no_longer_good_uses_up_nothing_of_its_account",),
    ),
    Mutant(
        "a moved clock signs people out",
        "note 9",
        "iam/tokens.py",
        "if known.expires * SECOND <= self._clock.real():",
        "if known.expires * SECOND <= self._clock.now():",
        (f"{UNIT}/accounts/test_token_time.py::test_moving_the_clock_signs_nobody_out",),
    ),
    Mutant(
        "expired tokens go on",
        "note 9",
        "iam/queries.py",
        "    if claims.generation != token_generation(session):\n        return 0\n",
        "",
        (f"{UNIT}/accounts/test_token_time.py::test_all_access_tokens_expire_when_that_is_asked_for",),
    ),
    Mutant(
        "leftmost address believed",
        "proxies",
        "cli/proxies.py",
        'for entry in reversed(forwarded_for.rsplit(",", MOST_HOPS)[-MOST_HOPS:]):',
        'for entry in forwarded_for.rsplit(",", MOST_HOPS)[-MOST_HOPS:]:',
        (f"{PROXIES}::test_the_rightmost_untrusted_address_counts",),
    ),
    Mutant(
        "strangers believed",
        "proxies",
        "cli/proxies.py",
        "if address is None or not is_in(address, self._trusted):\n            await",
        "if address is None:\n            await",
        (f"{PROXIES}::test_nobody_else_is_believed",),
    ),
    Mutant(
        "handshakes not counted",
        "S7",
        "cli/tls.py",
        "        self._register.add(self, address, self._loop)\n",
        "",
        ("tests/attacks/test_half_handshakes.py::test_half_a_handshake_counts_for_the_whole_server",),
    ),
    Mutant(
        "faults of all accounts",
        "faults",
        "core/faults.py",
        '            and fault.account_id in {"", subject.account_id}\n',
        "",
        (f"{UNIT}/cli/test_faults.py::test_of_one_account",),
    ),
    Mutant(
        "faults without their names",
        "faults",
        "api/fault_injection.py",
        "return Answer(answer.status, {**answer.headers, HEADER: fault.label}, answer.body)",
        "return answer",
        (f"{FAULTS}::test_a_delay_takes_its_time", FAULT_PROPERTY),
    ),
    Mutant(
        "lost answers without the work",
        "faults",
        "api/fault_injection.py",
        "    await respond()\n    await _named(fault, _refusal",
        "    await _named(fault, _refusal",
        (f"{FAULTS}::test_what_is_lost_was_done", FAULT_PROPERTY),
    ),
    Mutant(
        "what was asked for is done though it is refused",
        "faults",
        "api/fault_injection.py",
        "async def _refuse(fault: Fault, _respond: Respond, refuse: Refuse, send: Send) -> None:\n",
        "async def _refuse(fault: Fault, _respond: Respond, refuse: Refuse, send: Send) -> None:\n"
        "    await _respond()\n",
        (FAULT_PROPERTY,),
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
        "one database for all worlds",
        "worlds",
        "cli/world_pool.py",
        "        settings = replace(self.settings, data=data)\n",
        "        settings = self.settings\n",
        (f"{UNIT}/testing/test_worlds_side_by_side.py::test_what_is_done_in_one_is_not_in_the_other",),
    ),
    Mutant(
        "heavy accounts do not queue",
        "note 24",
        "db/account_priority.py",
        "return not alone and self.used(account_id) >= HEAVY_SECONDS",
        "return False",
        (f"{PRIORITY}::test_requests_of_light_accounts_pass_and_the_lightest_of_the_heavy_is_next",),
    ),
    Mutant(
        "jobs write before requests",
        "note 24",
        "db/writer_turns.py",
        "not self._held and (not self._announced or self._passed >= MOST_PASSED)",
        "not self._held",
        (f"{WRITERS}::test_an_announced_request_writes_before_a_job_that_waits",),
    ),
)


def run(source: Path, *tests: str) -> int:
    """Run tests against the copy of the source in a folder, and return the exit code of pytest."""
    path = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    place = [sys.executable, "-c", "import kunsthalle; print(kunsthalle.__file__)"]
    imported = subprocess.run(place, env=environment, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    if not Path(imported.strip()).is_relative_to(source):
        raise RuntimeError(f"The tests would import {imported.strip()} and not the copy in {source}.")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:kunsthalle", *tests]
    return subprocess.run(command, env=environment, capture_output=True, check=False, cwd=ROOT).returncode


def outcome(mutant: Mutant, source: Path) -> str:
    """Plant the fault in the copy, run its tests one by one, take the fault out again, and say what became of it."""
    file = source / "kunsthalle" / mutant.file
    whole = file.read_text()
    file.write_text(mutant.planted(whole))
    try:
        codes = [run(source, test) for test in mutant.tests]
    finally:
        file.write_text(whole)
    if all(code == FAILED for code in codes):
        return "killed"
    return "survived" if 0 in codes else f"error: pytest ended with {max(codes)}"


def main(arguments: list[str]) -> int:
    """Print what became of each mutant; 1 if one is not killed."""
    chosen = [one for one in MUTANTS if not arguments or any(part in one.name for part in arguments)]
    if not chosen:
        print("No mutant has such a name: " + ", ".join(one.name for one in MUTANTS))
        return 2
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        if run(source, *sorted({test for one in chosen for test in one.tests})) != 0:
            print("The tests fail without a fault too: mend them first.")
            return 1
        for one in chosen:
            said = outcome(one, source)
            failed += said != "killed"
            print(f"{one.rule:15} {one.name:40} {said}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} killed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
