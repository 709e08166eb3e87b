"""Where servers run: simulated without QEMU, or real QEMU processes, behind one small protocol."""
