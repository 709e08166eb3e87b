"""Terraform with the IBM provider: every configuration is applied, planned, imported and destroyed."""

from tools.clients.terraform.run import run_terraform

__all__ = ["run_terraform"]
