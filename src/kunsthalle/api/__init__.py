"""The HTTP frame: routing, access, pipeline, wire, and the dialect of each API family."""
