"""Storage: volumes, what they are attached to, snapshots, volume profiles."""
