"""Names the files of `tests/fixtures/` whose fixtures tests of any folder may ask for."""

pytest_plugins = [
    "pytester",
    "fixtures.boot_image",
    "fixtures.databases",
    "fixtures.deadlines",
    "fixtures.durations",
    "fixtures.frozen_app",
    "fixtures.app",
    "fixtures.go_programs",
    "fixtures.identity_provider",
    "fixtures.packages",
    "fixtures.s3",
    "fixtures.served",
    "fixtures.statements",
    "fixtures.tls_contexts",
    "fixtures.walks",
    "fixtures.worlds",
]
