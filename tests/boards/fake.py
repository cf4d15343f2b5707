"""A board in plain Python, for faults that hardware does not show on demand. It has no timing.

Like the simulated board it is a pynq device for an unmodified pynq.Overlay, and its memory is not coherent
with the processor's cache. It has registers, memory and the SLCR; results come from the integer reference.
"""

import threading
import time
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np
from pynq import Device
from pynq.buffer import PynqBuffer
from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser
from pynqmetadata.frontends import Metadata

from lst_overlay import network as contract
from lst_overlay.hardware.capabilities import Capabilities
from lst_overlay.memory.images import ImageLayout
from lst_overlay.memory.results import ResultRecord
from lst_overlay.registers import ABI_VERSION, BASE_ADDRESS, BY_NAME, MAGIC, REGISTERS, ErrorCode, ResultMode
from tests.oracles import board_evaluator as evaluator

BUILD_HASH = 0x1234ABCD
PIXEL_SERIAL = Capabilities(0, True, ImageLayout((28, 28)), ResultRecord(10, 10))
# A design such as the row-parallel engine's with 4-bit pixels, which no loadable engine has.
FOUR_PORTS = Capabilities(1, True, ImageLayout((28, 28), 4, 4), ResultRecord(10, 10))
RESMLP_ARRAY = Capabilities(4, True, ImageLayout((32, 32, 3)), ResultRecord(10, 10))
FPGA0_CLK_CTRL, BOOT_CLOCK = 0xF8000170, 0x00200A00  # IO PLL, divisors 10 and 2
LVL_SHFTR_EN = 0xF8000900
AFI_RDCHAN_CTRL = (0xF8008000, 0xF8009000, 0xF800A000, 0xF800B000)  # of HP0 .. HP3
AFI_WRCHAN_CTRL = (0xF8008014, 0xF8009014, 0xF800A014, 0xF800B014)
NAMES = {register.offset: register.name for register in REGISTERS}


@dataclass
class Faults:
    """The faults of a board. A register named in ``registers`` always reads the value given there."""

    registers: dict
    never_finish: bool = False
    error: Optional[Tuple[ErrorCode, int]] = None  # Reported by the next command, once.
    drain_stuck: bool = False  # Permanent after the next soft reset of a running command.
    network_hash_xor: int = 0
    image_number_offset: int = 0
    ignore_start: bool = False


