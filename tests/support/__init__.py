"""What tests share: system packages, a throw-away PostgreSQL, small worlds."""
