"""The Go SDKs of VPC and of the platform services: the main story, and every operation of eleven services."""

from tools.clients.go.run import run_go

__all__ = ["run_go"]
