"""Global search, tags, and the resource controller's view: one way across all packages, with the visibility of each."""
