"""Only names files of `tests/fixtures/`. A fixture for tests of any folder is written in one of those files, by what it
gives: `served.py` gives `served`; a new file of them is named here. One for the tests of a folder stands in the
`conftest.py` of that folder.
"""

import os

os.environ["KUNSTHALLE_CONFIG"] = os.devnull  # a host may have an installation, which tests must not work on

pytest_plugins = [
    "pytester",
    "fixtures.boot_image",
    "fixtures.compiled",
    "fixtures.databases",
    "fixtures.deadlines",
    "fixtures.doubted_answers",
    "fixtures.durations",
    "fixtures.frozen_app",
    "fixtures.app",
    "fixtures.garbage",
    "fixtures.go_programs",
    "fixtures.identity_provider",
    "fixtures.packages",
    "fixtures.s3",
    "fixtures.served",
    "fixtures.statements",
    "fixtures.tls_contexts",
    "fixtures.trace_collector",
    "fixtures.walks",
    "fixtures.worlds",
]
