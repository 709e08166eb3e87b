"""Placement groups: instances that run apart from each other, as far as the engine has hosts to keep them apart."""
