"""The one table of registers. CSR logic, .hwh, csr.json, docs/registers.md and the driver's addresses all come from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Tuple

MAGIC = 0x4F54534C  # "LSTO", little-endian
ABI_VERSION = 4  # 4: IMAGE_SHAPE and RESULTS; NETWORK_HASH of a built-in network is its content hash
BASE_ADDRESS = 0x4000_0000  # the PS answers 0x4000_0000..0x7FFF_FFFF on M_AXI_GP0
DRAIN_STUCK_CYCLES = 1 << 16
WINDOW_BYTES = 0x1_0000  # what the .hwh announces; the slave answers every other address too

BEAT_BYTES = 8  # one transfer of a 64-bit HP port
BURST_BEATS = 16  # AXI3's longest burst
# SOURCE, SOURCE_1 and DESTINATION are multiples of a burst, so no burst crosses 4 KiB.
ALIGNMENT = BEAT_BYTES * BURST_BEATS
IMAGES_WIDTH = 20
MAX_IMAGES = (1 << IMAGES_WIDTH) - 1  # of one START
MAX_CLASSES = 256  # RESULT_MODE 0 writes a class as one byte


class ResultMode(IntEnum):
    """What a batch writes for each image. The layouts: `lst_overlay.memory.results`."""

    CLASSES = 0  # one uint8 per image, the last beat padded with zeros to 8 bytes
    LOGITS = 1  # a record per image: int32 values, int32 class, uint32 image number, padded to whole beats


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
    ErrorCode.BAD_PARAMETERS: "LOAD read no parameters for this engine (their first word is not the one that it expects)",
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
        "Version of this table and of parameters in memory; a driver refuses one that it does not know.",
    ),
    Register(
        "CAPABILITIES",
        0x08,
        "read-only",
        "What was built.",
        fields=(
            Field("ENGINE", 0, 4, "Number of the engine; the .hwh names it."),
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
        "CRC-32 of the parameters that LOAD read, or the first 32 bits of the content hash of the built-in network; "
        "0: none, or the last LOAD failed.",
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
    Register(
        "IMAGES", 0x28, "read-write", f"Images of the next START, 1 .. {MAX_IMAGES:,}.", width=IMAGES_WIDTH
    ),
    Register("SOURCE", 0x2C, "read-write", "Physical address of pixels or parameters, a multiple of 128."),
    Register("DESTINATION", 0x30, "read-write", "Physical address of the results, a multiple of 128."),
    Register(
        "RESULT_MODE",
        0x34,
        "read-write",
        "0: classes, one uint8 per image, padded to 8 bytes; 1: a record per image, RESULTS.VALUES int32, class, number.",
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
    Register(
        "IMAGE_SHAPE",
        0x64,
        "read-only",
        "Pixels of an image, row by row.",
        fields=(
            Field("ROWS", 0, 12, "Rows."),
            Field("COLUMNS", 12, 12, "Columns."),
            Field(
                "COLOURS", 24, 8, "Values of a pixel; 0: one, and the image has two axes, rows and columns."
            ),
        ),
    ),
    Register(
        "RESULTS",
        0x68,
        "read-only",
        "What is written for an image.",
        fields=(
            Field("CLASSES", 0, 16, "A class is less than this."),
            Field("VALUES", 16, 16, "int32 values of a record in front of its class."),
        ),
    ),
)

BY_NAME = {register.name: register for register in REGISTERS}
