"""API keys, tokens, policies: who calls, and what that caller may do."""
