"""Simulated Zybo: the PS7 primitive, its memory and its CPU port around the emitted Verilog, as one shared library."""
