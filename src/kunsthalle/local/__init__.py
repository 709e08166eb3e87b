"""What the surfaces share: the data folder, the variables for clients, a served process, a small HTTP client."""
