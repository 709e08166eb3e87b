"""Sizes in bytes. The APIs call 2**20 bytes an MB and 2**30 bytes a GB."""

KIB, MIB, GIB = 2**10, 2**20, 2**30
