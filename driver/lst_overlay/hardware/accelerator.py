"""The commands of the accelerator: identify, load, start, wait, reset.

One command runs and one can be queued; they end in order. This module deals with addresses, not images or
networks. pynq binds the class to the IP by its VLNV.
"""

from __future__ import annotations

import time
from typing import Callable, Dict, Sequence

from pynq import DefaultIP

from ..errors import BitstreamError, HardwareError, HardwareTimeout
from ..registers import MAGIC
from .bitstream_files import VLNV, check_abi
from .capabilities import Capabilities
from .register_file import RegisterFile

# A reset of the hardware takes microseconds; the simulated board needs seconds to detect a stuck drain.
RESET_TIMEOUT_S = 10.0
ACCEPT_TIMEOUT_S = 2.0


class Accelerator(DefaultIP):
    """The driver of one lst_overlay accelerator.

    ``registers`` reads and writes registers by name; ``registers.dump()`` returns a text that shows them all.
    """

    bindto = [VLNV]

    def __init__(self, description):
        super().__init__(description)
        self.registers = RegisterFile(self.mmio, description["registers"])
        self._parameters = description["parameters"]
        self._ticket = 0  # The value of COMPLETED after the newest command has ended.
        self._accepted = 0  # The present value of ACCEPTED.

    def check_identity(self, build_hash: int, capabilities: Capabilities) -> None:
        """Raise BitstreamError unless the registers that identify the design have the values of the .hwh."""
        magic = self.registers.magic()
        if magic != MAGIC:
            raise BitstreamError(
                f"this is not an lst_overlay accelerator: MAGIC reads 0x{magic:08X}, not 0x{MAGIC:08X}. "
                "Another bitstream is loaded, or none"
            )
        check_abi(self.registers.read("ABI_VERSION"), "the bitstream")
        found = self.registers.read("BUILD_HASH")
        if found != build_hash:
            raise BitstreamError(
                f"bitstream and .hwh do not belong together: BUILD_HASH reads 0x{found:08X}, "
                f"the .hwh says 0x{build_hash:08X}"
            )
        for register, expected in capabilities.fields().items():
            fields = self.registers.fields(register)
            if fields != expected:
                raise BitstreamError(f"{register} reads {fields}, the .hwh says {expected}")

    def begin(self) -> None:
        """Prepare for the first command of a batch: make the accelerator idle and free of errors.

        The counts of accepted and completed commands are read again.
        """
        status = self.registers.fields("STATUS")
        if status["ERROR"] or not status["IDLE"]:
            self.soft_reset()
        self._ticket, self._accepted = self.registers.read("COMPLETED"), self.registers.read("ACCEPTED")

    def load(self, source: int, timeout_s: float) -> int:
        """Queue a LOAD of the parameters at physical address ``source`` and return its ticket for `wait`.

        Waits at most ``timeout_s`` seconds for a place in the queue. Raises HardwareError or HardwareTimeout.
        """
        self._wait_queue(timeout_s)
        self.registers.write("SOURCE", source)
        return self._submit("LOAD")

    def start(
        self, sources: Sequence[int], destination: int, images: int, mode: int, timeout_s: float
    ) -> int:
        """Queue a START and return its ticket for `wait`.

        sources, destination: physical addresses of the pixels, for the first two ports, and of the results.
        images, mode:         the values of IMAGES and RESULT_MODE.

        Waits at most ``timeout_s`` seconds for a place in the queue. Raises HardwareError or HardwareTimeout.
        """
        self._wait_queue(timeout_s)
        self.registers.write("IMAGES", images)
        for name, source in zip(("SOURCE", "SOURCE_1"), sources):
            self.registers.write(name, source)
        self.registers.write("DESTINATION", destination)
        self.registers.write("RESULT_MODE", mode)
        return self._submit("START")

    def wait(self, ticket: int, timeout_s: float, what: str) -> None:
        """Wait until the command with this ticket has ended. ``what`` names it in error messages.

        Raises HardwareError with the reported code, or HardwareTimeout after ``timeout_s`` seconds.
        """

        def ended() -> bool:
            # The difference is taken modulo 2**32, and a later command may have ended as well.
            if (self.registers.read("COMPLETED") - ticket) & 0xFFFFFFFF < 1 << 31:
                return True
            self._raise_error(what)
            return False

        self._poll(ended, timeout_s, what)

    def soft_reset(self, timeout_s: float = RESET_TIMEOUT_S) -> None:
        """Stop all commands and wait until the bus is drained. A loaded network stays.

        Raises HardwareError if memory does not answer, HardwareTimeout after ``timeout_s`` seconds.
        """
        self.registers.strobe("CONTROL", "SOFT_RESET")

        def quiet() -> bool:
            status = self.registers.fields("STATUS")
            if status["DRAIN_STUCK"]:
                raise HardwareError(
                    "memory does not answer what the accelerator has asked (STATUS.DRAIN_STUCK): "
                    f"only download() helps; registers:\n{self.registers.dump()}"
                )
            return bool(status["IDLE"] and not status["ERROR"])

        self._poll(quiet, timeout_s, "soft reset (STATUS.IDLE)")

    def counters(self) -> Dict[str, int]:
        """Return the clock cycles of the command that ended last: all, starved, blocked."""
        return {
            "cycles": self.registers.counter("CYCLES"),
            "stall_input_cycles": self.registers.counter("STALL_INPUT"),
            "stall_output_cycles": self.registers.counter("STALL_OUTPUT"),
        }

    def sample_time(self) -> int:
        """Return the clock cycles since the download. This overwrites the latched `counters`."""
        self.registers.strobe("CONTROL", "SAMPLE")
        return self.registers.counter("TIME")

    def _wait_queue(self, timeout_s: float) -> None:
        def ready() -> bool:
            status = self.registers.fields("STATUS")
            if status["ERROR"]:
                self._raise_error("the command before")
            return bool(status["QUEUE_READY"])

        self._poll(ready, timeout_s, "a place in the queue (STATUS.QUEUE_READY)")

    def _submit(self, command: str) -> int:
        self.registers.strobe("CONTROL", command)

        def taken() -> bool:
            if self.registers.read("ACCEPTED") != self._accepted:
                return True
            self._raise_error(command)
            return False

        self._poll(taken, ACCEPT_TIMEOUT_S, f"acceptance of {command} (ACCEPTED)")
        self._ticket, self._accepted = ((count + 1) & 0xFFFFFFFF for count in (self._ticket, self._accepted))
        return self._ticket

    def _raise_error(self, what: str) -> None:
        """Raise HardwareError with the text of ERROR_CODE and with ERROR_ADDRESS if STATUS.ERROR is set."""
        if not self.registers.fields("STATUS")["ERROR"]:
            return
        code, address = self.registers.read("ERROR_CODE"), self.registers.read("ERROR_ADDRESS")
        text = self._parameters.get(f"ERROR_TEXT_{code}", "unknown to this .hwh")
        raise HardwareError(
            f"{what}: hardware error {code}, {text}; ERROR_ADDRESS = 0x{address:08X}; registers:\n"
            f"{self.registers.dump()}",
            code,
            address,
        )

    def _poll(self, done: Callable[[], bool], timeout_s: float, what: str) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            # The time is read before the state: a command that ended in time is never reported as late.
            late = time.monotonic() > deadline
            if done():
                return
            if late:
                raise HardwareTimeout(
                    f"{what}: not reached within {timeout_s:g} s; registers:\n{self.registers.dump()}"
                )
