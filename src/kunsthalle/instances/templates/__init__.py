"""Instance templates."""
