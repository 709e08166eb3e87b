"""Bare metal servers, simulated: their states and records change; nothing runs, and no disk is written."""
