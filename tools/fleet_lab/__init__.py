"""A whole OpenStack on this machine, for tests: it is installed, started, asked and stopped by `./dev fleet`."""
