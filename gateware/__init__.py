"""Cores, engines, the shell for the Zynq-7000, and the tools that simulate and measure what they emit."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # of the checkout
