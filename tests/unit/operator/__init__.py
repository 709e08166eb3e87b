"""what the doctor finds, and what he mends"""
