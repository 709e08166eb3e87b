"""Catalogs and their offerings: create, change, delete; the plans and the instances of offerings."""
