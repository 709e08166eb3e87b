"""Transcripts: the calls of a run as text that people read and compare, and the page that is made of it."""
