"""The HTTP frame: routing, access, pipeline, wire, and the surface of each API family."""
