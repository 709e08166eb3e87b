"""What attacks, real files and real clients found, by number and clause, and the tests of each.

A renamed or removed test fails here, so that no finding is left without one. What is served is also attacked from
outside: each number of section S has a file in `attacks/`, or a reason why there is none.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fixtures.tools import ROOT

FINDINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "S1-account-takeover": {
        "a person's API key is made by that person alone": (
            "unit/iam/test_keys.py::test_the_key_of_a_person_is_made_by_that_person_alone",
            "attacks/test_account_takeover.py::test_an_administrator_of_identities_makes_no_key_in_advance",
            "attacks/test_account_takeover.py::test_a_member_who_came_of_their_own_will_keeps_their_keys_to_themselves",
        ),
        "a service ID's key is made by who may edit it": (
            "unit/iam/test_keys.py::test_the_key_of_a_service_id_is_made_by_who_may_change_it_and_holds_as_much",
        ),
        "only the invited person turns PENDING into ACTIVE": (
            "unit/accounts/test_members.py::test_an_invitation_is_accepted_by_the_invited_alone_and_once",
            "attacks/test_account_takeover.py::test_nobody_is_made_a_member_by_others",
        ),
        "an enterprise makes nobody the owner of a child": (
            "attacks/test_account_takeover.py::test_an_enterprise_makes_nobody_its_puppet",
            "attacks/test_account_takeover.py::test_somebody_who_is_only_invited_owns_nothing",
        ),
        "a key that another made opens its own account alone": (
            "unit/accounts/test_keys_by_others.py::test_it_opens_no_account_but_the_one_it_was_made_in",
            "unit/accounts/test_keys_by_others.py::test_it_puts_on_no_profile_of_another_account",
            "unit/accounts/test_keys_by_others.py::test_a_token_that_it_has_opened_before_ends",
        ),
        "such keys of before are disabled, and named by the doctor": (
            "unit/db/test_migrations.py::test_keys_of_people_that_others_made_are_disabled",
            "unit/accounts/test_keys_by_others.py::test_once_disabled_nobody_enables_it",
            "unit/operator/test_doctor.py::test_a_damage_is_found_and_mended",
        ),
        "no sequence of calls yields a token that writes elsewhere": (
            "unit/accounts/test_takeover_property.py::test_nobody_acts_as_somebody_else_or_where_they_were_not_let_in",
        ),
    },
    "S2-invitations": {
        "people are found by their login, which nobody changes": (
            "attacks/test_invitations.py::test_the_invitation_waits_for_the_person_and_not_for_a_claim",
            "attacks/test_invitations.py::test_an_address_is_the_same_in_capitals",
            "unit/db/test_migrations.py::test_people_sign_in_as_the_oldest_of_their_addresses_and_as_none_that_others_claim",
        ),
        "an invitation tells nobody who has an address": (
            "attacks/test_invitations.py::test_an_address_that_somebody_has_and_one_that_nobody_has_are_answered_alike",
            "attacks/test_invitations.py::test_who_is_invited_stands_for_nobody_until_they_accept",
        ),
    },
    "S3-hostile-import": {
        "who has not accepted, or was disabled or removed, administers nothing": (
            "attacks/test_hostile_import.py::test_an_administrator_who_has_never_accepted_imports_nothing",
            "attacks/test_hostile_import.py::test_an_administrator_who_was_disabled_imports_nothing",
            "attacks/test_hostile_import.py::test_an_administrator_who_was_removed_imports_nothing",
        ),
        "an account is imported by an administrator of the whole of both": (
            "attacks/test_hostile_import.py::test_an_administrator_of_one_service_imports_nothing",
            "unit/accounts/test_tree.py::test_an_account_is_imported_by_who_is_an_administrator_of_both",
        ),
    },
    "S4-work-in-reads": {
        "a search is made in SQL": (
            "unit/search/test_sight.py::test_search_is_the_lists_held_against_the_query",
            "unit/search/test_query.py::test_these_find_it",
        ),
        "a search leaves the event loop": (
            "unit/db/test_engine.py::test_a_long_read_leaves_the_event_loop",
            "unit/db/test_engine.py::test_a_read_that_is_said_to_be_long_never_runs_on_the_event_loop",
            "attacks/test_search_freeze.py::test_no_search_holds_the_server",
        ),
        "a search has a time": (
            "unit/search/test_sight.py::test_a_search_whose_time_is_over_asks_no_further_kind",
            "unit/db/test_engine.py::test_a_read_that_would_not_end_is_refused_and_the_next_one_answered",
        ),
        "a query has a bound on its terms": (
            "unit/search/test_query.py::test_the_largest_queries_are_answered",
            "unit/search/test_query.py::test_these_are_refused_with_a_reason",
        ),
        "alternatives are one condition": ("unit/search/test_query.py::test_alternatives_cost_little_more_than_one",),
        "accounts take turns in long reads": (
            "unit/db/test_long_reads.py::test_one_accounts_long_reads_leave_a_thread_for_another_account",
            "unit/api/test_search_turns.py::test_an_account_with_too_many_long_reads_is_refused_and_others_are_not",
        ),
        "every list of a body has a bound": (
            "unit/api/test_body_bounds.py::test_every_list_and_object_of_every_body_has_a_bound",
            "unit/api/test_body_bounds.py::test_routes_refuse_more_than_their_bounds",
        ),
        "conditions on the time, and policies with them, have a bound": (
            "unit/iam/test_rules.py::test_what_is_no_condition_on_the_time_is_refused",
            "unit/iam/test_rules.py::test_a_condition_is_parsed_once_for_all_rules_that_have_it",
            "unit/iam/test_policy_limits.py::test_the_bound_is_on_all_that_an_identity_holds",
            "attacks/test_time_conditions.py::test_a_rule_of_very_many_conditions_is_refused",
            "attacks/test_time_conditions.py::test_requests_of_who_has_them_cost_little_and_nobody_waits",
        ),
        "scopes of many policies have a bound": (
            "unit/db/test_scope_conditions.py::test_a_caller_with_very_many_policies_is_answered",
            "unit/db/test_scope_conditions.py::test_a_scope_that_no_statement_can_hold_is_refused",
        ),
    },
    "S5-work-in-writes": {
        "a patch copies its document once": (
            "unit/catalogs/test_patching.py::test_the_document_is_copied_once_however_many_operations",
        ),
        "a patch is worked out before the transaction": (
            "unit/api/test_work_before_writes.py::test_every_json_patch_is_applied_outside_the_transaction",
            "unit/api/test_work_before_writes.py::test_one_that_is_planted_inside_is_found",
            "unit/api/test_work_before_writes.py::test_a_patch_of_what_has_changed_meanwhile_is_refused",
            "unit/api/test_work_before_writes.py::test_large_bodies_are_decoded_outside_the_transaction",
        ),
        "a patch makes a bounded document": (
            "unit/catalogs/test_patching.py::test_copies_of_copies_end_before_they_fill_the_memory",
            "unit/db/test_engine.py::test_a_document_that_is_too_large_is_refused_with_its_bound",
        ),
        "no patch and no tagging holds the writer": (
            "attacks/test_patch_freeze.py::test_no_patch_holds_the_writer",
            "attacks/test_tag_freeze.py::test_no_tagging_holds_the_writer",
        ),
        "no body holds the writer": (
            "matrix/test_largest_bodies.py::test_no_list_makes_a_write_long",
            "matrix/test_largest_bodies.py::test_the_largest_bodies_make_no_write_long",
        ),
        "no deletion holds the writer": (
            "matrix/test_large_deletions.py::test_no_deletion_holds_the_writer_long",
            "attacks/test_deletion_freeze.py::test_no_deletion_holds_the_writer",
        ),
        "a slow write that is planted is found": (
            "unit/db/test_engine.py::test_a_write_that_holds_the_writer_is_told_by_name",
            "matrix/test_largest_bodies.py::test_a_write_that_is_planted_long_is_found",
            "matrix/test_large_deletions.py::test_a_deletion_that_is_planted_long_is_found",
        ),
    },
    "S6-disk-filling": {
        "the virtual size is compared with the free space before a conversion": (
            "attacks/test_disk_filling.py::test_a_small_image_that_unfolds_to_232_gib_is_not_exported",
            "unit/images/test_room.py::test_an_export_larger_than_the_disk_fails_with_a_reason",
            "unit/images/test_room.py::test_imports_at_the_same_time_share_the_room",
        ),
        "an account has a quota of exports": (
            "unit/images/test_exports.py::test_quotas",
            "unit/images/test_export_races.py::test_no_more_exports_of_an_account_than_the_quota_allows",
            "unit/images/test_room.py::test_an_account_whose_buckets_are_full_exports_nothing_more",
        ),
        "an account has a quota of bytes in flight": (
            "unit/db/test_turns.py::test_what_an_account_has_too_much_of_is_refused_at_the_post",
        ),
        "an import that finds the disk full is tried again": (
            "unit/images/test_room.py::test_an_import_whose_disk_fills_on_the_way_is_tried_again",
            "unit/images/test_room.py::test_an_import_that_does_not_fit_waits_and_comes_in_once_there_is_room",
        ),
    },
    "S7-before-authentication": {
        "heads beyond 64 KiB are 431 or 414": (
            "attacks/test_large_headers.py::test_a_head_without_measure_is_refused",
            "attacks/test_pipelining.py::test_what_is_refused_is_refused_after_the_answers_to_what_came_before",
        ),
        "headers and bodies have deadlines": (
            "attacks/test_half_open.py::test_a_request_that_is_never_complete_ends_its_connection",
            "attacks/test_half_open.py::test_a_body_that_is_never_complete_ends_its_connection",
            "attacks/test_half_handshakes.py::test_a_handshake_that_is_never_done_ends_its_connection",
        ),
        "connections have a limit for each address and in all": (
            "attacks/test_half_open.py::test_one_address_has_so_many_connections",
            "attacks/test_half_handshakes.py::test_half_a_handshake_counts_for_the_whole_server",
            "unit/cli/test_connections.py::test_connections_are_counted_by_address_and_in_all",
        ),
        "the soft limit of files is raised": (
            "attacks/test_half_open.py::test_a_server_may_open_as_many_files_as_the_system_lets_it",
        ),
        "the token is looked at before the body": (
            "attacks/test_body_before_token.py::test_a_stranger_is_refused_before_the_body",
            "attacks/test_body_before_token.py::test_the_console_asks_for_the_session_before_the_form",
        ),
    },
    "S8-jobs": {
        "accounts take turns": (
            "unit/db/test_turns.py::test_accounts_take_turns_one_job_each",
            "unit/db/test_turns.py::test_the_account_with_the_fewest_running_jobs_comes_first",
        ),
        "an account's waiting and running jobs have a bound": (
            "attacks/test_job_turns.py::test_many_imports_of_one_account_are_refused_and_another_account_is_served_in_between",
            "unit/db/test_turns.py::test_an_account_runs_no_more_jobs_than_it_may",
            "unit/db/test_worker.py::test_an_account_runs_fewer_jobs_at_once_while_others_ask",
        ),
        "long transfers have a lane": (
            "unit/db/test_turns.py::test_a_worker_of_short_jobs_takes_no_transfer_not_even_a_lost_one",
            "unit/db/test_turns.py::test_transfers_of_many_accounts_leave_a_worker_to_short_jobs",
        ),
        "more than 64 header extensions are refused": (
            "attacks/test_job_turns.py::test_images_with_very_many_header_extensions_are_refused_at_their_start",
        ),
    },
    "S9-robustness": {
        "the owner holds everything whatever the policies say": (
            "attacks/test_owner_lockout.py::test_who_deletes_the_policies_that_made_them_owner_is_owner_still",
            "attacks/test_owner_lockout.py::test_an_administrator_cannot_lock_the_owner_out",
            "unit/iam/test_engines.py::test_the_owner_holds_everything_and_another_owner_at_once",
        ),
        "the console's cookies are Secure over https": (
            "stories/console/test_cookies.py::test_cookies_are_secure_where_the_address_is",
            "stories/api/test_proxy.py::test_the_console_knows_that_it_is_called_over_https",
        ),
        "a full disk is 503 with Retry-After, and not ready": (
            "attacks/test_disk_filling.py::test_a_full_disk_is_answered_503_and_is_over_once_there_is_room",
            "unit/api/test_full_disk.py::test_a_sign_in_is_answered_503_as_iam_answers",
            "unit/api/test_full_disk.py::test_readiness_says_why_until_there_is_room_again",
        ),
        "pages are bounded by bytes": (
            "attacks/test_large_pages.py::test_every_item_is_on_one_page_and_no_page_is_large",
            "unit/db/test_scope.py::test_pages_of_large_documents_end_early_and_lead_to_every_item",
            "unit/search/test_answer_bytes.py::test_a_search_ends_early_where_tags_are_many_and_goes_on",
            "unit/search/test_answer_bytes.py::test_lists_of_tags_and_of_the_audit_have_small_items",
        ),
        "a document has a size": (
            "unit/db/test_engine.py::test_a_document_that_is_too_large_is_refused_with_its_bound",
            "attacks/test_patch_freeze.py::test_no_patch_holds_the_writer",
        ),
        "the doctor and readiness tell of a damaged database": (
            "attacks/test_damaged_database.py::test_a_damaged_page_makes_the_server_unready_and_the_doctor_say_so",
            "unit/operator/test_damaged_database.py::test_readiness_finds_it_without_the_doctor",
            "unit/operator/test_damaged_database.py::test_a_deep_examination_finds_an_index_that_lacks_a_row",
        ),
    },
    "S10-small-leaks": {
        "what is hidden costs what never existed does": (
            "attacks/test_equal_work.py::test_nobody_learns_by_the_work_what_is_there",
            "unit/catalogs/test_equal_work.py::test_a_hidden_version_costs_what_an_absent_one_does",
            "unit/catalogs/test_equal_work_postgresql.py::test_what_is_hidden_costs_postgresql_what_an_absent_one_does",
            "unit/accounts/test_equal_work_postgresql.py::test_what_is_hidden_costs_postgresql_what_an_absent_one_does",
        ),
        "jobs outlive a clock that goes back": (
            "unit/db/test_turns.py::TestClockThatGoesBack::test_a_job_that_waits_for_no_moment_runs_at_once",
            "unit/db/test_turns.py::TestClockThatGoesBack::test_a_job_that_is_tried_again_waits_no_day",
        ),
        "answers are no-store and nosniff": (
            "attacks/test_answer_headers.py::test_tokens_and_keys_are_kept_by_nobody",
            "attacks/test_answer_headers.py::test_so_is_everything_else",
        ),
        "shares go to accounts of the enterprise, and not to very many": (
            "attacks/test_share_requests.py::test_an_account_of_elsewhere_is_answered_like_one_that_does_not_exist",
            "attacks/test_share_requests.py::test_more_than_a_list_may_name_is_refused_as_a_whole",
        ),
        "rules of profiles give no more than is held": (
            "unit/iam/test_who_gets_in.py::test_nobody_opens_what_holds_more_than_they_do",
            "attacks/test_stronger_profiles.py::test_nobody_opens_what_holds_more_than_they_do",
        ),
        "nothing that is printed commands the terminal": (
            "unit/ibmcloud/test_display.py::test_json_is_the_same_document_for_programs",
            "attacks/test_terminal_commands.py::test_nothing_that_is_printed_commands_the_terminal",
        ),
        "the Host header gets into no answer": (
            "attacks/test_host_header.py::test_no_token_is_issued_in_another_name",
            "attacks/test_host_header.py::test_an_unknown_host_is_refused_in_the_words_of_the_api",
        ),
        "the signing key is encrypted": (
            "test_encryption_at_rest.py::test_no_byte_of_the_database_gives_the_signing_key_away",
            "test_encryption_at_rest.py::test_a_key_that_was_left_in_clear_is_encrypted_and_no_free_page_keeps_it",
        ),
        "the audit is kept for its days": (
            "unit/accounts/test_audit_retention.py::test_an_entry_is_kept_for_its_days_and_then_gone",
        ),
        "licences are told, and the GPL module is not loaded": (
            "test_notice.py::test_every_locked_package_is_named_with_its_version",
            "test_notice.py::test_the_module_under_the_gpl_is_never_loaded",
        ),
        "there is a way to report a vulnerability": (
            "test_attack_findings.py::test_a_vulnerability_is_reported_in_private",
        ),
        "unchecked images are told": (
            "unit/block_storage/test_unchecked_images.py::test_that_images_are_unchecked_is_said",
            "unit/block_storage/test_unchecked_images.py::test_what_status_says",
        ),
    },
    "A1-the-end-of-a-vhd": {
        "its size is the current size, with and without qemu-img": (
            "hostile_images/test_vhd_size.py::test_the_size_without_tools",
        ),
        "a geometry that nobody goes by is fine": (
            "hostile_images/test_vhd_size.py::test_a_geometry_that_nobody_goes_by_may_be_anything",
            "hostile_images/test_vhd_size.py::test_a_geometry_that_counts_must_fit",
        ),
        "the last sector survives, for every creator and both kinds": (
            "hostile_images/test_vhd_size.py::test_the_last_sector_survives",
            "unit/images/test_exports.py::test_the_end_of_a_vhd_reaches_servers_snapshots_and_exports",
        ),
    },
    "A2-extended-l2": {
        "it is accepted, and bit 4 inspected": (
            "hostile_images/test_tools.py::test_an_image_with_subclusters_is_read_to_its_end",
            "hostile_images/test_mutations.py::test_damage_is_refused_or_harmless",
            "hostile_images/test_hostile.py::test_without_tools",
        ),
    },
    "A3-other-formats": {
        "an import says how to convert": (
            "unit/images/test_images.py::test_a_disk_of_another_format_is_told_the_way",
            "hostile_images/test_conversion.py::test_what_the_other_format_has_is_named",
        ),
        "VMDK, VHDX and raw are converted": (
            "unit/cli/test_images_convert.py::test_a_disk_of_each_format",
            "attacks/test_large_upload.py::test_the_servers_memory_does_not_grow_with_the_file",
            "hostile_images/test_conversion.py::test_what_qemu_writes_is_converted_to_its_last_sector",
        ),
        "under limits, after the rules of their formats": (
            "hostile_images/test_conversion.py::test_what_is_refused",
            "hostile_images/test_conversion.py::test_damaged_headers_are_refused_in_plain_words",
            "hostile_images/test_conversion.py::test_room_is_asked_for_before_anything_is_written",
        ),
    },
    "B4-operating-systems": {
        "the list is that of public sources": (
            "unit/images/test_operating_systems.py::test_each_system_is_as_public_sources_say",
            "unit/images/test_operating_systems.py::test_every_documented_family_is_there_and_names_are_unique",
            "unit/images/test_operating_systems.py::test_what_openshift_imports_as",
            "unit/catalogs/test_architecture.py::test_the_systems_of_openshift_and_windows_enter",
        ),
        "some are for dedicated hosts alone": (
            "unit/images/test_operating_systems.py::test_a_system_may_be_for_dedicated_hosts_alone",
        ),
        "an image has the defaults of its system": (
            "unit/images/test_images.py::test_what_an_image_says_of_itself",
            "unit/images/test_images.py::test_what_it_may_be_used_for",
        ),
        "an unknown name is answered with names that are near": (
            "unit/images/test_operating_systems.py::test_an_unknown_name_is_refused_with_names_that_are_close",
        ),
    },
    "B5-profiles": {
        "of instances, of all families": (
            "unit/instances/test_profiles.py::test_each_profile_is_as_public_tables_say",
            "unit/instances/test_profiles.py::test_what_follows_from_names",
            "unit/instances/test_profiles.py::test_the_list_pages_and_the_sdk_reads_every_one",
        ),
        "of bare metal servers": ("unit/instances/test_profiles.py::test_bare_metal_profiles",),
        "of volumes": (
            "unit/block_storage/test_volumes.py::test_profiles",
            "unit/block_storage/test_volumes.py::test_what_follows_from_profile_and_capacity",
        ),
        "an unknown name is answered with names that are near": (
            "unit/instances/test_profiles.py::test_an_unknown_profile_is_refused_with_names_that_are_close",
        ),
    },
    "B6-trailing-slash": {
        "every route is found with one": (
            "matrix/test_trailing_slash.py::test_every_route_is_found_with_a_slash_at_its_end",
            "matrix/test_trailing_slash.py::test_one_slash_is_taken_off_and_no_segment",
        ),
    },
    "B7-tags-and-search": {
        "a pattern detaches user and access tags": (
            "stories/api/test_search.py::test_a_pattern_takes_off_all_tags_of_a_key",
        ),
        "a user tag without a resource can be deleted once": (
            "stories/api/test_search.py::test_a_user_tag_stays_in_the_list_until_it_is_deleted",
        ),
        "ranges, _exists_ and escapes": (
            "unit/search/test_query.py::test_these_find_it",
            "unit/search/test_query.py::test_these_do_not",
            "unit/search/test_sight.py::test_a_range_of_what_a_kind_has_in_common_is_decided_without_the_database",
        ),
    },
    "B8-ibmcloud": {
        "every command of the reference works or says that it is not supported": (
            "unit/ibmcloud/test_verbs.py::test_every_command_of_the_reference_is_known",
            "unit/ibmcloud/test_verbs.py::test_a_served_command_has_help",
        ),
        "every option works or says that it is ignored": (
            "unit/ibmcloud/test_reference.py::test_every_option_of_the_reference_is_known",
            "unit/ibmcloud/test_reference.py::test_every_call_of_the_reference_works",
            "unit/ibmcloud/test_reference.py::test_an_option_that_changes_nothing_says_ignored",
        ),
        "what is printed": ("unit/ibmcloud/test_golden.py::test_transcript",),
    },
    "B9-closed-buckets": {
        "without an authorization an import is 403": (
            "unit/images/test_closed_buckets.py::test_an_import_needs_an_authorization_that_lasts_as_long_as_it",
            "unit/images/test_closed_buckets.py::test_closed_foreign_and_absent_buckets_are_refused_with_the_same_bytes",
        ),
    },
    "B10-reclamations": {
        "an instance tells its last operation": ("unit/images/test_reclamations.py::test_what_was_done_last_is_told",),
        "a deleted instance waits, is restored and reclaimed": (
            "unit/images/test_reclamations.py::test_a_deleted_instance_waits_and_its_buckets_are_closed",
            "unit/images/test_reclamations.py::test_a_restored_instance_is_as_it_was",
            "unit/images/test_reclamations.py::test_the_end_of_the_seven_days",
            "unit/images/test_reclamations.py::test_catalogs_and_storage_wait_in_one_list",
        ),
        "a reclamation that failed comes again, and can be restored": (
            "unit/catalogs/test_reclamation_retry.py::test_a_reclamation_that_gave_up_is_due_again_a_day_later",
            "unit/catalogs/test_reclamation_retry.py::test_a_reclamation_that_gave_up_can_be_restored",
        ),
        "the resource group stays until then": (
            "unit/images/test_reclamations.py::test_a_group_with_a_waiting_instance_cannot_be_deleted",
        ),
    },
    "B11-iam": {
        "every entity tag is a header": (
            "stories/api/test_entity_tags.py::test_the_header_of_each_answer_allows_the_next_change",
            "stories/api/test_entity_tags.py::test_a_link_has_a_tag_though_it_is_never_changed",
        ),
        "include_history": ("unit/iam/test_history.py::test_what_was_done_is_told_in_order",),
        "an access group without a description": (
            "stories/api/test_entity_tags.py::test_an_access_group_without_a_description_has_an_empty_one",
        ),
        "a member whom the account does not know yet": (
            "attacks/test_invitations.py::test_a_group_names_people_whom_the_account_does_not_know_and_gives_them_nothing",
        ),
        "roles of the service group IAM": (
            "stories/api/test_entity_tags.py::test_the_roles_of_account_management_are_asked_for_by_their_service_group",
        ),
    },
    "B12-catalog-documents": {
        "a catalog is replaced without a label": (
            "attacks/test_secrets_in_catalogs.py::test_the_credentials_of_a_catalog",
        ),
        "credentials are encrypted at rest": (
            "test_encryption_at_rest.py::test_credentials_in_documents_are_encrypted_too_and_follow_a_new_key",
        ),
        "credentials are shown to nobody, and their mark keeps them": (
            "attacks/test_secrets_in_catalogs.py::test_the_credentials_of_a_catalog",
            "attacks/test_secrets_in_catalogs.py::test_the_repository_token_of_an_offering",
            "attacks/test_secrets_in_catalogs.py::test_a_mark_without_a_stored_value_and_what_is_no_text_are_refused",
            "unit/catalogs/test_credentials.py::test_a_mark_must_tell_which_credential_it_keeps",
        ),
    },
}
"""By number and clause the tests: a file below tests/, and a function or method in it."""

NUMBERS = [f"S{n}" for n in range(1, 11)] + [f"A{n}" for n in range(1, 4)] + [f"B{n}" for n in range(4, 13)]

INSIDE_ONLY = {
    "S10 jobs outlive a clock that goes back": "nobody outside sets the clock of the host",
    "S10 the signing key is encrypted": "what is on the disk is read there",
    "S10 the audit is kept for its days": "no call of a tenant shortens it",
    "S10 licences are told, and the GPL module is not loaded": "a file of the repository",
    "S10 there is a way to report a vulnerability": "a file of the repository",
    "S10 unchecked images are told": "the operator's status and the image's own answer",
    "S9 the console's cookies are Secure over https": "served over TLS in `stories/api/test_proxy.py`",
}
"""Clauses of section S without a script that attacks a served process, with the reason."""


def _tests(file: Path) -> set[str]:
    """The functions of a file, and the methods of its classes as `Class::method`."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{one.name}" for one in node.body if isinstance(one, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("finding", FINDINGS)
def test_each_clause_of_a_finding_has_its_tests(finding: str) -> None:
    for clause, tests in FINDINGS[finding].items():
        assert tests, clause
        for one in tests:
            file, _, name = one.partition("::")
            assert name in _tests(ROOT / "tests" / file), (clause, one)


def test_no_number_is_left_out() -> None:
    assert [name.partition("-")[0] for name in FINDINGS] == NUMBERS


def test_each_number_of_the_security_section_is_attacked_from_outside() -> None:
    attacked = {
        number: {clause for clause, tests in clauses.items() if any(one.startswith("attacks/") for one in tests)}
        for name, clauses in FINDINGS.items()
        if (number := name.partition("-")[0]).startswith("S")
    }
    assert [number for number, clauses in attacked.items() if not clauses] == []
    inside = {
        f"{number} {clause}"
        for number in ("S9", "S10")
        for clause in next(one for name, one in FINDINGS.items() if name.startswith(f"{number}-"))
        if clause not in attacked[number]
    }
    assert inside == INSIDE_ONLY.keys()


def test_every_attack_is_of_a_finding_or_of_the_frame_of_http() -> None:
    named = {one.partition("::")[0] for clauses in FINDINGS.values() for tests in clauses.values() for one in tests}
    files = {f"attacks/{file.name}" for file in (ROOT / "tests" / "attacks").glob("test_*.py")}
    assert files - named == {"attacks/test_request_targets.py", "attacks/test_web_socket_handshakes.py"}


def test_a_vulnerability_is_reported_in_private() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert {"## Reporting a vulnerability", "## Supported versions", "## What is in scope"} <= set(text.splitlines())
    assert "SECURITY.md" in (ROOT / "README.md").read_text()
