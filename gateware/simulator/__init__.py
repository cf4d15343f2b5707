"""The simulated Zybo: PS7, its memory and its CPU port around the emitted Verilog, as one shared library."""
