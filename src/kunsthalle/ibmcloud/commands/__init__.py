"""Commands as tables of data, an area a module."""
