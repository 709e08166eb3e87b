"""Authorization: roles, actions, permission scopes, policy evaluation, and the context of a caller."""
