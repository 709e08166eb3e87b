"""Faults of identities, their tokens, and signing in."""

from __future__ import annotations

from tools.mutant_rows.row import UNIT, Mutant

FIRST_KEYS = f"{UNIT}/operator/test_accounts.py"
LIES = f"{UNIT}/oidc/test_hostile_provider.py::test_nobody_is_signed_in_by_a_lie"
SIGN_INS = f"{UNIT}/oidc/test_sign_in.py"
SIGN_OUTS = f"{UNIT}/oidc/test_sign_out.py"
PEOPLE = f"{UNIT}/oidc/test_people.py"
ROTATION = f"{UNIT}/iam/test_signing_key_rotation.py"

ROWS = (
    Mutant(
        "stored value of a stronger service ID",
        "R11",
        "iam/api_keys.py",
        "key.stored_value is None or not _could_make(session, key.iam_id)",
        "key.stored_value is None",
        (f"{UNIT}/iam/test_keys.py::test_a_stored_value_is_hidden_from_who_holds_less_than_its_service_id",),
    ),
    Mutant(
        "token of a deleted key",
        "tokens",
        "iam/authentication.py",
        "until <= session.ctx.now():",
        "until < 0:",
        (f"{UNIT}/iam/test_keys.py::test_what_is_disabled_or_deleted_ends_at_once",),
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
        "token of another issuer",
        "note 29",
        "oidc/id_tokens.py",
        'if not isinstance(claims, dict) or claims.get("iss") != self._provider.issuer:',
        "if not isinstance(claims, dict):",
        (LIES,),
    ),
    Mutant(
        "token for another client",
        "note 29",
        "oidc/id_tokens.py",
        "if not isinstance(audiences, list) or client not in audiences:",
        "if not isinstance(audiences, list):",
        (LIES,),
    ),
    Mutant(
        "token that answers another request",
        "note 29",
        "oidc/id_tokens.py",
        "if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), nonce.encode()):",
        "if not isinstance(sent, str):",
        (LIES,),
    ),
    Mutant(
        "token that somebody else has signed",
        "note 29",
        "oidc/id_tokens.py",
        "jws.deserialize_compact(token, key, algorithms=[algorithm]).payload",
        "jws.extract_compact(token.encode()).payload",
        (LIES,),
    ),
    Mutant(
        "algorithm that a key is not for",
        "note 29",
        "oidc/id_tokens.py",
        'if key.get("alg") not in (None, algorithm):',
        'if key.get("alg") not in (None, algorithm, "RS256"):',
        (LIES,),
    ),
    Mutant(
        "token of a clock that is too far behind",
        "note 29",
        "oidc/id_tokens.py",
        "        if ends <= now - leeway:",
        "        if ends < now - leeway:",
        (f"{SIGN_INS}::test_a_token_counts_up_to_the_leeway_and_not_a_second_longer",),
    ),
    Mutant(
        "disabled people sign in",
        "note 29",
        "iam/federated_sign_ins.py",
        'for membership in memberships if membership.state == "ACTIVE"]',
        'for membership in memberships if membership.state != "PENDING"]',
        (f"{PEOPLE}::test_who_is_disabled_or_removed_loses_the_session_and_does_not_come_back",),
    ),
    Mutant(
        "session of the provider goes on after the sign-out",
        "note 29",
        "oidc/code_flow.py",
        '            "id_token_hint": farewell.id_token,\n',
        "",
        (f"{SIGN_OUTS}::test_signing_out_leads_to_the_provider_with_the_id_token_and_back",),
    ),
    Mutant(
        "anybody's word that the provider has been there",
        "note 29",
        "console/signed_out_pages.py",
        'expected != "" and hmac.compare_digest(states[0].encode(), expected.encode())',
        'expected != ""',
        (f"{SIGN_OUTS}::test_only_who_went_to_the_provider_is_told_that_they_are_back",),
    ),
    Mutant(
        "new key signs before every node knows it",
        "note 29",
        "iam/signing_keys.py",
        "    begins = now + OVERLAP\n",
        "    begins = now\n",
        (f"{ROTATION}::test_a_new_key_signs_once_every_node_knows_it",),
    ),
    Mutant(
        "rotation signs people out",
        "note 29",
        "iam/signing_keys.py",
        "if entry.ends is None or entry.ends > now]",
        "if entry.ends is None]",
        (f"{ROTATION}::test_nobody_is_signed_out",),
    ),
    Mutant(
        "sign-in of the future",
        "note 29",
        "oidc/id_tokens.py",
        ', "auth_time": "its token is of somebody who signs in later"}',
        "}",
        (f"{SIGN_INS}::test_a_token_counts_up_to_the_leeway_and_not_a_second_longer",),
    ),
    Mutant(
        "two providers of one realm",
        "note 29",
        "oidc/providers.py",
        "        _check_ids(providers)\n        _check_apart(providers)\n",
        "        _check_ids(providers)\n",
        (f"{UNIT}/oidc/test_providers_file.py::test_a_mistake_in_the_settings_is_told_with_its_key",),
    ),
    Mutant(
        "secret of a provider that is named twice",
        "secrets never appear where calls are shown",
        "settings.py",
        '            value = ", ".join(record.name for record in value)\n',
        "            value = list(value)\n",
        (f"{UNIT}/oidc/test_providers_file.py::test_a_mistake_in_the_settings_is_told_with_its_key",),
    ),
    Mutant(
        "account that was switched to forgets its sign-in",
        "note 29",
        "console/sign_in_pages.py",
        "        sign_in.rest_on(here)\n        session.add(sign_in)\n    await",
        "        session.add(sign_in)\n    await",
        (f"{SIGN_OUTS}::test_another_account_is_left_with_the_same_sign_in",),
    ),
)
