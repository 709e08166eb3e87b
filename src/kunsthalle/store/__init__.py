"""The relational store: engines, units of work, sight, transitions, jobs, audit, schema."""
