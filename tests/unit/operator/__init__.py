"""what the doctor finds, and what it repairs"""
