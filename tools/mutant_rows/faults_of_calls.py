"""Faults of what answers calls: the pipeline, its limits, the server around it."""

from __future__ import annotations

from tools.mutant_rows.row import UNIT, Mutant

LETTERS = f"{UNIT}/catalogs/test_crn_letters.py"
AUDIT = f"{UNIT}/accounts/test_audit.py"
FIRST_KEYS = f"{UNIT}/operator/test_accounts.py"
FAULTS = f"{UNIT}/cli/test_faults.py"
FAULT_PROPERTY = f"{UNIT}/cli/test_fault_property.py::test_no_fault_loses_leaks_or_doubles_anything"
PROXIES = f"{UNIT}/cli/test_proxies.py"
LIMITS = f"{UNIT}/api/test_call_limits.py"
KEPT = f"{UNIT}/api/test_kept_answers.py"

ROWS = (
    Mutant(
        "secrets in recordings",
        "secrets never appear where calls are shown",
        "core/redaction.py",
        "    if secret or is_secret(name):\n        return value if",
        "    if secret:\n        return value if",
        (f"{UNIT}/operator/test_recordings.py::test_no_secret_is_in_a_recording",),
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
        "a dead token uses up the calls of its account",
        "docs/how-to/limits.md",
        "api/pipeline.py",
        "self.limits.count(exchange.account_id, ctx.client)",
        "self.limits.count(payer, ctx.client)",
        (f"{LIMITS}::test_a_token_that_is_no_longer_good_uses_up_nothing_of_its_account",),
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
        "one database for all worlds",
        "worlds",
        "cli/world_pool.py",
        "        settings = replace(self.settings, data=data)\n",
        "        settings = self.settings\n",
        (f"{UNIT}/testing/test_worlds_side_by_side.py::test_what_is_done_in_one_is_not_in_the_other",),
    ),
    Mutant(
        "one call more than a burst",
        "docs/how-to/limits.md",
        "api/call_limits.py",
        "        room = max(0.0, BURST_SECONDS - interval)\n",
        "        room = BURST_SECONDS\n",
        (f"{LIMITS}::test_calls_are_let_in_at_once_up_to_ten_seconds_worth_and_then_as_they_are_regained",),
    ),
    Mutant(
        "a limit of its own for each of many IPv6 addresses",
        "docs/how-to/limits.md",
        "api/call_limits.py",
        "self.addresses.spend(network_of(client))",
        "self.addresses.spend(client)",
        (f"{LIMITS}::test_a_64_network_of_ipv6_is_one_address_and_a_proxy_of_this_host_is_none",),
    ),
    Mutant(
        "kept answers of other callers",
        "an answer that is kept is its caller's alone",
        "api/kept_answers.py",
        "_client(scope), tuple(raw)",
        "_client(scope), ()",
        (f"{KEPT}::test_nobody_else_is_answered_with_it",),
    ),
    Mutant(
        "kept answers of another host",
        "addresses in answers are those of the server that was called",
        "api/kept_answers.py",
        '    return scope["scheme"], scope.get',
        '    return "", scope.get',
        (f"{KEPT}::test_hosts_schemes_and_addresses_have_answers_of_their_own",),
    ),
    Mutant(
        "kept answers to a name that the server had",
        "addresses in answers are those of the server that was called",
        "cli/serve.py",
        "        server.hosts.check(scope)\n",
        "        pass\n",
        (f"{KEPT}::test_what_is_not_answered_at_once",),
    ),
    Mutant(
        "kept answers of heavy accounts go first",
        "note 24",
        "api/kept_answers.py",
        "        if not self._store.priority.passes(entry.account_id):\n            return False\n",
        "",
        (f"{KEPT}::test_what_is_not_answered_at_once",),
    ),
    Mutant(
        "a fault behind an answer refuses the request",
        "note 38",
        "cli/bounded_http.py",
        "            return cycle.response_complete\n",
        "            raise\n",
        (f"{UNIT}/cli/test_bounded_http.py::test_what_is_kept_is_answered_at_once_and_in_order",),
    ),
    Mutant(
        "kept answers and policies",
        "what is kept ends with the policies that it rests on",
        "db/session.py",
        "            self.basis.names.add(topic)\n",
        "            pass\n",
        (f"{KEPT}::test_what_has_changed_is_answered_anew",),
    ),
    Mutant(
        "kept answers and statements",
        "what is kept ends with a change of a table that it rests on",
        "db/compiled_selects.py",
        "        session.rests_on(plan.tables)\n",
        "",
        (f"{KEPT}::test_what_has_changed_is_answered_anew",),
    ),
    Mutant(
        "kept answers beside a commit",
        "an answer is never older than one that somebody has seen",
        "db/table_changes.py",
        "            self._committing += 1\n            self._mark(names)\n",
        "            self._committing += 1\n",
        (f"{UNIT}/db/test_table_changes.py::test_a_commit_counts_before_and_after_it_is_visible",),
    ),
    Mutant(
        "kept answers and the time of day",
        "conditions on the time are asked at every call",
        "iam/authentication.py",
        "-math.inf if timed else until",
        "until",
        (f"{KEPT}::test_what_follows_from_the_time_of_day_is_not_kept",),
    ),
)
