"""What every package stands on: clock, ids, errors, states, faults, regions, CRNs. No HTTP and no SQL."""
