"""The program, which encrypts anew in transactions of one row: `python -m crash.small_slices serve …`.

There is time to kill it in the middle, and every place between two rows is one where it may die.
"""

from __future__ import annotations

from kunsthalle.cli.main import main
from kunsthalle.db import reencryption

if __name__ == "__main__":
    reencryption.SLICE = 1
    main()