class FakeBoard(Device):
    """A pynq device with a ``design``; ``networks`` are those that it recognises by their parameters."""

    name = "simulated"
    arch = "armv7l"
    capabilities = {"REGISTER_RW": True, "MEMORY_MAPPED": False}
    polls_per_command = 3  # Reads of STATUS or COMPLETED until the running command ends.

    def __init__(self, networks=(), design=PIXEL_SERIAL):
        super().__init__("fake")
        self.design = design
        parameters = [next(iter(network.declaration.engines.values()))(network) for network in networks]
        self.networks = dict(zip(map(contract.parameter_crc, parameters), networks))
        self.parameters = parameters
        self.parameter_bytes = max((words.nbytes for words in parameters), default=contract.PARAMETER_BYTES)
        self.faults = Faults(registers={})
        self.clock = BOOT_CLOCK
        widths = dict.fromkeys((*AFI_RDCHAN_CTRL, *AFI_WRCHAN_CTRL), 0)
        self.processing_system = {**widths, LVL_SHFTR_EN: 0xF}
        self.true_mhz = 200.0
        self.clock_at_download = None
        self.downloads = 0
        self.deepest_queue = 0
        self.written = []  # (register, value)
        self._random = np.random.default_rng(1)
        self._memory, self._cpu, self._next_address = {}, {}, 0x1000_0000
        self._power_up()

    # The interface of a pynq device.

    def get_bitfile_metadata(self, bitfile_name, partial=False):
        return RuntimeMetadataParser(Metadata(input=str(bitfile_name).replace(".bit", ".hwh")))

    def download(self, bitstream, parser=None):
        self.clock_at_download = self.clock
        self.downloads += 1
        self._power_up()
        self.post_download(bitstream, parser, self.name)

    def allocate(self, shape, dtype, **_):
        bytes_ = int(np.prod(shape)) * np.dtype(dtype).itemsize
        address = self._next_address
        self._next_address += -(-bytes_ // 4096) * 4096 + 4096
        # Two copies with random contents: the processor's cache, and memory as the accelerator sees it.
        self._cpu[address], self._memory[address] = (
            self._random.integers(0, 256, bytes_, dtype=np.uint8) for _ in range(2)
        )
        return PynqBuffer(
            shape,
            dtype,
            buffer=self._cpu[address],
            device=self,
            device_address=address,
            bo=address,
            coherent=False,
        )

    def flush(self, bo, offset, _pointer, size):
        self._memory[bo][offset : offset + size] = self._cpu[bo][offset : offset + size]

    def invalidate(self, bo, offset, _pointer, size):
        self._cpu[bo][offset : offset + size] = self._memory[bo][offset : offset + size]

    def read_registers(self, address, length):
        return self._read(address).to_bytes(length, "little")

    def write_registers(self, address, data):
        value = int.from_bytes(bytes(data), "little")
        if address == FPGA0_CLK_CTRL:
            self.clock = value
            return
        name = NAMES[address - BASE_ADDRESS]
        self.written.append((name, value))
        if name == "CONTROL":
            self._control(value)
        else:
            self.values[name] = value & ((1 << BY_NAME[name].width) - 1)

    # The behaviour of the accelerator.

    def _power_up(self):
        self.values = {register.name: 0 for register in REGISTERS}
        self.values.update(
            MAGIC=MAGIC,
            ABI_VERSION=ABI_VERSION,
            BUILD_HASH=BUILD_HASH,
            **self._design_registers(),
            PARAMETER_BYTES=self.parameter_bytes,
        )
        self.queue, self._polls, self.stuck = [], 0, False

    def _design_registers(self):
        return {
            register: sum(values[field.name] << field.offset for field in BY_NAME[register].fields)
            for register, values in self.design.fields().items()
        }

    def _read(self, address):
        if address == FPGA0_CLK_CTRL:
            return self.clock
        if address in self.processing_system:
            return self.processing_system[address]
        name = NAMES.get(address - BASE_ADDRESS)
        if name in ("STATUS", "COMPLETED"):
            self._poll()
        if name == "STATUS":
            return self._status()
        return self.faults.registers.get(name, self.values.get(name, 0))

    def _status(self):
        error, stuck = bool(self.values["ERROR_CODE"]), self.stuck
        flags = {
            "IDLE": not self.queue and not stuck,
            "DONE": not self.queue and not error,
            "QUEUE_READY": len(self.queue) < 2,
            "LOADED": bool(self.values["NETWORK_HASH"]),
            "ERROR": error,
            "DRAIN_STUCK": stuck,
        }
        return sum(1 << field.offset for field in BY_NAME["STATUS"].fields if flags.get(field.name))

    def _control(self, value):
        for field in BY_NAME["CONTROL"].fields:
            if not value >> field.offset & 1:
                continue
            if field.name == "SAMPLE":
                cycles = int(time.perf_counter() * self.true_mhz * 1e6)
                self.values.update(TIME_LO=cycles & 0xFFFFFFFF, TIME_HI=cycles >> 32)
            elif field.name == "SOFT_RESET":
                self.stuck = self.stuck or bool(self.queue) and self.faults.drain_stuck
                self.queue, self._polls, self.values["ERROR_CODE"] = [], 0, 0
            elif (
                field.name in ("START", "LOAD")
                and len(self.queue) < 2
                and not self.values["ERROR_CODE"]
                and not self.faults.ignore_start
            ):
                self.values["ACCEPTED"] += 1
                self.queue.append((field.name, dict(self.values)))
                self.deepest_queue = max(self.deepest_queue, len(self.queue))

    def _poll(self):
        if not self.queue or self.faults.never_finish or self.values["ERROR_CODE"]:
            return
        self._polls += 1
        if self._polls < self.polls_per_command:
            return
        self._polls = 0
        command, registers = self.queue.pop(0)
        code, address = self.faults.error or (
            self._load(registers) if command == "LOAD" else self._run(registers)
        )
        self.faults.error = None
        if code:
            self.queue, self.values["ERROR_CODE"], self.values["ERROR_ADDRESS"] = [], int(code), address
        else:
            self.values["COMPLETED"] += 1

    def _load(self, registers):
        self.values["NETWORK_HASH"] = 0
        memory, offset = self._at(registers["SOURCE"])
        if memory is None:
            return ErrorCode.READ_RESPONSE, registers["SOURCE"]
        image = memory[offset : offset + self.parameter_bytes].view("<u4")
        magics = {int(words[0]) for words in self.parameters}
        if int(image[0]) not in magics:
            return ErrorCode.BAD_PARAMETERS, registers["SOURCE"]
        # What follows the parameters is ignored.
        found = [words for words in self.parameters if np.array_equal(words, image[: len(words)])]
        self.values["NETWORK_HASH"] = (
            contract.parameter_crc(found[0] if found else image) ^ self.faults.network_hash_xor
        )
        return ErrorCode.NONE, 0

    def _run(self, registers):
        if not self.values["NETWORK_HASH"]:
            return ErrorCode.NO_NETWORK, 0
        count, layout = registers["IMAGES"], self.design.layout
        pixels = []
        for name in ("SOURCE", "SOURCE_1")[: layout.buffers]:
            memory, offset = self._at(registers[name])
            if memory is None or offset + count * layout.bytes_per_image > len(memory):
                return ErrorCode.READ_RESPONSE, registers[name]
            pixels.append(memory[offset:])
        results, destination = self._at(registers["DESTINATION"])
        if results is None:
            return ErrorCode.WRITE_RESPONSE, registers["DESTINATION"]
        if len(layout.shape) == 2:
            images = evaluator.pixels(pixels[0], pixels[-1], count, layout.packed_bits)
        else:
            images = pixels[0][: count * layout.image_bytes]
        images = images.reshape(count, layout.image_bytes)
        logits = self.answers(self.networks[self.values["NETWORK_HASH"]], images)
        out = np.zeros(count, PIXEL_SERIAL.record.dtype)
        out["values"], out["class"] = logits, contract.classify(logits)
        out["number"] = np.arange(count) + self.faults.image_number_offset
        data = out.view(np.uint8)
        if registers["RESULT_MODE"] == ResultMode.CLASSES:
            data = np.zeros(-(-count // 8) * 8, np.uint8)
            data[:count] = out["class"]
        results[destination : destination + len(data)] = data
        self.values.update(CYCLES_LO=784 * count + 2000, STALL_INPUT_LO=5, STALL_OUTPUT_LO=7)
        return ErrorCode.NONE, 0

    def answers(self, network, images):
        """Compute the logits of images: (N, pixels) uint8 -> (N, 10)."""
        return contract.logits(network, images.reshape(-1, *network.image_shape))

    def _at(self, address):
        for base, memory in self._memory.items():
            if base <= address < base + len(memory):
                return memory, address - base
        return None, 0


def make_slow(device):
    """Make batches wait, and return two events: a batch runs; the batch may end."""
    entered, leave = threading.Event(), threading.Event()
    original = device._run

    def slow(registers):
        entered.set()
        leave.wait(10)
        return original(registers)

    device._run = slow
    return entered, leave
