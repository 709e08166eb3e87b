"""Instances of services that the resource controller makes: object storage and Key Protect."""
