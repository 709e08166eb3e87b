"""The instance profiles that the VPC API documents: data alone, a tuple that costs a start nothing to build.

A group is (prefix of the names, sizes); a prefix may have several. A size is `<vCPUs>x<GiB>[x<GPUs>]`, after `:` the
disks of the server as `<number>x<GB each>`, after `@` the bandwidth in Mb/s where it does not follow the rule in
`profiles`.

Sources, all of github.com/ibm-cloud-docs/vpc: "x86-64 instance profiles" (generations 2 and 3, flex, confidential),
"General purpose instance profiles - Intel Gen 4", "Accelerated profiles" (B300), "s390x instance profiles".
Where a page contradicts its siblings (cz2-2x4, mxf-24x192, bx3dc-96x480), the rule is followed.
"""

from __future__ import annotations

GROUPS: tuple[tuple[str, str], ...] = (
    ("bx2", "2x8 4x16 8x32 16x64 32x128 48x192 64x256 96x384 128x512"),
    ("bx2d", "2x8:1x75 4x16:1x150 8x32:1x300 16x64:1x600 32x128:2x600 48x192:1x900 64x256:2x1200 96x384:2x1800"),
    ("bx2d", "128x512:2x2400"),
    ("bx2a", "2x8 4x16 8x32 16x64 32x128 48x192 64x256 96x384 128x512 228x912"),
    ("bx3d", "2x10:1x65 4x20:1x130 8x40:1x260 16x80:1x520 24x120:1x780 32x160:2x520 48x240:2x780 64x320:2x1024"),
    ("bx3d", "96x480:2x1560 128x640:2x2080 176x880:2x2860"),
    ("bx3dc", "2x10:1x65 4x20:1x130 8x40:1x260 16x80:1x520 24x120:1x780 32x160:2x520 48x240:2x780 64x320:2x1024"),
    ("bx3dc", "96x480:2x1560"),
    ("bx4", "2x8 4x16 8x32 16x64 24x96 32x128 48x192 64x256 96x384 128x512 176x704"),
    ("bx4d", "2x8:1x65 4x16:1x130 8x32:1x260 16x64:1x520 24x96:1x780 32x128:2x520 48x192:2x780 64x256:2x780"),
    ("bx4d", "96x384:2x780 128x512:2x780 176x704:2x780"),
    ("bxf", "2x8 4x16 8x32 16x64 24x96 32x128 48x192 64x256"),
    ("bz2", "1x4 2x8 4x16 8x32 16x64"),
    ("bz2e", "1x4 2x8 4x16 8x32 16x64"),
    ("cx2", "2x4 4x8 8x16 16x32 32x64 48x96 64x128 96x192 128x256"),
    ("cx2d", "2x4:1x75 4x8:1x150 8x16:1x300 16x32:1x600 32x64:2x600 48x96:1x900 64x128:2x1200 96x192:2x1800"),
    ("cx2d", "128x256:2x2400"),
    ("cx3d", "2x5:1x65 4x10:1x130 8x20:1x260 16x40:1x520 24x60:1x780 32x80:2x520 48x120:2x780 64x160:2x1024"),
    ("cx3d", "96x240:2x1560 128x320:2x2080 176x440:2x2860"),
    ("cx3dc", "2x5:1x65 4x10:1x130 8x20:1x260 16x40:1x520 24x60:1x780 32x80:2x520 48x120:2x780 64x160:2x1024"),
    ("cx3dc", "96x240:2x1560 128x320:2x2860"),
    ("cx4", "2x4 4x8 8x16 16x32 24x48 32x64 48x96 64x128 96x192 128x256 176x352"),
    ("cx4d", "2x4:1x65 4x8:1x130 8x16:1x260 16x32:1x520 24x48:1x780 32x64:2x520 48x96:2x780 64x128:2x780"),
    ("cx4d", "96x192:2x780 128x256:2x780 176x352:2x780"),
    ("cxf", "2x4 4x8 8x16 16x32 24x48 32x64 48x96 64x128"),
    ("cz2", "2x4 4x8 8x16 16x32"),
    ("cz2e", "2x4 4x8 8x16 16x32"),
    ("mx2", "2x16 4x32 8x64 16x128 32x256 48x384 64x512 96x768 128x1024"),
    ("mx2d", "2x16:1x75 4x32:1x150 8x64:1x300 16x128:1x600 32x256:2x600 48x384:2x900 64x512:2x1200 96x768:2x1800"),
    ("mx2d", "128x1024:2x2400"),
    ("mx3d", "2x20:1x65 4x40:1x130 8x80:1x260 16x160:1x520 24x240:1x780 32x320:2x520 48x480:2x780 64x640:2x1024"),
    ("mx3d", "96x960:2x1560 128x1280:2x2080 176x1760:2x2860"),
    ("mx4", "2x16 4x32 8x64 16x128 24x192 32x256 48x384 64x512 96x768 128x1024 176x1408"),
    ("mx4d", "2x16:1x65 4x32:1x130 8x64:1x260 16x128:1x520 24x192:1x780 32x256:2x520 48x384:2x780 64x512:2x780"),
    ("mx4d", "96x768:2x780 128x1024:2x780 176x1408:2x780"),
    ("mxf", "2x16 4x32 8x64 16x128 24x192 32x256 48x384 64x512"),
    ("mz2", "2x16 4x32 8x64 16x128"),
    ("mz2e", "2x16 4x32 8x64 16x128"),
    ("vx2d", "2x28:1x60 4x56:1x120 8x112:1x240 16x224:1x480 44x616:1x1320 88x1232:2x1320 144x2016:2x2160"),
    ("vx2d", "176x2464:2x2640"),
    ("vx3d", "2x32:1x65 4x64:1x130 8x128:1x260 16x256:1x520 24x384:1x780 32x512:2x520 48x768:2x780 64x1024:2x1024"),
    ("vx3d", "88x1408:2x1430 96x1536:2x1560@200000 128x2048:2x2080 176x2816:2x2860"),
    ("ux2d", "2x56:1x60 4x112:1x120 8x224:1x240 16x448:1x480 36x1008:1x1080@64000 48x1344:2x720 72x2016:2x1080"),
    ("ux2d", "100x2800:2x1500 200x5600:2x3000"),
    ("ox2", "2x16:1x600 4x32:1x1200 8x64:2x1200 16x128:2x2400 32x256:3x3200 64x512:6x3200 96x768:9x3200"),
    ("ox2", "128x1024:12x3200"),
    ("gx2", "8x64x1v100 16x128x1v100 16x128x2v100 32x256x2v100"),
    ("gx3", "16x80x1l4 32x160x2l4 64x320x4l4 24x120x1l40s@50000 48x240x2l40s@100000"),
    ("gx3d", "24x120x1a100p:1x780 48x240x2a100p:1x1560 160x1792x8h100:8x7680 160x1792x8h200:8x7680"),
    ("gx3d", "160x1792x8gaudi3:8x3200 208x1792x8mi300x:8x3200"),
    ("gx4d", "232x3840x8b300:4x7680"),
    ("nxf", "1x1 1x2 1x4 2x1@2000 2x2@2000"),
)

