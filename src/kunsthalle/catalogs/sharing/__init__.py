"""Sharing: access lists, approvals, and the offerings that an account may use."""
