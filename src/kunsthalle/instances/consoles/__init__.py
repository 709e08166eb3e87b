"""Consoles of instances: access tokens and the WebSockets they open."""
