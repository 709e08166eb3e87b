"""Looks into image files without trusting them.

While the bytes arrive: `stream.Intake`. Once the file is complete: `examine.examine`. Later, on a host that
has got qemu-img meanwhile: `examine.recheck`. `tools` runs qemu-img under limits, `make` writes files of our
own without it. The package knows no HTTP and no SQL; what it refuses, it refuses with `errors.Refused`.
"""
