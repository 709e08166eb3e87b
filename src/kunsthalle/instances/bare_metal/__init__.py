"""Bare metal servers, simulated: their states move and their books are kept; nothing runs, and no disk is written."""
