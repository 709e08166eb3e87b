"""Networks: VPCs and what is in them, SSH keys, regions and zones. Books are kept here; no packet is moved."""
