"""Each test has a world of its own, with unittest alone."""

from __future__ import annotations

import unittest

from catalog_audit import empty_catalogs

from kunsthalle.testing import clean_world


class EmptyCatalogs(unittest.TestCase):
    def setUp(self) -> None:
        self.world = self.enterContext(clean_world())
        self.client = self.world.publisher.catalog_management

    def test_there_is_none_at_first(self) -> None:
        self.assertEqual(empty_catalogs(self.client), [])

    def test_only_empty_ones_are_told(self) -> None:
        full = self.client.create_catalog(label="full").get_result()
        self.client.create_catalog(label="empty")
        self.client.create_offering(full["id"], name="golden", label="Golden")
        self.assertEqual(empty_catalogs(self.client), ["empty"])

    def test_those_of_other_accounts_are_not_told(self) -> None:
        self.world.consumer_a.catalog_management.create_catalog(label="theirs")
        self.assertEqual(empty_catalogs(self.client), [])


if __name__ == "__main__":
    unittest.main()
