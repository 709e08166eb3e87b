"""Backups of an installation: made while it serves, verified, restored into an empty one"""
