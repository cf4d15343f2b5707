"""LST1Overlay: images to classes on a PYNQ board, or on the simulated board with the same code."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from pynq import Device, Overlay

from .devices import default_device
from .errors import BitstreamError, BusyError, HardwareError, LstOverlayError
from .hardware import bitstream_files, board_check, measurements
from .hardware.accelerator import Accelerator
from .hardware.batches import Batches
from .hardware.clock import Fclk0, mhz
from .hardware.prepared_network import PreparedNetwork, prepare
from .hardware.pynq_record import PynqRecord
from .memory.images import ImageLayout, checked_images
from .network import Network, classify
from .registers import MAX_IMAGES, ResultMode
from .samples import shipped_networks

AUTO = "auto"
_FREED = "the overlay was freed: make a new LST1Overlay"


class LST1Overlay(Overlay):
    """A pynq.Overlay with an accelerator of this project, checked, clocked and loaded with a network.

    bitfile:  path of a .bit with its .hwh beside it, or its name, 'row_parallel-lst1_w4a4p2', if it lies where this
              board's bitstreams are; None is the pixel-serial engine, which takes any LST-1 network
              (docs/programmers_guide.md).
    device:   a pynq Device; None takes the simulated board if LST_BOARD=sim is set, else pynq's active device.
    download: False attaches to the bitstream that is loaded already and leaves the clock alone.
    network:  what `load_network` takes; None loads nothing. "auto": the one that is part of the bitstream, else the
              default network.

    Raises BitstreamError for files or hardware that do not fit, NetworkFileError or NetworkError for the network.
    """

    def __init__(
        self,
        bitfile: Union[str, os.PathLike, None] = None,
        device: Optional[Device] = None,
        download: bool = True,
        *,
        network: Union[str, os.PathLike, Network, None] = AUTO,
    ):
        """See the class."""
        self._lock = threading.Lock()
        self._freed = False
        device = default_device() if device is None else device
        path = bitstream_files.find_bitfile(bitfile, device)
        hwh = bitstream_files.hwh_of(path)
        parameters = bitstream_files.read_parameters(hwh)
        bitstream_files.check_bitfile(path, parameters)
        self._build_hash = bitstream_files.integer_parameter(parameters, "BUILD_HASH", hwh)
        self._capabilities = bitstream_files.capabilities(parameters, hwh)
        self._divisors = tuple(
            bitstream_files.integer_parameter(parameters, f"DIVISOR{i}", hwh) for i in range(2)
        )
        self._engine_name = parameters.get("ENGINE", "?")
        self._simulated = bitstream_files.is_simulated(device)
        self._prepared: Optional[PreparedNetwork] = None
        if not self._capabilities.loadable:
            if network != AUTO:
                raise BitstreamError(
                    f"{path.name} has its network built in: network= must be left out, or be {AUTO!r}, not {network!r}"
                )
            network = bitstream_files.find_network(path)
        elif network == AUTO:
            network = shipped_networks.DEFAULT
        if network is not None:
            self._prepared = prepare(network, self._capabilities.loadable)
        with _pynqs_errors(f"{path}: pynq cannot read the bitstream or its .hwh"):
            super().__init__(str(path), download=False, device=device)
        # pynq would set the clocks in megahertz of a wrong crystal, and pynq 4.0.0 fails at it on a Zynq-7000.
        self.clock_dict = {}
        self._fclk0 = Fclk0(device)
        self._pynq_record = None if self._simulated else PynqRecord(str(path))
        if download:
            self.download()
        else:
            with self._exclusive(loaded=False):
                self._check_place()
                self._check_clock()
                self._connect()

    def download(self, dtbo=None) -> None:
        """Clock, bitstream, checks, soft reset and the present network, in this order."""
        with self._exclusive(loaded=False):
            if "_batches" in self.__dict__:
                self._batches.release()  # XRT loads nothing new while buffers of the old design exist
            # Before the download, or the new design would run at the old one's clock for a moment.
            self._fclk0.set(self._divisors)
            with _pynqs_errors(f"{self.bitfile_name}: download failed"):
                super().download(dtbo)
            self._connect()

    def predict(
        self,
        images: np.ndarray,
        profile: bool = False,
        timeout: Optional[float] = None,
        software: bool = False,
    ) -> Union[np.ndarray, Tuple[np.ndarray, Dict]]:
        """images: (N, *layout.shape), as a rule (N, 28, 28), or (N, pixels) uint8, any N >= 1 -> (N,) int64 classes.

        profile:  (classes, dict) instead, the dict with clock cycles and images per second.

        timeout:  seconds that one command of at most 4,096 images (with profile 16,384) may take; None allows hundreds
                  of times what it needs.
        software: the same by the integer reference on the processor.
        Raises TypeError, ValueError, HardwareError, HardwareTimeout, BusyError.
        """
        if software:
            if profile:
                raise ValueError(
                    "profile counts the accelerator's clock cycles, of which software=True has none: throughput_test times it"
                )
            return classify(self.logits(images, software=True)).astype(np.int64)
        images = checked_images(images, self.layout.shape)
        with self._exclusive():
            self._ensure_network()
            if not profile:
                return self._batches.run(images, ResultMode.CLASSES, timeout)
            classes, measured = self._batches.measure(images, ResultMode.CLASSES, timeout)
            return classes, measurements.profile(len(images), measured, self._conditions())

    def logits(
        self, images: np.ndarray, timeout: Optional[float] = None, software: bool = False
    ) -> np.ndarray:
        """As `predict`, but (N, classes) int32: the raw accumulators of the classifier.

        Times ``network.logit_step`` they are real numbers.
        """
        images = checked_images(images, self.layout.shape)
        if software:
            return measurements.software_logits(self._present_network(), images)[0]
        with self._exclusive():
            self._ensure_network()
            return self._batches.run(images, ResultMode.LOGITS, timeout)

    def classify(
        self, image: np.ndarray, timeout: Optional[float] = None, software: bool = False
    ) -> measurements.Classification:
        """One image, (28, 28) or (784,) uint8 -> its class, the probabilities of all classes, and the time it took.

        The time is a command's, from START to its end as the processor sees it; on the simulated board, cycles over clock.
        """
        shape, pixels = self.layout.shape, self.layout.image_bytes
        if isinstance(image, np.ndarray) and image.shape not in (shape, (pixels,)):
            raise ValueError(
                f"classify takes one image, {shape} or ({pixels},), not {image.shape}: predict takes many"
            )
        images = checked_images(image[None] if isinstance(image, np.ndarray) else image, shape)
        if software:
            network = self._present_network()
            logits, time_s = measurements.software_logits(network, images)
            return measurements.classification(network, logits[0], time_s, measurements.WALL_CLOCK)
        with self._exclusive():
            self._ensure_network()
            logits, measured = self._batches.measure(images, ResultMode.LOGITS, timeout)
            conditions = self._conditions()
            return measurements.classification(
                self.network, logits[0], conditions.seconds(measured), conditions.time_source
            )

    def throughput_test(
        self,
        batch_size: Union[int, Sequence[int]] = 1000,
        timeout: Optional[float] = None,
        software: bool = False,
    ) -> Union[Dict, List[Dict]]:
        """One batch of random images, with FINN's keys; of several batch sizes a list. software: the integer reference instead.

        "runtime_source" says what the runtime is: 'wall clock', or on the simulated board 'cycles / fclk (simulated)'.
        """
        if isinstance(batch_size, (Sequence, np.ndarray)) and not isinstance(batch_size, str):
            return [
                self.throughput_test(size, timeout, software)
                for size in [_checked_size(size) for size in batch_size]
            ]
        images = np.random.default_rng(0).integers(
            0, 256, (_checked_size(batch_size), self.layout.image_bytes), dtype=np.uint8
        )
        if software:
            return measurements.software_throughput(
                len(images), measurements.software_logits(self._present_network(), images)[1]
            )
        with self._exclusive():
            self._ensure_network()
            _, measured = self._batches.measure(images, ResultMode.CLASSES, timeout, chunk_images=len(images))
            return measurements.throughput(len(images), measured, self._conditions())

    def load_network(
        self,
        network: Union[str, os.PathLike, Network],
        timeout: Optional[float] = None,
        progress: Optional[Callable[[float, str], None]] = None,
    ) -> None:
        """A network file, the name of a shipped one ('lst1_w6a4p4') or a Network, into the accelerator.

        progress: called with the share that is done, 0.0 .. 1.0, and what comes next.
        A bad file or one that does not fit leaves everything as it was. If the hardware fails, the former network is
        loaded again at its next use.
        """
        report = progress or (lambda share, what: None)
        report(0.0, f"reading {network.name if isinstance(network, Network) else network}")
        if not self._capabilities.loadable:
            name = network.name if isinstance(network, Network) else network
            raise LstOverlayError(
                f"cannot load network {name!r}: this bitstream has its network built in "
                "(CAPABILITIES.LOADABLE = 0): build one with this network in it, or use pixel_serial-loadable"
            )
        prepared = prepare(network, loadable=True)
        with self._exclusive():
            report(0.3, f"sending {prepared.words.nbytes:,} bytes of parameters")
            self._load(prepared, timeout)
            self._prepared = prepared
        report(1.0, f"{prepared.network.name} is loaded")

    def self_test(self) -> List[board_check.Check]:
        """Port width, level shifters, on a board the true clock; stored digits and random images against the integer reference.

        Returns all findings, each with advice if it failed. What goes wrong in a check is its finding; only a missing network, a freed
        overlay or a second caller are raised. `all(check.passed for check in overlay.self_test())` sums up.
        """
        with self._exclusive(loaded=False):
            network = self._present_network()
            checks = board_check.check_processing_system(self.device, self.layout.hp_ports)
            if not all(check.passed for check in checks):
                return checks  # with these wrong the processor might wait for the hardware for good
            try:
                self._check_place()
                self._ensure_network()
                if not self._simulated:  # whose time is not the wall's
                    checks.append(board_check.check_clock(self._accelerator, self.fclk_mhz))
                images = board_check.images(self.layout.shape)
                expected = measurements.software_logits(network, images)[0]
                checks += board_check.check_reference(network, expected)
                first, second = (self._batches.run(images, ResultMode.LOGITS) for _ in range(2))
                checks += [
                    board_check.check_logits(first, second, expected),
                    board_check.check_classes(self._batches.run(images, ResultMode.CLASSES), first),
                ]
            except LstOverlayError as error:
                checks.append(board_check.no_answer(error))
            return checks

    @property
    def network(self) -> Optional[Network]:
        """The network that answers; None before the first `load_network` with network=None."""
        return self._prepared.network if self._prepared else None

    @property
    def engine(self) -> str:
        """The engine's name, as in `make bitstream ENGINE=`: 'pixel_serial', 'row_parallel' ..."""
        return self._engine_name

    @property
    def layout(self) -> ImageLayout:
        """How this engine wants its images: uint8 or packed, over one port or two. `predict` sees to it."""
        return self._capabilities.layout

    @property
    def fclk_mhz(self) -> float:
        """The accelerator's clock: the IO PLL's 1000 MHz over the two divisors as the PS has them now."""
        return mhz(self._fclk0.divisors)

    def free(self) -> None:
        """Give the buffers back. The bitstream stays; the device stays open for others."""
        with self._exclusive(usable=False, loaded=False):
            self._freed = True

    def __enter__(self) -> LST1Overlay:
        return self

    def __exit__(self, exception, *_) -> None:
        try:
            self.free()
        except BusyError:
            if exception is None:
                raise
            self._freed = True  # the exception is what counts; the other thread gives the buffers back

    def __repr__(self) -> str:
        # Through __dict__: pynq's __getattr__ needs a finished Overlay, and an error message may want this earlier.
        state = self.__dict__
        prepared = state.get("_prepared")
        name = "/".join(str(state.get("bitfile_name", "?")).split(os.sep)[-2:])
        return (
            f"LST1Overlay({name}, {state.get('_engine_name', '?')}, build 0x{state.get('_build_hash', 0):08X}, "
            f"FCLK0 {mhz(state.get('_divisors', (5, 1))):.3f} MHz, "
            f"network {prepared.network.name if prepared else None!r}"
            f"{', simulated' if state.get('_simulated') else ''}{', freed' if state.get('_freed') else ''})"
        )

    def _connect(self) -> None:
        """Find the accelerator among the IP, check that it is the one described, reset and load it."""
        # Registers of the PS only: a design behind switched-off level shifters would stop the processor.
        for check in board_check.check_processing_system(self.device, self.layout.hp_ports):
            if not check.passed:
                raise HardwareError(f"{check.name}: {check.found}, must be {check.rule}; {check.advice}")
        name = next(name for name, entry in self.ip_dict.items() if entry["type"] == bitstream_files.VLNV)
        self._accelerator: Accelerator = getattr(self, name)
        self._accelerator.check_identity(self._build_hash, self._capabilities)
        self._accelerator.soft_reset()
        self._batches = Batches(self._accelerator, self._capabilities, self.device, self._simulated)
        if self._capabilities.loadable:
            if self._prepared is not None:
                self._load(self._prepared, None)
            return
        found, expected = self._accelerator.registers.read("NETWORK_HASH"), self._prepared.hash
        if found != expected:
            raise BitstreamError(
                f"{bitstream_files.network_of(self.bitfile_name)} is not the network inside the bitstream: "
                f"NETWORK_HASH reads 0x{found:08X}, its content hash begins with 0x{expected:08X}"
            )

    def _check_place(self) -> None:
        """Before the first look at a register: is what was downloaded last still ours?"""
        other = self._pynq_record.other_bitfile() if self._pynq_record else None
        if other is not None or not self.is_loaded():
            raise BitstreamError(
                f"another bitstream was loaded since: call download() to come back{f' ({other})' if other else ''}"
            )
        if "_accelerator" in self.__dict__:
            found = self._accelerator.registers.read("BUILD_HASH")
            if found != self._build_hash:
                raise BitstreamError(
                    f"another bitstream was loaded since: call download() to come back (BUILD_HASH reads 0x{found:08X}, "
                    f"ours is 0x{self._build_hash:08X})"
                )

    def _check_clock(self) -> None:
        """Attaching leaves the clock as it is, but not a clock that the design was not built for."""
        if self.fclk_mhz > mhz(self._divisors):
            raise BitstreamError(
                f"{self.bitfile_name} was built for at most {mhz(self._divisors):.3f} MHz, FCLK0 runs at "
                f"{self.fclk_mhz:.3f} MHz: download=True sets it"
            )

    def _ensure_network(self) -> None:
        """Before images are sent: the network that answers is the present one."""
        self._present_network()
        found = self._accelerator.registers.read("NETWORK_HASH")
        if found == self._prepared.hash:
            return
        if not self._capabilities.loadable:
            raise HardwareError(
                f"the bitstream has another network than {self.network.name!r}: NETWORK_HASH reads 0x{found:08X}, "
                f"its content hash begins with 0x{self._prepared.hash:08X}: download() begins anew"
            )
        self._load(self._prepared, None)

    def _load(self, prepared: PreparedNetwork, timeout: Optional[float]) -> None:
        name, words = prepared.network.name, prepared.words
        wanted = self._accelerator.registers.read("PARAMETER_BYTES")
        if wanted != words.nbytes:
            raise BitstreamError(
                f"the accelerator takes {wanted} bytes of parameters, network {name!r} has {words.nbytes}"
            )
        found = self._batches.load(words, timeout)
        if found != prepared.hash:
            raise HardwareError(
                f"network {name!r} did not arrive as sent: NETWORK_HASH reads 0x{found:08X}, "
                f"the parameters' CRC-32 is 0x{prepared.hash:08X}"
            )

    def _conditions(self) -> measurements.Conditions:
        return measurements.Conditions(self._capabilities, self.fclk_mhz, self._simulated)

    def _present_network(self) -> Network:
        if self._freed:
            raise LstOverlayError(_FREED)
        if self._prepared is None:
            raise LstOverlayError("no network is loaded: call load_network first")
        return self._prepared.network

    @contextmanager
    def _exclusive(self, usable: bool = True, loaded: bool = True):
        """One caller at a time; a second one is told so at once. ``usable``, ``loaded``: what the caller needs."""
        if not self._lock.acquire(blocking=False):
            raise BusyError(
                "the overlay is busy: another thread is in predict, logits, load_network or download"
            )
        try:
            if usable and self._freed:
                raise LstOverlayError(_FREED)
            if loaded:
                self._check_place()
            yield
        finally:
            if self._freed and "_batches" in self.__dict__:
                self._batches.release()
            self._lock.release()


@contextmanager
def _pynqs_errors(what: str):
    """pynq reports a damaged .bit or .hwh by whatever its XML, struct and dict accesses raise: all BitstreamError."""
    try:
        yield
    except LstOverlayError:
        raise
    except Exception as error:
        raise BitstreamError(f"{what} ({type(error).__name__}: {error})") from error


def _checked_size(batch_size) -> int:
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
        raise TypeError(
            f"batch_size must be an integer or a sequence of them, not {type(batch_size).__name__}"
        )
    if not 1 <= batch_size <= MAX_IMAGES:
        raise ValueError(f"batch_size must be 1..{MAX_IMAGES}, not {batch_size}")
    return int(batch_size)
