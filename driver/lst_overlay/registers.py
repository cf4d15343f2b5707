"""The one table of registers. CSR logic, .hwh, csr.json, docs/registers.md and the driver's addresses all come from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Tuple

MAGIC = 0x4F54534C  # "LSTO", little-endian
ABI_VERSION = 3  # 3: SOURCE_1, engines with a built-in network
BASE_ADDRESS = 0x4000_0000  # the PS answers 0x4000_0000..0x7FFF_FFFF on M_AXI_GP0
DRAIN_STUCK_CYCLES = 1 << 16
WINDOW_BYTES = 0x1_0000  # what the .hwh announces; the slave answers every other address too


class Engine(IntEnum):
    PIXEL_SERIAL = 0
    ROW_PARALLEL = 1
    FOLDED = 2
    PIXEL_PAIRS = 3

    @property
    def label(self) -> str:
        """'pixel-serial'"""
        return self.name.lower().replace("_", "-")


class ResultMode(IntEnum):
    CLASSES = 0  # one uint8 per image, the last beat padded with zeros to 8 bytes
    LOGITS = 1  # 48 bytes per image: ten int32 logits, int32 class, uint32 image number


class ErrorCode(IntEnum):
    NONE = 0
    READ_RESPONSE = 1
    WRITE_RESPONSE = 2
    SOURCE_ALIGNMENT = 3
    DESTINATION_ALIGNMENT = 4
    NO_IMAGES = 5
    NO_NETWORK = 6
    BAD_PARAMETERS = 7
    NOT_LOADABLE = 8


ERROR_TEXTS = {
    ErrorCode.NONE: "no error",
    ErrorCode.READ_RESPONSE: "memory answered a read with an error (ERROR_ADDRESS: start of the burst)",
    ErrorCode.WRITE_RESPONSE: "memory answered a write with an error (ERROR_ADDRESS: start of the burst)",
    ErrorCode.SOURCE_ALIGNMENT: "SOURCE or SOURCE_1 is not a multiple of 128 (ERROR_ADDRESS: which)",
    ErrorCode.DESTINATION_ALIGNMENT: "DESTINATION is not a multiple of 128 (ERROR_ADDRESS: DESTINATION)",
    ErrorCode.NO_IMAGES: "START with IMAGES = 0",
    ErrorCode.NO_NETWORK: "START without a network loaded",
    ErrorCode.BAD_PARAMETERS: "LOAD read no parameter image (its first word is not LST2)",
    ErrorCode.NOT_LOADABLE: "LOAD, but the network is part of this bitstream (CAPABILITIES.LOADABLE = 0)",
}


@dataclass(frozen=True)
class Field:
    name: str
    offset: int
    width: int
    description: str


@dataclass(frozen=True)
class Register:
    """``access``: 'read-only', 'write-only' or 'read-write'; ``width`` in bits, the rest reads 0."""

    name: str
    offset: int
    access: str
    description: str
    width: int = 32
    fields: Tuple[Field, ...] = ()


def _counter(name: str, offset: int, description: str) -> tuple:
    return (
        Register(f"{name}_LO", offset, "read-only", f"{description} Low 32 bits."),
        Register(f"{name}_HI", offset + 4, "read-only", f"{description} High 32 bits."),
    )


_LATCHED = "Latched with the other counters when a command ends and by CONTROL.SAMPLE."

REGISTERS: Tuple[Register, ...] = (
    Register("MAGIC", 0x00, "read-only", "0x4F54534C: this is an lst_overlay accelerator."),
    Register(
        "ABI_VERSION",
        0x04,
        "read-only",
        "Version of this table and of parameter images; a driver refuses one it does not know.",
    ),
    Register(
        "CAPABILITIES",
        0x08,
        "read-only",
        "What was built.",
        fields=(
            Field("ENGINE", 0, 4, ", ".join(f"{engine.value} {engine.label}" for engine in Engine) + "."),
            Field("LOADABLE", 4, 1, "1: the network enters through LOAD; 0: it is part of the bitstream."),
            Field("PORTS", 8, 4, "HP ports in use."),
            Field("PACKED_BITS", 12, 4, "2 or 4: bits of a packed pixel; 0: pixels are uint8."),
        ),
    ),
    Register(
        "BUILD_HASH",
        0x0C,
        "read-only",
        "First 32 bits of the SHA-256 of the design; the .hwh carries the same.",
    ),
    Register(
        "NETWORK_HASH",
        0x10,
        "read-only",
        "CRC-32 of the parameters loaded or built in; 0: none, or the last LOAD failed.",
    ),
    Register("PARAMETER_BYTES", 0x14, "read-only", "Bytes that LOAD reads; 0 if not loadable."),
    Register(
        "CONTROL",
        0x18,
        "write-only",
        "Each bit acts once when 1 is written.",
        width=4,
        fields=(
            Field(
                "START",
                0,
                1,
                "Queue a batch: IMAGES, both SOURCEs, DESTINATION, RESULT_MODE as they are now. "
                "Ignored unless STATUS.QUEUE_READY.",
            ),
            Field(
                "LOAD",
                1,
                1,
                "Queue a LOAD of PARAMETER_BYTES from SOURCE. Ignored unless STATUS.QUEUE_READY. Wins over START.",
            ),
            Field(
                "SOFT_RESET",
                2,
                1,
                "Stop, drain the bus, clear ERROR and the queue; a network stays unless it was being loaded.",
            ),
            Field(
                "SAMPLE",
                3,
                1,
                "Latch all counters now; without a command under way CYCLES and both STALL counters latch as 0.",
            ),
        ),
    ),
    Register(
        "STATUS",
        0x1C,
        "read-only",
        "Reading has no side effect.",
        fields=(
            Field("IDLE", 0, 1, "Nothing runs, is queued or drains."),
            Field(
                "DONE", 1, 1, "The newest command ended without error; cleared when the next one is accepted."
            ),
            Field("QUEUE_READY", 2, 1, "START or LOAD would be accepted."),
            Field("LOADED", 3, 1, "A network is loaded."),
            Field("ERROR", 4, 1, "ERROR_CODE is not 0; commands are ignored until SOFT_RESET."),
            Field(
                "DRAINING", 5, 1, "After an error or SOFT_RESET: waiting for memory to answer what was asked."
            ),
            Field(
                "DRAIN_STUCK",
                6,
                1,
                f"DRAINING for {DRAIN_STUCK_CYCLES:,} cycles: memory does not answer; only a new bitstream "
                "download helps.",
            ),
        ),
    ),
    Register(
        "ERROR_CODE",
        0x20,
        "read-only",
        "0 none; " + "; ".join(f"{c.value} {t}" for c, t in ERROR_TEXTS.items() if c) + ".",
    ),
    Register("ERROR_ADDRESS", 0x24, "read-only", "The address that ERROR_CODE speaks of."),
    Register("IMAGES", 0x28, "read-write", "Images of the next START, 1 .. 1,048,575.", width=20),
    Register("SOURCE", 0x2C, "read-write", "Physical address of pixels or parameters, a multiple of 128."),
    Register("DESTINATION", 0x30, "read-write", "Physical address of the results, a multiple of 128."),
    Register(
        "RESULT_MODE",
        0x34,
        "read-write",
        "0: classes, one uint8 per image, padded to 8 bytes; 1: 48 bytes per image.",
        width=1,
    ),
    Register(
        "ACCEPTED",
        0x38,
        "read-only",
        "Commands accepted since the download, modulo 2^32; SOFT_RESET keeps it.",
    ),
    Register(
        "COMPLETED",
        0x3C,
        "read-only",
        "Commands ended without error since the download, modulo 2^32; SOFT_RESET keeps it.",
    ),
    *_counter(
        "CYCLES",
        0x40,
        "Clock cycles of a command, START or LOAD, from its acceptance (or taking up) to its end. "
        + _LATCHED,
    ),
    *_counter(
        "STALL_INPUT", 0x48, "Of CYCLES: the engine could take a pixel and there was none. " + _LATCHED
    ),
    *_counter(
        "STALL_OUTPUT",
        0x50,
        "Of CYCLES: the engine took no pixel because results were not taken. " + _LATCHED,
    ),
    *_counter("TIME", 0x58, "Free-running clock cycles since the download. " + _LATCHED),
    Register(
        "SOURCE_1",
        0x60,
        "read-write",
        "Physical address of the second port's pixels, a multiple of 128; unused if CAPABILITIES.PORTS is 1.",
    ),
)

BY_NAME = {register.name: register for register in REGISTERS}
