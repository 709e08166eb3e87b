"""Scenario files: a world written down in YAML, checked before anything is asked, and made through the API."""
