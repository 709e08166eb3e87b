"""Versions of an offering: import, validation, publication, removal, and what boots from them."""
