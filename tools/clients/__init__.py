"""Clients that other people wrote, run against the product: `./dev clients NAME`."""
