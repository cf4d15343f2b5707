"""Figures that others have published, with what they say about how they were obtained."""

from __future__ import annotations

# The published LST-1 accelerator: its IP core alone, without DMA and registers (ITS paper and slides).
PUBLISHED = {
    "name": "published LST-1, 13 bits",
    "part": "XC7Z010",
    "lut": 914,
    "ff": 302,
    "ramb18": 67,
    "dsp48e1": 57,
    "accuracy": 98.28,
    "images_per_second": 9_890,
    "fclk_mhz": 48.8,
    "cycles_per_image": 4_934,
    "conditions": "as published, 48.8 MHz",
}
# Networks for MNIST on boards.
ON_BOARDS = (
    PUBLISHED,
    {
        "name": "[BNN-PYNQ](https://github.com/Xilinx/BNN-PYNQ), LFC-W1A1",
        "part": "XC7Z020",
        "lut": 28_360,
        "ff": 33_470,
        "ramb18": 220,
        "dsp48e1": 4,
        "accuracy": 98.40,
        "images_per_second": 356_633,
        "conditions": "measured on the board, a batch of 10,000",
    },
    {
        "name": "[FINN](https://github.com/Xilinx/finn), TFC-w1a1",
        "part": "Zynq UltraScale+",
        "lut": None,
        "ff": None,
        "ramb18": None,
        "dsp48e1": None,
        "accuracy": 92.96,
        "images_per_second": 837_019,
        "conditions": "measured on the board, 100 MHz; 441,567 from Python",
    },
)
