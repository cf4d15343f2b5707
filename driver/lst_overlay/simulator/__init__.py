"""A simulated Zybo Z7-10: `SimulatedBoard` is a pynq Device; `get_device` returns that of this process."""

from .bit import read_bit, write_bit
from .board import SimulatedBoard, get_device

__all__ = ["SimulatedBoard", "get_device", "read_bit", "write_bit"]
