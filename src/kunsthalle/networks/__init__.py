"""Networks: VPCs and what is in them, SSH keys, regions and zones. Records only: no packet is moved."""
