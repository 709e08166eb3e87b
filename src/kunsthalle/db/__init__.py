"""The relational store: engines, units of work, visibility, transitions, jobs, audit, schema."""
