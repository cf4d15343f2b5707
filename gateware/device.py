"""Capacities of the parts: look-up tables, flip-flops, block RAMs of 18 Kbit, DSP blocks."""

DEVICE = {"lut": 17_600, "ff": 35_200, "ramb18": 120, "dsp48e1": 80}  # XC7Z010, on the Zybo Z7-10
CAPACITY = {"xc7z010": DEVICE, "xc7z020": {"lut": 53_200, "ff": 106_400, "ramb18": 280, "dsp48e1": 220}}