GPUS: dict[str, tuple[str, str, int]] = {
    "v100": ("nvidia", "V100", 16),
    "l4": ("nvidia", "L4", 24),
    "l40s": ("nvidia", "L40S", 48),
    "a100p": ("nvidia", "A100", 80),
    "h100": ("nvidia", "H100", 80),
    "h200": ("nvidia", "H200", 141),
    "b300": ("nvidia", "B300", 288),
    "gaudi3": ("intel", "Gaudi 3", 128),
    "mi300x": ("amd", "MI300X", 192),
}
"""Maker, model, and GiB of one, by what the name of a profile ends with."""

SHARES: dict[str, tuple[int, ...]] = {
    "nxf-1x1": (10, 25, 50),
    "nxf-1x2": (10, 25, 50),
    "nxf-1x4": (25, 50),
    "nxf-2x1": (10, 25, 50),
    "nxf-2x2": (10, 25, 50),
    "cxf-2x4": (25, 50),
    "cxf-4x8": (25, 50),
    "cxf-8x16": (25, 50),
    "cxf-16x32": (25, 50),
    "bxf-2x8": (50,),
    "bxf-4x16": (50,),
    "bxf-8x32": (50,),
    "bxf-16x64": (50,),
}
"""Burstable profiles: the parts of a vCPU, in percent, that a server may have beside all of it."""
