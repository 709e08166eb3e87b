"""The relational store: engines, units of work, visibility, transitions, audit, schema."""
