"""The Node SDK: its packages are installed once, and pytest runs what calls them."""
