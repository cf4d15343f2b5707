"""A simulated Zybo Z7-10: `SimulatedBoard` is a pynq Device; `get_device` returns that of this process."""

from .board import SimulatedBoard, get_device, write_bit

__all__ = ["SimulatedBoard", "get_device", "write_bit"]
