"""Faults of what several nodes have in common, of quotas, and of what other servers are told."""

from __future__ import annotations

from tools.mutant_rows.row import UNIT, Mutant

OTHER_NODES = f"{UNIT}/iam/test_other_nodes.py"
QUOTAS = f"{UNIT}/db/test_quotas.py"
TRACES = f"{UNIT}/operator/test_outgoing_traces.py"

ROWS = (
    Mutant(
        "a node remembers what others may change",
        "equal nodes",
        "db/engine.py",
        "        self.memo = Cache(self.embedded and not reading)\n",
        "        self.memo = Cache(not reading)\n",
        (f"{OTHER_NODES}::test_the_next_call_of_another_node_is_refused",),
    ),
    Mutant(
        "clock of another node not followed",
        "equal nodes",
        "db/nodes.py",
        "        if row[0] is not None and row[0] != self._seen:",
        "        if row[0] is not None and self._seen is None:",
        ("tests/nodes/test_two_nodes.py::test_the_clock_moves_on_every_node_before_the_answer",),
    ),
    Mutant(
        "a start leaves what a killed rotation left",
        "master keys",
        "db/reencryption.py",
        "    if _unfinished(known, store.cipher):",
        "    if not places:",
        (f"{UNIT}/operator/test_master_key_rotation.py::test_killed_anywhere_it_resumes",),
    ),
    Mutant(
        "quota that lets one more in",
        "quotas",
        "db/quotas.py",
        "    if taken + more > most:",
        "    if taken > most:",
        (f"{QUOTAS}::test_one_more_than_the_limit_is_refused_with_both_numbers",),
    ),
    Mutant(
        "quota of the account behind the default",
        "quotas",
        "db/quotas.py",
        "    return int(row[0]) if row else session.quotas.get(name)",
        "    return session.quotas.get(name, int(row[0]) if row else None)",
        (f"{QUOTAS}::test_the_limit_of_an_account_goes_before_the_default_also_where_it_is_higher",),
    ),
    Mutant(
        "trace told to hosts that nobody has named",
        "traces",
        "core/trace_parents.py",
        "    return headers() if urlsplit(url).hostname == urlsplit(named).hostname else {}",
        "    return headers() if urlsplit(url).hostname and named else {}",
        (
            f"{TRACES}::test_a_cloud_is_told_on_the_host_that_the_operator_has_named",
            f"{UNIT}/oidc/test_outgoing_traces_of_sign_ins.py::test_a_provider_is_told_which_sign_in_asks_it",
        ),
    ),
    Mutant(
        "jobs call in nobody's name",
        "traces",
        "jobs/worker.py",
        'with InSpan(self._store.tracer, job.trace or ""):',
        'with InSpan(None, job.trace or ""):',
        (f"{TRACES}::test_an_s3_server_is_told_of_requests_and_jobs",),
    ),
    Mutant(
        "threads of the store forget for whom they call",
        "traces",
        "db/account_turns.py",
        "        if trace_parents.current() is not None:",
        "        if trace_parents.current() is None:",
        (f"{TRACES}::test_a_thread_of_the_store_works_for_the_request_that_waits_for_it",),
    ),
)
