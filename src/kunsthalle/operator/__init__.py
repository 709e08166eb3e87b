"""What the operator does: clock, faults, saved states, scenarios, status, doctor."""
