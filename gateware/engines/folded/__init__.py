"""The folded engine: rows, then columns, on the same 28 multipliers; one network built in."""
