"""The row-parallel engine: a row per clock; one network built in, as constants in logic."""
