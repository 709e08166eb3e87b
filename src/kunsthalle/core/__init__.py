"""What every package stands on: clock, ids, errors, context, access, states, CRNs. No HTTP and no SQL."""
