"""What only a real OpenStack can show: the main job on it, and processes that die in the middle (`./dev fleet`)."""
