"""The `kunsthalle` command: no rule lives here."""
