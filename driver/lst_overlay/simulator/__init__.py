"""A Zybo Z7-10 that is not there: `SimulatedBoard` is a pynq Device, `get_device` the one of this process."""

from .board import SimulatedBoard, get_device, write_bit

__all__ = ["SimulatedBoard", "get_device", "write_bit"]
