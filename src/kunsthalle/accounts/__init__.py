"""Enterprise tree, accounts, users, resource groups."""
