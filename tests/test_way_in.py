"""The way in, from the first run to the first ten minutes: what a newcomer meets, by number, and the tests of each.

A renamed or removed test fails here, so that no part of the way is left without one.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.tools import ROOT
from kunsthalle import __version__

WAY: dict[str, dict[str, tuple[str, ...]]] = {
    "1-time-travel-signs-nobody-out": {
        "stories/api/test_across_time.py": (
            "test_with_the_python_sdk",
            "test_with_the_node_sdk",
            "test_with_the_go_sdks",
            "test_expired_tokens_are_what_automation_can_be_tried_with",
        ),
    },
    "2-a-first-account-without-a-demo": {
        "stories/test_first_run.py": ("test_the_page_works_as_it_stands",),
        "unit/cli/test_account_verbs.py": (
            "test_a_key_is_printed_as_text_and_opens_the_account",
            "test_a_stopped_servers_folder_is_worked_on_as_well",
            "test_bad_input_is_one_line",
        ),
    },
    "3-listening-elsewhere": {
        "unit/cli/test_proxies.py": ("test_a_trusted_proxy_says_who_has_called_what", "test_nobody_else_is_believed"),
        "unit/cli/test_tls.py": ("test_broken_files_leave_the_certificate_as_it_was",),
        "unit/cli/test_verbs.py": (
            "test_seeded_keys_are_served_elsewhere_when_that_is_asked_for_and_each_start_warns",
        ),
    },
    "4-wrong-settings-in-one-line": {
        "unit/cli/test_wrong_settings.py": (
            "test_a_wrong_setting_is_answered_in_one_line",
            "test_the_table_has_two_wrong_values_of_each_setting",
        ),
    },
    "5-a-server-greets": {
        "unit/cli/test_serve_on_a_terminal.py": (
            "test_a_server_greets_who_starts_it_and_stops_on_one_ctrl_c",
            "test_a_second_ctrl_c_does_not_wait",
            "test_programs_read_a_line_for_each_request",
            "test_the_lines_of_requests_can_be_left_out",
            "test_browsers_are_led_to_the_console_and_programs_are_told_where_things_are",
        ),
    },
    "6-the-running-server-is-found": {
        "unit/cli/test_finding_the_server.py": (
            "test_the_only_server_is_found",
            "test_without_a_server_it_is_said_what_was_looked_at",
            "test_env_waits_for_a_server_that_is_starting",
            "test_a_failing_env_leaves_a_message_beside_the_empty_file",
            "test_the_address_of_a_server_that_ended_is_recognised",
            "test_each_format_is_what_its_reader_takes",
        ),
    },
    "7-messages-that-lead-on": {
        "unit/images/test_messages.py": (
            "test_a_held_image_of_a_deleted_catalog_says_until_when_and_how_to_end_it",
            "test_what_holds_an_image_does_not_end_by_restoring_its_catalog",
            "test_a_refusal_names_the_action_and_the_roles_that_have_it",
            "test_a_404_of_the_catalog_says_what_was_not_found",
            "test_booting_an_own_draft_says_that_it_is_a_draft",
            "test_a_bucket_and_an_object_that_are_missing_differ",
            "test_an_object_of_another_region_is_refused",
        ),
        "unit/images/test_operating_systems.py": ("test_an_unknown_name_is_refused_with_names_that_are_close",),
        "hostile_images/test_hostile.py": ("test_without_tools",),
    },
    "8-ibmcloud": {
        "unit/ibmcloud/test_sharing_help.py": (
            "test_the_examples_of_publishing_run_in_their_order",
            "test_help_shows_the_examples",
            "test_accounts_are_named_by_name",
            "test_a_name_that_the_caller_cannot_see_is_refused_with_what_to_do",
        ),
        "unit/ibmcloud/test_reference.py": ("test_an_option_that_changes_nothing_says_ignored",),
        "unit/ibmcloud/test_columns.py": ("test_images_by_id_name_and_the_order_that_tutorials_grep_for",),
        "unit/cli/test_operator_verbs.py": (
            "test_shells_complete_ibmcloud",
            "test_an_import_is_watched_to_its_end",
            "test_an_import_that_failed_is_an_exit_code",
        ),
    },
    "9-demo-and-dev": {
        "test_dev.py": ("test_the_product_is_installed_without_the_tools_of_its_tests", "test_uv_installs_where_it_is"),
        "unit/cli/test_demo.py": (
            "test_on_a_terminal_it_has_colours",
            "test_a_terminal_that_wants_none_gets_none",
            "test_with_qemu_the_guest_boots_and_says_so",
            "test_ids_are_short_but_where_they_are_of_use",
        ),
        "test_way_in.py": ("test_the_version_is_told_to_people_and_programs",),
    },
    "10-readme": {
        "test_readme.py": (
            "test_every_block_runs_as_pasted_in_the_order_of_the_page",
            "test_a_block_that_hangs_fails_and_what_it_began_is_stopped",
            "test_the_picture_is_readable_in_light_and_dark",
        ),
    },
    "11-how-long-tests-take": {
        "test_durations.py": (
            "test_a_run_says_how_much_it_is",
            "test_quick_takes_less_than_two_minutes_on_two_cores",
            "test_quick_has_something_of_each_area",
        ),
    },
}
"""What a newcomer meets; for each the tests, by the file below tests/ that they are in."""


def _tests(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("step", WAY)
def test_each_step_of_the_way_has_its_tests(step: str) -> None:
    for file, names in WAY[step].items():
        assert set(names) - _tests(ROOT / "tests" / file) == set(), file


def test_the_version_is_told_to_people_and_programs() -> None:
    program = [sys.executable, "-m", "kunsthalle", "version"]
    shown = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60).stdout
    assert f"kunsthalle {__version__}\n" in shown
    told = subprocess.run([*program, "--output", "json"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert json.loads(told)["kunsthalle"] == __version__
