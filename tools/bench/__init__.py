"""Measurements of the product against a bare application and bare primitives, as ratios taken in one run."""
