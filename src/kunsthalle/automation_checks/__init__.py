"""Checks of other people's automation: states and plans of Terraform, SDK answers and transcripts, against rules"""
