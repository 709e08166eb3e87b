"""Faults of the database and of jobs."""

from __future__ import annotations

from tools.mutant_rows.row import UNIT, Mutant

JOBS = f"{UNIT}/db/test_jobs.py"
PRIORITY = f"{UNIT}/db/test_account_priority.py"
WRITERS = f"{UNIT}/db/test_writer_turns.py"
MASTER_KEYS = f"{UNIT}/operator/test_master_key_rotation.py"

ROWS = (
    Mutant(
        "one pass of the master key",
        "a secret that is put back under the old key meanwhile is found",
        "db/reencryption.py",
        "    while sum(_renew_place(write, place) for place in places):\n        pass",
        "    for place in places:\n        _renew_place(write, place)",
        (f"{MASTER_KEYS}::test_what_is_written_meanwhile_stays",),
    ),
    Mutant(
        "next master key",
        "no node starts without both keys while secrets are encrypted anew",
        "db/reencryption.py",
        "    write(partial(begin, newest=newest))\n",
        "",
        (f"{MASTER_KEYS}::test_killed_anywhere_it_resumes",),
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
        "two nodes at work on one machine",
        "engines",
        "jobs/leases.py",
        "    free = or_(leases.c.owner == owner, leases.c.until < real)",
        "    free = or_(leases.c.owner == owner, leases.c.until > 0)",
        (f"{UNIT}/instances/test_server_locks.py::test_a_server_is_one_nodes_at_a_time_and_others_are_not_held_up",),
    ),
    Mutant(
        "change that nobody is told of",
        "kept answers",
        "db/compiled_changes.py",
        "        session.note(plan.text, accounts)\n",
        "",
        ("tests/unit/db/test_compiled_changes.py::test_what_is_changed_is_noted",),
    ),
    Mutant(
        "late write of a node that lost its job",
        "jobs of nodes",
        "jobs/queue.py",
        '    is_mine = (jobs.c.id == id_, jobs.c.state == "running", jobs.c.lease_owner == owner)\n',
        '    is_mine = (jobs.c.id == id_, jobs.c.state == "running")\n',
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
        "transition from a wrong state",
        "states",
        "db/transitions.py",
        "    where = (kind.state_column.in_(kind.states.sources(to)), *conditions)\n",
        "    where = conditions\n",
        (f"{UNIT}/db/test_rows.py::test_exactly_the_declared_moves_are_made",),
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
        "who came first waits for all of the account that had used less then",
        "note 24",
        "db/account_priority.py",
        "            account_id = min(self._queues, key=self.used)\n",
        "            account_id = next(iter(self._queues))\n",
        (f"{PRIORITY}::test_accounts_that_use_about_as_much_take_turns",),
    ),
    Mutant(
        "reads of heavy accounts rest",
        "note 24",
        "api/pipeline.py",
        "rests=route.writes or route.long",
        "rests=True",
        (f"{UNIT}/api/test_kept_answers.py::test_reads_of_a_heavy_account_do_not_rest_and_its_writes_do",),
    ),
    Mutant(
        "jobs write before requests",
        "note 24",
        "db/writer_turns.py",
        "not self._held and (not self._announced or self._passed >= MOST_PASSED)",
        "not self._held",
        (f"{WRITERS}::test_an_announced_request_writes_before_a_job_that_waits",),
    ),
    Mutant(
        "heartbeat for a job of another node",
        "jobs of nodes",
        "jobs/queue.py",
        'is_mine = and_(jobs.c.id == id_, jobs.c.lease_owner == owner, jobs.c.state == "running")',
        'is_mine = and_(jobs.c.id == id_, owner != "", jobs.c.state == "running")',
        (f"{JOBS}::test_the_heartbeat_keeps_what_is_in_the_workers_hands",),
    ),
    Mutant(
        "a lost job goes on as if nothing were",
        "jobs of nodes",
        "jobs/queue.py",
        "    if set_columns(session, jobs, values, *is_mine) != 1:",
        "    if set_columns(session, jobs, values, *is_mine) > 1:",
        (f"{JOBS}::test_who_lost_the_lease_commits_nothing",),
    ),
)
