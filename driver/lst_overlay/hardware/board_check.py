"""Checks of a board for `self_test`.

Under PYNQ the boot image, not the bitstream, configures the PS, so a board can differ from what the design
assumes.
"""

from __future__ import annotations

import time
from typing import List, NamedTuple, Sequence, Tuple

import numpy as np
from pynq import MMIO

from ..errors import HardwareError
from ..network import Network, classify
from ..samples import digits as sample_digits
from .accelerator import Accelerator

# From the Zynq-7000 TRM: AFI_RDCHAN_CTRL and AFI_WRCHAN_CTRL of S_AXI_HP0, with those of the next ports
# 0x1000 further on. Bit 0 selects 32 bits instead of 64.
AFI0_ADDRESS, AFI_SPACING, RDCHAN_CTRL, WRCHAN_CTRL = 0xF8008000, 0x1000, 0x00, 0x14
# The SLCR's register LVL_SHFTR_EN.
LVL_SHFTR_EN, LVL_SHFTR_ON = 0xF8000900, 0xF
MEASURED_S = 0.1
CLOCK_TOLERANCE = 0.01  # Crystals are a hundred times better; a wrong crystal or PLL is 50 % off.
RANDOM_IMAGES = 64


class Check(NamedTuple):
    """One finding: ``rule`` says what ``found`` must be, ``advice`` what to do if it is not."""

    name: str
    passed: bool
    found: str
    rule: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f"\n        {self.advice}" if self.advice else ""
        state = "ok" if self.passed else "FAILED"
        return f"{state:<8}{self.name}: {self.found} (must be {self.rule}){advice}"


def measured_mhz(accelerator: Accelerator) -> float:
    """Return the frequency of FCLK0 in MHz, from two samples of counter TIME and of the processor's clock."""
    first, begun = accelerator.sample_time(), time.perf_counter()
    time.sleep(MEASURED_S)
    second, ended = accelerator.sample_time(), time.perf_counter()
    return (second - first) / (ended - begun) / 1e6


def check_clock(accelerator: Accelerator, divisor_mhz: float) -> Check:
    """Compare FCLK0 with the wall clock.

    divisor_mhz: the frequency by the divisors. For real boards only: simulated time differs.
    """
    found = measured_mhz(accelerator)
    return _check(
        "FCLK0",
        abs(found / divisor_mhz - 1) < CLOCK_TOLERANCE,
        f"{found:.3f} MHz measured",
        f"{divisor_mhz:.3f} MHz by its divisors",
        "the IO PLL does not run at 1000 MHz: another boot image configured it, "
        "or the board's crystal is not 33.33 MHz",
    )


def check_processing_system(device, hp_ports: Sequence[int]) -> List[Check]:
    """Check the PS: the widths of the HP ports in use and the level shifters between PS and PL."""
    checks = []
    for port in hp_ports:
        base = AFI0_ADDRESS + AFI_SPACING * port
        afi = MMIO(base, 0x20, device=device)
        for direction, offset in (("read", RDCHAN_CTRL), ("write", WRCHAN_CTRL)):
            narrow = int(afi.read(offset)) & 1
            checks.append(
                _check(
                    f"S_AXI_HP{port} {direction} width",
                    not narrow,
                    "32 bits" if narrow else "64 bits",
                    "64 bits",
                    f"clear bit 0 of 0x{base + offset:08X} with pynq.MMIO, then download()",
                )
            )
    shifters = int(MMIO(LVL_SHFTR_EN, 4, device=device).read(0))
    checks.append(
        _check(
            "level shifters",
            shifters == LVL_SHFTR_ON,
            f"LVL_SHFTR_EN = 0x{shifters:X}",
            f"0x{LVL_SHFTR_ON:X}, all on",
            "the PS and the PL are cut off from each other: download the bitstream again, "
            "with this boot image's own driver",
        )
    )
    return checks


def require_processing_system(device, hp_ports: Sequence[int]) -> None:
    """Raise HardwareError with the first failed finding of `check_processing_system`."""
    for check in check_processing_system(device, hp_ports):
        if not check.passed:
            raise HardwareError(f"{check.name}: {check.found}, must be {check.rule}; {check.advice}")


def images(shape: Tuple[int, ...]) -> np.ndarray:
    """Return the test images, (N, pixels) uint8: sample digits if they have ``shape``, then random images.

    The random images are the same in every call.
    """
    noise = np.random.default_rng(0).integers(0, 256, (RANDOM_IMAGES, *shape), dtype=np.uint8)
    digits, _ = sample_digits.load()
    all_images = np.concatenate([digits, noise]) if digits.shape[1:] == shape else noise
    return all_images.reshape(len(all_images), -1)


def no_answer(error: Exception) -> Check:
    """Make the finding for hardware that raised ``error`` instead of answering."""
    return Check(
        "answers",
        False,
        str(error).splitlines()[0],
        "an answer to every batch",
        "download() begins anew; if it stays so, the bitstream does not fit this board, "
        "or memory does not answer it",
    )


def check_reference(network: Network, computed: np.ndarray) -> List[Check]:
    """Compare the integer reference's logits with those stored in the package.

    computed: (N, classes), the sample digits first. Returns no finding for a network without stored logits.
    """
    stored = sample_digits.stored_logits(network)
    if stored is None:
        return []
    wrong = int((computed[: len(stored)] != stored).any(axis=1).sum())
    return [
        _check(
            "reference",
            wrong == 0,
            f"{wrong} of {len(stored)} digits differ",
            "0: equal to the stored logits",
            "this machine's NumPy computes something else: install numpy again, the hardware is not to blame",
        )
    ]


def check_logits(first: np.ndarray, second: np.ndarray, expected: np.ndarray) -> Check:
    """Compare the logits of two runs of the hardware with the integer reference's, each (N, classes)."""
    wrong = (first != expected).any(axis=1) | (second != expected).any(axis=1)
    changed = int((first != second).any(axis=1).sum())
    if changed:
        advice = (
            "answers change from run to run: the clock is too fast for this board or its supply weak; "
            "build for a lower one"
        )
    elif wrong.all():
        advice = (
            "every image, the same in both runs: pixels, parameters or results are misread on their way; "
            "check that .bit and .hwh were copied whole, and report the board and its boot image"
        )
    else:
        advice = (
            "always the same images: gateware and reference disagree, which is our bug: "
            "please report the network and the build hash"
        )
    return _check(
        "logits",
        not wrong.any(),
        f"{int(wrong.sum())} of {len(expected)} images differ"
        + (f", {changed} from run to run" if changed else ""),
        "0: equal to the integer reference",
        advice,
    )


def check_classes(classes: np.ndarray, logits: np.ndarray) -> Check:
    """Compare the classes of RESULT_MODE 0, (N,), with the logits of RESULT_MODE 1, (N, classes)."""
    wrong = int((classes != classify(logits)).sum())
    return _check(
        "classes",
        wrong == 0,
        f"{wrong} of {len(classes)} images differ",
        "0: the lowest index of the largest logit",
        "classes alone are wrong: results are not written or not read as they should; "
        "report the board and its boot image",
    )


def _check(name: str, passed: bool, found: str, rule: str, advice: str) -> Check:
    return Check(name, bool(passed), found, rule, "" if passed else advice)
