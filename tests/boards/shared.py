"""A simulated board that several processes use at the same time, as they use a real one.

A process of its own has the board. In all others `SharedBoard` is the pynq device: a connection to it.
"""

import multiprocessing
from multiprocessing.managers import BaseManager

import numpy as np
from pynq import Device

from lst_overlay.simulator.bit import read_bit
from lst_overlay.simulator.board import SimulatedBoard, SimulatedBuffer, get_device

KEY = b"shared board"


class Served:
    """What the connections may ask the process that has the board."""

    def __init__(self):
        self._board, self._buffers = get_device(), {}

    def read(self, address, length):
        return self._board.read_registers(address, length)

    def write(self, address, data):
        self._board.write_registers(address, data)

    def configure(self, library):
        self._board.configure(library)

    def violations(self):
        return self._board.violations()

    def allocate(self, size):
        buffer = self._board.allocate((size,), np.uint8)
        self._buffers[buffer.device_address] = buffer
        return buffer.device_address

    def free(self, address):
        del self._buffers[address]

    def flush(self, address, offset, content):
        np.asarray(self._buffers[address])[offset : offset + len(content)] = np.frombuffer(content, np.uint8)
        self._board.flush(address, offset, None, len(content))

    def invalidate(self, address, offset, size):
        self._board.invalidate(address, offset, None, size)
        return np.asarray(self._buffers[address])[offset : offset + size].tobytes()


_served = []


def _only_one():
    if not _served:
        _served.append(Served())
    return _served[0]


class Connections(BaseManager):
    """Start one of these to have a board; its address is for `SharedBoard`."""

    def __init__(self, address=None):
        super().__init__(address, KEY, ctx=multiprocessing.get_context("spawn"))


Connections.register("board", _only_one)


class SharedBoard(Device):
    """A pynq device that is connected to the board at ``address``, in which ``bitfile`` is loaded."""

    name = "Pynq"
    arch = "armv7l"
    capabilities = {"REGISTER_RW": True, "MEMORY_MAPPED": False}

    def __init__(self, address, bitfile):
        super().__init__("shared")
        connections = Connections(address)
        connections.connect()
        self.served = connections.board()
        self._memory = {}
        self.bitfile_name, self.timestamp = str(bitfile), ""

    get_bitfile_metadata = SimulatedBoard.get_bitfile_metadata

    def download(self, bitstream, parser=None):
        self.served.configure(str(read_bit(bitstream.bitfile_name).library))
        self.reset(parser, "", bitstream.bitfile_name)

    def read_registers(self, address, length):
        return self.served.read(address, length)

    def write_registers(self, address, data):
        self.served.write(address, bytes(data))

    def allocate(self, shape, dtype, **_):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        address = self.served.allocate(size)
        self._memory[address] = memory = np.zeros(size, np.uint8)
        buffer = SimulatedBuffer(
            shape, dtype, buffer=memory, device=self, device_address=address, bo=address, coherent=False
        )
        buffer._owner = True
        return buffer

    def free(self, address):
        del self._memory[address]
        self.served.free(address)

    def flush(self, bo, offset, _pointer, size):
        self.served.flush(bo, offset, self._memory[bo][offset : offset + size].tobytes())

    def invalidate(self, bo, offset, _pointer, size):
        content = self.served.invalidate(bo, offset, size)
        self._memory[bo][offset : offset + size] = np.frombuffer(content, np.uint8)
