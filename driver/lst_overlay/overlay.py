"""LST1Overlay: images to classes on a PYNQ board, or on the simulated board with the same code."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from pynq import Device, Overlay

from .errors import BitstreamError, BusyError, HardwareError, LstOverlayError
from .hardware import bitstream_files, board_check
from .hardware import measurements as figures
from .hardware.accelerator import MAX_IMAGES, Accelerator
from .hardware.batches import Pipeline
from .hardware.clock import Fclk0, mhz
from .hardware.devices import default_device
from .hardware.pynq_record import PynqRecord
from .memory.images import IMAGE_BYTES, SIZE, ImageLayout
from .memory.results import MODE_CLASSES, MODE_LOGITS, checked_images
from .network import Network, classify, image_crc, load_network, parameter_image
from .samples import shipped_networks

ENGINES = (0, 1, 2, 3)  # CAPABILITIES.ENGINE: pixel-serial, row-parallel, folded, pixel-pairs
AUTO = "auto"
_FREED = "the overlay was freed: make a new LST1Overlay"


class LST1Overlay(Overlay):
    """A pynq.Overlay with the LST-1 accelerator, checked, clocked and loaded with a network.

    bitfile:  path of a .bit with its .hwh beside it, or its name, 'row_parallel-lst1_w4a4p2', if it lies where this board's are; None
              is the pixel-serial engine, which takes any network (docs/programmers_guide.md).
    device:   a pynq Device; None takes the simulated board if LST_BOARD=sim is set, else pynq's active device.
    download: False attaches to the bitstream that is loaded already and leaves the clock alone.
    network:  what `load_network` takes; None loads nothing. "auto": the one that is part of the bitstream, else the default network.

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
        if self._capabilities["ENGINE"] not in ENGINES:
            raise BitstreamError(
                f"{hwh}: engine {parameters.get('ENGINE')} is not one that LST1Overlay drives"
            )
        self._layout = ImageLayout(self._capabilities["PORTS"], self._capabilities["PACKED_BITS"])
        self._engine_name = parameters.get("ENGINE", "?")
        self._simulated = bitstream_files.is_simulated(device)
        self._network = self._image = None
        if not self._capabilities["LOADABLE"]:
            if network != AUTO:
                raise BitstreamError(
                    f"{path.name} has its network built in: network= must be left out, or be {AUTO!r}, not {network!r}"
                )
            network = bitstream_files.find_network(path)
        elif network == AUTO:
            network = shipped_networks.DEFAULT
        if network is not None:
            self._network, self._image = _prepared(network)
            self._image_crc = image_crc(self._image)
        try:
            super().__init__(str(path), download=False, device=device)
        except LstOverlayError:
            raise
        except Exception as error:  # pynq raises whatever its XML, struct and dict accesses raise
            raise BitstreamError(
                f"{path}: pynq cannot read the bitstream or its .hwh ({type(error).__name__}: {error})"
            ) from error
        # pynq would set the clocks in megahertz of a wrong crystal, and pynq 4.0.0 fails at it on a Zynq-7000.
        self.clock_dict = {}
        self._fclk0 = Fclk0(device)
        self._record = None if self._simulated else PynqRecord(str(path))
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
            if "_pipeline" in self.__dict__:
                self._pipeline.release()  # XRT loads nothing new while buffers of the old design exist
            # Before the download, or the new design would run at the old one's clock for a moment.
            self._fclk0.set(self._divisors)
            try:
                super().download(dtbo)
            except LstOverlayError:
                raise
            except Exception as error:  # as above: pynq reports a damaged .bit in many ways
                raise BitstreamError(
                    f"{self.bitfile_name}: download failed ({type(error).__name__}: {error})"
                ) from error
            self._connect()

    def predict(
        self,
        images: np.ndarray,
        profile: bool = False,
        timeout: Optional[float] = None,
        software: bool = False,
    ) -> Union[np.ndarray, Tuple[np.ndarray, Dict]]:
        """images: (N, 28, 28) or (N, 784) uint8, any N >= 1 -> (N,) int64 classes, with profile (classes, dict).

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
        images = checked_images(images)
        with self._exclusive():
            self._ensure_network()
            if not profile:
                return self._pipeline.run(images, MODE_CLASSES, timeout)
            classes, measured = self._pipeline.measure(images, MODE_CLASSES, timeout)
            return classes, figures.profile(len(images), measured, self._conditions())

    def logits(
        self, images: np.ndarray, timeout: Optional[float] = None, software: bool = False
    ) -> np.ndarray:
        """As `predict`, but (N, 10) int32: the raw accumulators of the classifier. Times ``network.logit_step`` they are real numbers."""
        images = checked_images(images)
        if software:
            return figures.software_logits(self._present_network(), images)[0]
        with self._exclusive():
            self._ensure_network()
            return self._pipeline.run(images, MODE_LOGITS, timeout)

    def classify(
        self, image: np.ndarray, timeout: Optional[float] = None, software: bool = False
    ) -> figures.Classification:
        """One image, (28, 28) or (784,) uint8 -> its digit, the probabilities of all ten, and the time it took.

        The time is a command's, from START to its end as the processor sees it; on the simulated board, cycles over clock.
        """
        if isinstance(image, np.ndarray) and image.shape not in ((SIZE, SIZE), (IMAGE_BYTES,)):
            raise ValueError(
                f"classify takes one image, (28, 28) or (784,), not {image.shape}: predict takes many"
            )
        images = checked_images(image[None] if isinstance(image, np.ndarray) else image)
        if software:
            network = self._present_network()
            logits, time_s = figures.software_logits(network, images)
            return figures.classification(network, logits[0], time_s, figures.WALL_CLOCK)
        with self._exclusive():
            self._ensure_network()
            logits, measured = self._pipeline.measure(images, MODE_LOGITS, timeout)
            conditions = self._conditions()
            return figures.classification(
                self._network, logits[0], conditions.seconds(measured), conditions.time_source
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
            0, 256, (_checked_size(batch_size), IMAGE_BYTES), dtype=np.uint8
        )
        if software:
            return figures.software_throughput(
                len(images), figures.software_logits(self._present_network(), images)[1]
            )
        with self._exclusive():
            self._ensure_network()
            _, measured = self._pipeline.measure(images, MODE_CLASSES, timeout, chunk_images=len(images))
            return figures.throughput(len(images), measured, self._conditions())

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
        network, image = _prepared(network)
        with self._exclusive():
            report(0.3, f"sending {image.nbytes:,} bytes of parameters")
            self._load(image, network.name, timeout)
            self._network, self._image, self._image_crc = network, image, image_crc(image)
        report(1.0, f"{network.name} is loaded")

    def self_test(self) -> List[board_check.Check]:
        """Port width, level shifters, on a board the true clock; stored digits and random images against the integer reference.

        Returns all findings, each with advice if it failed. What goes wrong in a check is its finding; only a missing network, a freed
        overlay or a second caller are raised. `all(check.passed for check in overlay.self_test())` sums up.
        """
        with self._exclusive(loaded=False):
            network = self._present_network()
            checks = board_check.check_processing_system(self.device, self._layout.hp_ports)
            if not all(check.passed for check in checks):
                return checks  # with these wrong the processor might wait for the hardware for good
            try:
                self._check_place()
                self._ensure_network()
                if not self._simulated:  # whose time is not the wall's
                    checks.append(board_check.check_clock(self._accelerator, self.fclk_mhz))
                images = board_check.images()
                expected = figures.software_logits(network, images)[0]
                checks += board_check.check_reference(network, expected)
                first, second = (self._pipeline.run(images, MODE_LOGITS) for _ in range(2))
                checks += [
                    board_check.check_logits(first, second, expected),
                    board_check.check_classes(self._pipeline.run(images, MODE_CLASSES), first),
                ]
            except LstOverlayError as error:
                checks.append(board_check.no_answer(error))
            return checks

    @property
    def network(self) -> Optional[Network]:
        """The network that answers; None before the first `load_network` with network=None."""
        return self._network

    @property
    def engine(self) -> str:
        """As the .hwh names it: 'pixel-serial', 'row-parallel' ..."""
        return self._engine_name

    @property
    def layout(self) -> ImageLayout:
        """How this engine wants its images: uint8 or packed, over one port or two. `predict` sees to it."""
        return self._layout

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
        network = state.get("_network")
        name = "/".join(str(state.get("bitfile_name", "?")).split(os.sep)[-2:])
        return (
            f"LST1Overlay({name}, {state.get('_engine_name', '?')}, build 0x{state.get('_build_hash', 0):08X}, "
            f"FCLK0 {mhz(state.get('_divisors', (5, 1))):.3f} MHz, "
            f"network {network.name if network is not None else None!r}"
            f"{', simulated' if state.get('_simulated') else ''}{', freed' if state.get('_freed') else ''})"
        )

    def _connect(self) -> None:
        """Find the accelerator among the IP, check that it is the one described, reset and load it."""
        # Registers of the PS only: a design behind switched-off level shifters would stop the processor.
        for check in board_check.check_processing_system(self.device, self._layout.hp_ports):
            if not check.passed:
                raise HardwareError(f"{check.name}: {check.found}, must be {check.rule}; {check.advice}")
        name = next(name for name, entry in self.ip_dict.items() if entry["type"] == bitstream_files.VLNV)
        self._accelerator: Accelerator = getattr(self, name)
        self._accelerator.check_identity(self._build_hash, self._capabilities)
        self._accelerator.soft_reset()
        self._pipeline = Pipeline(self._accelerator, self._layout, self.device, self._simulated)
        if self._capabilities["LOADABLE"]:
            if self._image is not None:
                self._load(self._image, self._network.name, None)
            return
        found, expected = self._accelerator.registers.read("NETWORK_HASH"), self._image_crc
        if found != expected:
            raise BitstreamError(
                f"{bitstream_files.network_of(self.bitfile_name)} is not the network inside the bitstream: "
                f"NETWORK_HASH reads 0x{found:08X}, the CRC-32 of its parameters is 0x{expected:08X}"
            )

    def _check_place(self) -> None:
        """Before the first look at a register: is what was downloaded last still ours?"""
        other = self._record.other_bitfile() if self._record else None
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
        network = self._present_network()
        if self._accelerator.registers.read("NETWORK_HASH") != self._image_crc:
            self._load(self._image, network.name, None)

    def _load(self, image: np.ndarray, name: str, timeout: Optional[float]) -> None:
        registers = self._accelerator.registers
        if not self._capabilities["LOADABLE"]:
            raise LstOverlayError(
                f"cannot load network {name!r}: this bitstream has its network built in (CAPABILITIES.LOADABLE = 0): "
                "build one with this network in it, or use pixel_serial-loadable"
            )
        wanted = registers.read("PARAMETER_BYTES")
        if wanted != image.nbytes:
            raise BitstreamError(
                f"the accelerator takes {wanted} bytes of parameters, network {name!r} has {image.nbytes}"
            )
        found, expected = self._pipeline.load(image, timeout), image_crc(image)
        if found != expected:
            raise HardwareError(
                f"network {name!r} did not arrive as sent: NETWORK_HASH reads 0x{found:08X}, "
                f"the parameters' CRC-32 is 0x{expected:08X}"
            )

    def _conditions(self) -> figures.Conditions:
        return figures.Conditions(self._layout, self.fclk_mhz, self._simulated)

    def _present_network(self) -> Network:
        if self._freed:
            raise LstOverlayError(_FREED)
        if self._network is None:
            raise LstOverlayError("no network is loaded: call load_network first")
        return self._network

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
            if self._freed and "_pipeline" in self.__dict__:
                self._pipeline.release()
            self._lock.release()


def _checked_size(batch_size) -> int:
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
        raise TypeError(
            f"batch_size must be an integer or a sequence of them, not {type(batch_size).__name__}"
        )
    if not 1 <= batch_size <= MAX_IMAGES:
        raise ValueError(f"batch_size must be 1..{MAX_IMAGES}, not {batch_size}")
    return int(batch_size)


def _prepared(network) -> tuple:
    """(Network, parameter image), everything checked before the hardware is touched."""
    if not isinstance(network, Network):
        if not isinstance(network, (str, os.PathLike)):
            raise TypeError(
                f"a network is a path, a shipped network's name or a Network, not {type(network).__name__}"
            )
        network = load_network(shipped_networks.find(network))
    return network, parameter_image(network)
