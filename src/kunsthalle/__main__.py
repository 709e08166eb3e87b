"""`python -m kunsthalle` is `kunsthalle`."""

from kunsthalle.cli.main import main

main()
