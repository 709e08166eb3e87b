"""The doctor: bytes, references, disks and jobs held against each other, and mended on request"""
