"""`clean_world`: the same without pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import unittest
from kunsthalle.testing import clean_world

class Catalogs(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(clean_world())
        self.publisher = self.world.publisher

    def test_first(self):
        self.assertEqual(self.publisher.catalog_management.list_catalogs().get_result()["total_count"], 0)
        self.publisher.catalog_management.create_catalog(label="mine")
        self.assertEqual(self.publisher.catalog_management.list_catalogs().get_result()["total_count"], 1)

    test_second = test_first

if __name__ == "__main__":
    unittest.main()
"""


def test_unittest(tmp_path: Path) -> None:
    (tmp_path / "catalogs.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "catalogs.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr


def test_an_exception_that_leaves_the_block_tells_the_calls() -> None:
    from kunsthalle.testing import clean_world

    with pytest.raises(ValueError, match="mine") as caught, clean_world() as world:
        world.consumer_a.vpc.list_vpcs()
        raise ValueError("mine")
    [note] = caught.value.__notes__
    assert "consumer-a   GET /v1/vpcs?" in note
    assert note.endswith("No fault was applied.")


def test_an_unknown_persona_is_told_with_those_there_are() -> None:
    from kunsthalle.testing import clean_world

    with clean_world() as world, pytest.raises(KeyError, match="there are: enterprise, publisher, consumer-a"):
        world.persona("nobody")
