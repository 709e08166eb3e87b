"""OpenID Connect, as a client of providers that the operator names: the protocol, and nothing of accounts."""
