"""Offerings: create, change, delete, their plans and their instances."""
