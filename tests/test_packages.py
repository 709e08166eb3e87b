"""What a run says and answers when system packages are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.tools import PYTEST

pytestmark = pytest.mark.by_turns(3)
SUITE = """
    import pytest

    @pytest.mark.needs_qemu_img
    def test_image(): pass

    @pytest.mark.needs_qemu
    @pytest.mark.needs_qemu_img
    def test_boot(): pass

    def test_plain(): pass
"""
OTHER = """
    import pytest

    def test_other(): pytest.skip("the moon is full")

    def test_plain(): pass
"""


@pytest.fixture
def bare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.Pytester:
    """A machine on whose path there is nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    tests = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{tests}:{tests.parent}")
    monkeypatch.delenv("CI", raising=False)
    return pytester


def _run(pytester: pytest.Pytester) -> pytest.RunResult:
    markers = ["-o", "markers=needs_qemu\nneeds_qemu_img\nneeds_postgres"]
    return pytester.run(*PYTEST, "-p", "fixtures.packages", *markers)


def test_one_line_names_what_is_missing(bare: pytest.Pytester) -> None:
    bare.makepyfile(SUITE)
    result = _run(bare)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, skipped=2)
    said = [line for line in result.outlines if "System packages that are missing" in line]
    assert len(said) == 1
    assert said[0].endswith("tests they skipped: qemu-system-x86 (1 skipped), qemu-utils (2 skipped).")


def test_nothing_is_said_of_other_skips(bare: pytest.Pytester) -> None:
    bare.makepyfile(OTHER)
    result = _run(bare)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("*System packages*")


def test_with_ci_a_missing_package_fails_the_run(bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    bare.makepyfile(SUITE)
    result = _run(bare)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["With CI=true nothing may skip, and 2 did: *::test_image (*qemu-utils)*"])


@pytest.mark.parametrize("suite", [OTHER, 'import pytest\npytest.skip("not here", allow_module_level=True)'])
def test_with_ci_any_other_skip_fails_too(bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, suite: str) -> None:
    monkeypatch.setenv("CI", "true")
    bare.makepyfile(test_first=suite, test_second="def test_passes(): pass")
    result = _run(bare)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["With CI=true nothing may skip, and 1 did: *"])


def test_with_ci_a_run_without_skips_passes(bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    bare.makepyfile("def test_plain(): pass")
    assert _run(bare).ret == pytest.ExitCode.OK
