"""Key Protect: root keys, which wrap the keys of images and volumes, and standard keys, kept for their owner."""
