"""Instances: servers, their interfaces, templates, instance profiles."""
