"""Global search, tags, and the resource controller's view: one way across all rooms, with the sight of each."""
