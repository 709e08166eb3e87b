"""Several nodes of one database: what they have in common, and what happens when one is killed."""
