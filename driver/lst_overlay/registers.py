"""The register table, with the numbers that hardware and driver share.

Register logic, .hwh, csr.json, docs/registers.md and the driver's addresses are all generated from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Tuple

MAGIC = 0x4F54534C  # "LSTO", little-endian
# Version 4 added IMAGE_SHAPE and RESULTS; NETWORK_HASH of a built-in network became its content hash.
# Version 5 added CAPABILITIES.BY_NETWORK and parameters for any depth, shape and number of classes.
ABI_VERSION = 5
BASE_ADDRESS = 0x4000_0000  # M_AXI_GP0 covers 0x4000_0000 .. 0x7FFF_FFFF.
DRAIN_STUCK_CYCLES = 1 << 16
WINDOW_BYTES = 0x1_0000  # The .hwh announces this window; the slave answers every other address too.

BEAT_BYTES = 8  # One transfer of a 64-bit HP port.
BURST_BEATS = 16  # The longest burst of AXI3.
# SOURCE, SOURCE_1 and DESTINATION are multiples of a burst, so no burst crosses a 4 KiB boundary.
ALIGNMENT = BEAT_BYTES * BURST_BEATS
IMAGES_WIDTH = 20
MAX_IMAGES = (1 << IMAGES_WIDTH) - 1  # The largest batch of one START.
MAX_CLASSES = 256  # RESULT_MODE 0 writes a class as one byte.


class ResultMode(IntEnum):
    """The values of RESULT_MODE. `lst_overlay.memory.results` has the layouts of the results."""

    CLASSES = 0  # One uint8 per image; the last beat is padded with zeros.
    LOGITS = 1  # A record per image: int32 logits, int32 class, uint32 image number, padded to whole beats.


class ErrorCode(IntEnum):
    """The values of ERROR_CODE; `ERROR_TEXTS` has their meaning."""

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
    ErrorCode.BAD_PARAMETERS: (
        "LOAD read no parameters for this engine (their first word is not the one that it expects)"
    ),
    ErrorCode.NOT_LOADABLE: "LOAD, but the network is part of this bitstream (CAPABILITIES.LOADABLE = 0)",
}


@dataclass(frozen=True)
class Field:
    """A field of a register: ``width`` bits, the lowest of which is bit ``offset``."""

    name: str
    offset: int
    width: int
    description: str


@dataclass(frozen=True)
class Register:
    """A register at byte ``offset``. Bits from ``width`` up read 0.

    access: 'read-only', 'write-only' or 'read-write'.
    """

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

# The slave reads in groups of eight words. Registers that change are spread over the first three groups; the
# last holds constants and costs hardly any logic.
REGISTERS: Tuple[Register, ...] = (
    Register("MAGIC", 0x00, "read-only", "0x4F54534C: this is an lst_overlay accelerator."),
    Register(
        "ABI_VERSION",
        0x04,
        "read-only",
        "Version of the registers and of the parameters in memory; the driver refuses any other version.",
    ),
    Register(
        "CAPABILITIES",
        0x08,
        "read-only",
        "Properties of the design.",
        fields=(
            Field("ENGINE", 0, 4, "Number of the engine. The .hwh has its name."),
            Field("LOADABLE", 4, 1, "1: the network arrives by LOAD; 0: it is built in."),
            Field(
                "BY_NETWORK",
                5,
                1,
                "1: images and results have the shape and the classes of the loaded network, and "
                "IMAGE_SHAPE and RESULTS are the greatest that the engine takes.",
            ),
            Field("PORTS", 8, 4, "Number of HP ports in use."),
            Field("PACKED_BITS", 12, 4, "2 or 4: bits of a packed pixel; 0: pixels are uint8."),
        ),
    ),
    Register(
        "BUILD_HASH",
        0x0C,
        "read-only",
        "First 32 bits of the SHA-256 of the design. The .hwh has the same value.",
    ),
    Register(
        "NETWORK_HASH",
        0x10,
        "read-only",
        "CRC-32 of the parameters that LOAD read, or first 32 bits of the content hash of the built-in "
        "network; 0 before a LOAD and after one that failed.",
    ),
    Register(
        "COMPLETED",
        0x14,
        "read-only",
        "Number of commands that ended without error since the download, modulo 2^32. "
        "SOFT_RESET does not change it.",
    ),
    Register(
        "SOURCE_1",
        0x18,
        "read-write",
        "Physical address of the second port's pixels, a multiple of 128. Unused if CAPABILITIES.PORTS is 1. "
        "The addresses of a third and a fourth port follow from SOURCE and SOURCE_1.",
    ),
    Register(
        "STATUS",
        0x1C,
        "read-only",
        "Reading has no side effect.",
        fields=(
            Field("IDLE", 0, 1, "No command runs or is queued, and the bus does not drain."),
            Field(
                "DONE",
                1,
                1,
                "The newest command ended without error. Cleared when the next command is accepted.",
            ),
            Field("QUEUE_READY", 2, 1, "A START or LOAD would be accepted."),
            Field("LOADED", 3, 1, "A network is loaded."),
            Field("ERROR", 4, 1, "ERROR_CODE is not 0. Commands are ignored until SOFT_RESET."),
            Field(
                "DRAINING", 5, 1, "After an error or SOFT_RESET: waiting for outstanding answers of memory."
            ),
            Field(
                "DRAIN_STUCK",
                6,
                1,
                f"DRAINING for {DRAIN_STUCK_CYCLES:,} cycles: memory does not answer. Only a new download of "
                "the bitstream helps.",
            ),
        ),
    ),
    Register(
        "ERROR_CODE",
        0x20,
        "read-only",
        "0 none; " + "; ".join(f"{c.value} {t}" for c, t in ERROR_TEXTS.items() if c) + ".",
    ),
    Register("ERROR_ADDRESS", 0x24, "read-only", "The address that ERROR_CODE refers to."),
    Register(
        "IMAGES",
        0x28,
        "read-write",
        f"Number of images of the next START, 1 .. {MAX_IMAGES:,}.",
        width=IMAGES_WIDTH,
    ),
    Register("SOURCE", 0x2C, "read-write", "Physical address of pixels or parameters, a multiple of 128."),
    Register("DESTINATION", 0x30, "read-write", "Physical address of the results, a multiple of 128."),
    Register(
        "RESULT_MODE",
        0x34,
        "read-write",
        "0: one uint8 class per image, the batch padded to 8 bytes. 1: a record per image: "
        "RESULTS.VALUES int32 logits, int32 class, uint32 image number, padded to 8 bytes.",
        width=1,
    ),
    Register(
        "ACCEPTED",
        0x38,
        "read-only",
        "Number of commands accepted since the download, modulo 2^32. SOFT_RESET does not change it.",
    ),
    Register(
        "CONTROL",
        0x3C,
        "write-only",
        "Writing 1 to a bit triggers its action once.",
        width=4,
        fields=(
            Field(
                "START",
                0,
                1,
                "Queue a batch with the present IMAGES, SOURCE, SOURCE_1, DESTINATION and RESULT_MODE. "
                "Ignored unless STATUS.QUEUE_READY.",
            ),
            Field(
                "LOAD",
                1,
                1,
                "Queue a LOAD of PARAMETER_BYTES bytes from SOURCE. Ignored unless STATUS.QUEUE_READY. "
                "Takes precedence over START.",
            ),
            Field(
                "SOFT_RESET",
                2,
                1,
                "Stop all commands, drain the bus, clear ERROR and the queue. "
                "The network stays unless a LOAD was running.",
            ),
            Field(
                "SAMPLE",
                3,
                1,
                "Latch all counters. If no command is running, CYCLES and both STALL counters latch as 0.",
            ),
        ),
    ),
    *_counter(
        "CYCLES",
        0x40,
        "Clock cycles of a command from its acceptance, or from the end of the one before it, to its end. "
        + _LATCHED,
    ),
    *_counter(
        "STALL_INPUT",
        0x48,
        "Those of CYCLES in which the engine was starved: it could take a pixel and had none. " + _LATCHED,
    ),
    *_counter(
        "STALL_OUTPUT",
        0x50,
        "Those of CYCLES in which the engine was blocked: it took no pixel because results waited. "
        + _LATCHED,
    ),
    *_counter("TIME", 0x58, "Clock cycles since the download. " + _LATCHED),
    Register(
        "IMAGE_SHAPE",
        0x60,
        "read-only",
        "Shape of an image. Its pixels are stored row by row.",
        fields=(
            Field("ROWS", 0, 12, "Number of rows."),
            Field("COLUMNS", 12, 12, "Number of columns."),
            Field("COLOURS", 24, 8, "Values per pixel; 0: one, and the image has no third axis."),
        ),
    ),
    Register(
        "RESULTS",
        0x64,
        "read-only",
        "Properties of the results.",
        fields=(
            Field("CLASSES", 0, 16, "Number of classes."),
            Field("VALUES", 16, 16, "Number of int32 logits in a record."),
        ),
    ),
    Register(
        "PARAMETER_BYTES",
        0x68,
        "read-only",
        "Number of bytes that LOAD reads; 0 if the network is built in. "
        "Bytes behind the parameters are ignored.",
    ),
)

BY_NAME = {register.name: register for register in REGISTERS}
