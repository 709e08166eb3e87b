"""Background work: a durable queue and the worker threads that run it."""
