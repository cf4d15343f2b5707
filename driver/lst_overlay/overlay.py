"""The overlay class: it classifies images on a PYNQ board, or with the same code on the simulated board."""

from __future__ import annotations

import os
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence, Tuple, TypeVar, Union

import numpy as np
from pynq import Device, Overlay

from . import html
from .devices import default_device
from .errors import BitstreamError, HardwareError, LstOverlayError, bitstream_errors
from .hardware import bitstream_files, board_check, measurements
from .hardware.accelerator import Accelerator
from .hardware.batches import Batches
from .hardware.board_lock import BoardLock
from .hardware.clock import Fclk0, mhz
from .hardware.device_images import DeviceImages
from .hardware.prepared_network import PreparedNetwork, prepare
from .hardware.pynq_record import PynqRecord
from .memory.images import ImageLayout, checked_image, checked_images
from .network import Network, classify
from .registers import ResultMode
from .samples import shipped_networks

AUTO = "auto"
Images = Union[np.ndarray, DeviceImages]
Result = TypeVar("Result")


class LST1Overlay(Overlay):
    """A pynq.Overlay that checks the accelerator, sets its clock, loads a network and classifies images.

    bitfile:  the path of a .bit with its .hwh beside it, or the stem of one of this board's bitstreams, such
              as 'row_parallel-lst1_w4a4p2'. None selects the pixel-serial engine, which takes any LST-1
              network (docs/programmers_guide.md).
    device:   a pynq Device. None selects the simulated board if LST_BOARD=sim, else pynq's active device.
    download: False attaches to the bitstream that is in the FPGA and leaves the clock as it is.
    network:  anything that `load_network` takes. None loads no network. "auto" selects the built-in network,
              or the default network if the engine is loadable.

    Raises BitstreamError if files and hardware do not match, NetworkFileError for a file that is no valid
    network file, NetworkError for a network that the engine cannot hold.
    """

    def __init__(
        self,
        bitfile: Union[str, os.PathLike, None] = None,
        device: Optional[Device] = None,
        download: bool = True,
        *,
        network: Union[str, os.PathLike, Network, None] = AUTO,
    ):
        """Open and download the bitstream; the arguments are described in the docstring of the class."""
        self._freed = self._running = False
        device = default_device() if device is None else device
        self._board_lock = BoardLock(device)
        path = bitstream_files.find_bitfile(bitfile, device)
        description = bitstream_files.describe(path)
        self._engine_name, self._capabilities = description.engine, description.capabilities
        self._build_hash, self._divisors = description.build_hash, description.divisors
        self._simulated = bitstream_files.is_simulated(device)
        self._prepared: Optional[PreparedNetwork] = None
        if not self._capabilities.loadable:
            if network != AUTO:
                raise BitstreamError(
                    f"{path.name} has its network built in: network= must be left out, or be {AUTO!r}, "
                    f"not {network!r}"
                )
            network = bitstream_files.find_network(path)
        elif network == AUTO:
            network = shipped_networks.DEFAULT
        if network is not None:
            self._prepared = prepare(network, self._capabilities.loadable)
        with bitstream_errors(f"{path}: pynq cannot read the bitstream or its .hwh"):
            super().__init__(str(path), download=False, device=device)
        # An empty dictionary keeps pynq from setting clocks: it assumes a wrong crystal frequency, and pynq
        # 4.0.0 fails at it on a Zynq-7000.
        self.clock_dict = {}
        self._fclk0 = Fclk0(device)
        self._pynq_record = None if self._simulated else PynqRecord(str(path))
        if download:
            self.download()
        else:
            self._alone(self._attach, loaded=False)

    def download(self, dtbo=None) -> None:
        """Set the clock, download the bitstream, check it, reset the accelerator, load the present network.

        Raises BitstreamError if pynq cannot download it or the design is not the one that its .hwh describes,
        HardwareError if the processing system is set up wrongly or the network does not arrive intact.
        """
        download = super().download

        def set_up() -> None:
            if "_batches" in self.__dict__:
                self._batches.close()  # XRT refuses a download while buffers of the old design exist.
            # The clock is set first, or the new design would run at the old design's clock for a moment.
            self._fclk0.set(self._divisors)
            with bitstream_errors(f"{self.bitfile_name}: download failed"):
                download(dtbo)
            self._connect()

        self._alone(set_up, loaded=False)

    def allocate(self, images: int) -> DeviceImages:
        """Return contiguous memory for ``images`` images, in the engine's layout, and for their results.

        Fill it by its method `fill`, or write the pixels to its ``memory`` as ``layout`` describes them. Then
        `predict`, `logits` and `throughput_test` take it, as often as wanted, and nothing is copied. It is
        given back by its method `freebuffer`, at the end of a ``with`` block, or with the last reference, and
        always by `free` and `download`.

        Raises TypeError or ValueError for a wrong number, LstOverlayError if there is not so much memory.
        """
        self._check_usable()
        allocate = partial(self._batches.allocate, measurements.checked_count(images))
        try:
            return allocate()
        except LstOverlayError:
            # `predict` keeps memory for arrays, which may be what is missing; a call at work is using it.
            return self._alone(lambda: self._batches.with_room(allocate), loaded=False)

    def pack(self, images: np.ndarray) -> DeviceImages:
        """Copy N images to memory from `allocate`, packed if the engine needs them packed, and return it.

        images: (N, *layout.shape) or (N, pixels) uint8, N >= 1.
        """
        images = checked_images(images, self.layout.shape)
        packed = self.allocate(len(images))
        packed.write(images)
        return packed

    def predict(
        self,
        images: Images,
        profile: bool = False,
        timeout: Optional[float] = None,
        software: bool = False,
    ) -> Union[np.ndarray, Tuple[np.ndarray, Dict]]:
        """Classify N images: (N, *layout.shape) or (N, pixels) uint8, N >= 1 -> (N,) int64 classes.

        ``layout.shape`` is (28, 28) for MNIST. The image count has no upper limit: large batches are divided.
        An array is copied to device memory, packed if the engine needs that; images that `pack` or `allocate`
        put there are read where they are.

        profile:  return (classes, dict) instead; the dict holds clock cycles and images per second.
        timeout:  seconds that one command may take. A command has at most 4,096 images, with profile 16,384.
                  None allows hundreds of times what a command needs.
        software: compute with the integer reference on the processor instead of the accelerator.

        Raises TypeError or ValueError for wrong arguments, HardwareError if the accelerator reports an error,
        HardwareTimeout if it does not answer in time, BusyError if another thread or process uses the board.
        """
        if software:
            if profile:
                raise ValueError(
                    "profile counts the accelerator's clock cycles, of which software=True has none: "
                    "throughput_test times it"
                )
            return classify(self.logits(images, software=True))
        images = self._checked(images)

        def on_board() -> Union[np.ndarray, Tuple[np.ndarray, Dict]]:
            self._ensure_network()
            if not profile:
                return self._batches.run(images, ResultMode.CLASSES, timeout)
            classes, measured = self._batches.measure(images, ResultMode.CLASSES, timeout)
            return classes, measurements.profile(len(images), measured, self._conditions())

        return self._alone(on_board)

    def logits(self, images: Images, timeout: Optional[float] = None, software: bool = False) -> np.ndarray:
        """Return the logits of N images, (N, classes) int32: the accumulators of the last layer.

        The real value of a logit is the logit times ``network.logit_step``. Arguments and errors are those of
        `predict`.
        """
        images = self._checked(images, software)
        if software:
            return measurements.software_logits(self._present_network(), images)[0]

        def on_board() -> np.ndarray:
            self._ensure_network()
            return self._of_classes(self._batches.run(images, ResultMode.LOGITS, timeout))

        return self._alone(on_board)

    def classify(
        self, image: np.ndarray, timeout: Optional[float] = None, software: bool = False
    ) -> measurements.Classification:
        """Classify one image, layout.shape or (pixels,) uint8, and return class, probabilities and time.

        The time is that of one command, from START to DONE as the processor sees it. On the simulated board
        it is clock cycles divided by the clock frequency. Arguments and errors are those of `predict`.
        """
        images = checked_image(image, self.layout.shape)
        if software:
            network = self._present_network()
            logits, time_s = measurements.software_logits(network, images)
            return measurements.classification(network, logits[0], time_s, measurements.WALL_CLOCK)

        def on_board() -> measurements.Classification:
            self._ensure_network()
            logits, measured = self._batches.measure(images, ResultMode.LOGITS, timeout)
            conditions = self._conditions()
            time_s = conditions.seconds(measured)
            logits = self._of_classes(logits)
            return measurements.classification(self.network, logits[0], time_s, conditions.time_source)

        return self._alone(on_board)

    def throughput_test(
        self,
        batch_size: Union[int, Sequence[int], Images] = 1000,
        timeout: Optional[float] = None,
        software: bool = False,
        repeats: int = 1,
    ) -> Union[Dict, List[Dict]]:
        """Classify one batch and return its throughput as a dict with FINN's keys.

        batch_size: images, 1 .. 2^20 - 1, in one command. They are random, and in device memory before time
                    is taken. A sequence of sizes gives a list of dicts. Instead of a size, images may be
                    given: those of `pack` or `allocate` are measured in the same way, a uint8 array with all
                    that `predict` does, copying and packing included.
        software:   measure the integer reference on the processor instead of the accelerator.
        repeats:    measure so often and return the fastest. The cycles of a simulated board are counted once.

        The entry "measured_from" says where the images were, 'uint8 memory', 'packed memory' or 'uint8 array
        through Python'. The entry "runtime_source" names the clock: 'wall clock', or on the simulated board
        'cycles / fclk (simulated)', to which the wall clock of the copying is added if there was any. Raises
        TypeError or ValueError for a wrong batch size, else what `predict` raises.
        """
        images = None
        if isinstance(batch_size, DeviceImages) or getattr(batch_size, "ndim", 0) > 1:
            images = self._checked(batch_size, software)
        elif isinstance(batch_size, (Sequence, np.ndarray)) and not isinstance(batch_size, str):
            sizes = [measurements.checked_batch_size(size) for size in batch_size]
            return [self.throughput_test(size, timeout, software, repeats) for size in sizes]
        size = measurements.checked_batch_size(batch_size) if images is None else len(images)
        counted = self._simulated and not software and not isinstance(images, np.ndarray)
        runs = measurements.checked_count(repeats, "repeats")
        return measurements.fastest(
            self._throughput(images, size, timeout, software) for _ in range(1 if counted else runs)
        )

    def _throughput(
        self, images: Optional[Images], size: int, timeout: Optional[float], software: bool
    ) -> Dict:
        network = self._present_network()
        if software:
            if images is None:
                images = measurements.random_images(size, self.layout.image_bytes)
            return measurements.software_throughput(size, measurements.software_logits(network, images)[1])

        def on_board() -> Dict:
            self._ensure_network()
            if isinstance(images, np.ndarray):
                measured = self._batches.timed(images, ResultMode.CLASSES, timeout)
                return measurements.throughput(size, measured, self._conditions(), from_array=True)
            if images is not None:
                return self._throughput_from_memory(images, timeout)
            # The memory comes first, before so many images are made in ordinary memory.
            with self._batches.with_room(partial(self._batches.allocate, size)) as memory:
                memory.write(measurements.random_images(size, self.layout.image_bytes))
                return self._throughput_from_memory(memory, timeout)

        return self._alone(on_board)

    def load_network(
        self,
        network: Union[str, os.PathLike, Network],
        timeout: Optional[float] = None,
        progress: Optional[Callable[[float, str], None]] = None,
    ) -> None:
        """Send a network to a loadable engine.

        network:  the path of a network file, the name of a shipped network such as 'lst1_w6a4p4', or a
                  Network.
        timeout:  seconds that the LOAD command may take.
        progress: a function that is called with the fraction done, 0.0 .. 1.0, and the name of the next step.

        Raises NetworkFileError or NetworkError for a network that is invalid or does not fit; the present
        network then stays loaded. If the hardware fails, the present network is loaded again before its next
        use.
        """
        report = progress or (lambda share, what: None)
        name = network.name if isinstance(network, Network) else network
        report(0.0, f"reading {name}")
        if not self._capabilities.loadable:
            raise LstOverlayError(
                f"cannot load network {name!r}: this bitstream has its network built in "
                "(CAPABILITIES.LOADABLE = 0): build one with this network in it, or use pixel_serial-loadable"
            )
        prepared = prepare(network, loadable=True)
        report(0.3, f"sending {prepared.words.nbytes:,} bytes of parameters")

        def on_board() -> None:
            self._batches.load(prepared, timeout)
            self._prepared = prepared

        self._alone(on_board)
        report(1.0, f"{prepared.network.name} is loaded")

    def self_test(self) -> List[board_check.Check]:
        """Check port widths, level shifters, clock (on a board only) and the answers of the accelerator.

        Sample digits and random images are compared with the integer reference. Returns all findings; a
        failed one carries advice, and an error during a check becomes a finding. The test has passed if
        `all(check.passed for check in overlay.self_test())`. Raises LstOverlayError without a network or
        after `free`, BusyError if another thread or process uses the board.
        """

        def on_board() -> List[board_check.Check]:
            network = self._present_network()
            checks = board_check.check_processing_system(self.device, self.layout.hp_ports)
            if not all(check.passed for check in checks):
                return checks  # Any access to the design could now stop the processor for good.
            try:
                self._check_place()
                self._ensure_network()
                if not self._simulated:  # Simulated time does not follow the wall clock.
                    checks.append(board_check.check_clock(self._accelerator, self.fclk_mhz))
                images = board_check.images(self.layout.shape)
                expected = measurements.software_logits(network, images)[0]
                checks += board_check.check_reference(network, expected)
                first, second = (
                    self._of_classes(self._batches.run(images, ResultMode.LOGITS)) for _ in range(2)
                )
                checks += [
                    board_check.check_logits(first, second, expected),
                    board_check.check_classes(self._batches.run(images, ResultMode.CLASSES), first),
                ]
            except LstOverlayError as error:
                checks.append(board_check.no_answer(error))
            return checks

        return self._alone(on_board, loaded=False)

    @property
    def network(self) -> Optional[Network]:
        """The present network, which `predict` uses. It is None until a network is loaded."""
        return self._prepared.network if self._prepared else None

    @property
    def classes(self) -> Tuple[str, ...]:
        """The names of the present network's classes: ``overlay.classes[c]`` is that of class c.

        They are '0', '1' and so on if the network file names none. Raises LstOverlayError without a network.
        """
        return self._present_network().class_names

    @property
    def engine(self) -> str:
        """The engine's name as `make bitstream ENGINE=` takes it, for example 'pixel_serial'."""
        return self._engine_name

    @property
    def layout(self) -> ImageLayout:
        """The format in which this engine reads images: shape, uint8 or packed, one port or two.

        `predict` converts the images to it.
        """
        return self._capabilities.layout

    @property
    def fclk_mhz(self) -> float:
        """The frequency of FCLK0, the accelerator's clock, from the PS's two divisors as they are now."""
        return mhz(self._fclk0.divisors)

    def free(self) -> None:
        """Release the buffers. The bitstream stays in the FPGA, and other overlays can use the device.

        If another thread is in a call of this overlay, the buffers are released at the end of that call.
        """
        self._freed = True
        if not self._running and "_batches" in self.__dict__:
            self._batches.close()

    def __enter__(self) -> LST1Overlay:
        return self

    def __exit__(self, *_) -> None:
        self.free()

    def __reduce_ex__(self, protocol):
        raise TypeError(
            "an LST1Overlay stands for the board itself and cannot be copied or pickled: use this one, "
            "or make another with download=False"
        )

    def _repr_html_(self) -> str:
        state = self.__dict__
        prepared, conditions = state.get("_prepared"), []
        conditions += ["simulated"] if state.get("_simulated") else []
        conditions += ["freed"] if state.get("_freed") else []
        rows = {
            "bitstream": state.get("bitfile_name", "?"),
            "engine": f"{state.get('_engine_name', '?')}, build 0x{state.get('_build_hash', 0):08X}",
            "FCLK0": f"{mhz(state.get('_divisors', (5, 1))):.3f} MHz",
            "network": repr(prepared.network) if prepared else "none is loaded",
            "board": ", ".join(conditions) or "in use",
        }
        return html.table("LST1Overlay", rows)

    def __repr__(self) -> str:
        # pynq's __getattr__ needs a complete Overlay, but an error message may need this text before: use
        # __dict__.
        state = self.__dict__
        prepared = state.get("_prepared")
        name = "/".join(str(state.get("bitfile_name", "?")).split(os.sep)[-2:])
        return (
            f"LST1Overlay({name}, {state.get('_engine_name', '?')}, "
            f"build 0x{state.get('_build_hash', 0):08X}, "
            f"FCLK0 {mhz(state.get('_divisors', (5, 1))):.3f} MHz, "
            f"network {prepared.network.name if prepared else None!r}"
            f"{', simulated' if state.get('_simulated') else ''}{', freed' if state.get('_freed') else ''})"
        )

    def _attach(self) -> None:
        """Take over the bitstream that is in the FPGA, with the clock at which it runs."""
        self._check_place()
        self._fclk0.check(self._divisors, self.bitfile_name)
        self._connect()

    def _connect(self) -> None:
        """Find the accelerator among the IP, compare it with the .hwh, reset it, load the present network."""
        # This first check reads registers of the PS only: an access to a design behind level shifters that
        # are off would stop the processor.
        board_check.require_processing_system(self.device, self.layout.hp_ports)
        name = next(name for name, entry in self.ip_dict.items() if entry["type"] == bitstream_files.VLNV)
        self._accelerator: Accelerator = getattr(self, name)
        self._accelerator.check_identity(self._build_hash, self._capabilities)
        self._accelerator.soft_reset()
        self._batches = Batches(self._accelerator, self._capabilities, self.device, self._simulated)
        if self._capabilities.loadable:
            if self._prepared is not None:
                self._batches.load(self._prepared)
            return
        found, expected = self._accelerator.registers.read("NETWORK_HASH"), self._prepared.hash
        if found != expected:
            raise BitstreamError(
                f"{bitstream_files.network_of(self.bitfile_name)} is not the network inside the bitstream: "
                f"NETWORK_HASH reads 0x{found:08X}, its content hash begins with 0x{expected:08X}"
            )

    def _check_place(self) -> None:
        """Raise BitstreamError if another bitstream was downloaded after this one.

        pynq's records are consulted before a register is read, since another design may not answer.
        """
        other = self._pynq_record.other_bitfile() if self._pynq_record else None
        if other is not None or not self.is_loaded():
            evidence = f" ({other})" if other else ""
        else:
            accelerator = self.__dict__.get("_accelerator")
            found = accelerator.registers.read("BUILD_HASH") if accelerator else self._build_hash
            if found == self._build_hash:
                return
            evidence = f" (BUILD_HASH reads 0x{found:08X}, ours is 0x{self._build_hash:08X})"
        raise BitstreamError(f"another bitstream was loaded since: call download() to come back{evidence}")

    def _ensure_network(self) -> None:
        """Load the present network if the hardware has another one; HardwareError if that one is built in."""
        self._present_network()
        found = self._accelerator.registers.read("NETWORK_HASH")
        if found == self._prepared.hash:
            return
        if not self._capabilities.loadable:
            raise HardwareError(
                f"the bitstream has another network than {self.network.name!r}: "
                f"NETWORK_HASH reads 0x{found:08X}, "
                f"its content hash begins with 0x{self._prepared.hash:08X}: download() begins anew"
            )
        self._batches.load(self._prepared)

    def _checked(self, images: Images, software: bool = False) -> Images:
        """Return images in device memory as they are, others checked and flattened."""
        if not isinstance(images, DeviceImages):
            return checked_images(images, self.layout.shape)
        if software:
            raise TypeError("software=True takes images as a uint8 array, not those in device memory")
        return images

    def _throughput_from_memory(self, images: DeviceImages, timeout: Optional[float]) -> Dict:
        size = measurements.checked_batch_size(len(images))
        _, measured = self._batches.measure(images, ResultMode.CLASSES, timeout, chunk_images=size)
        return measurements.throughput(size, measured, self._conditions())

    def _conditions(self) -> measurements.Conditions:
        return measurements.Conditions(self._capabilities, self.fclk_mhz, self._simulated)

    def _of_classes(self, logits: np.ndarray) -> np.ndarray:
        """Return the logits of the network's classes. A loadable engine has further ones, which never win."""
        return np.ascontiguousarray(logits[:, : self.network.classes])

    def _present_network(self) -> Network:
        self._check_usable()
        if self._prepared is None:
            raise LstOverlayError("no network is loaded: call load_network first")
        return self._prepared.network

    def _check_usable(self) -> None:
        if self._freed:
            raise LstOverlayError("the overlay was freed: make a new LST1Overlay")

    def _alone(self, work: Callable[[], Result], loaded: bool = True) -> Result:
        """Return the result of work(), which has the board to itself; BusyError if somebody else uses it.

        Fails if the overlay was freed and, with ``loaded``, if another bitstream was downloaded.
        """

        def checked_work() -> Result:
            try:
                # `free` sets _freed and then reads _running: one of the two sides sees the other.
                self._running = True
                self._check_usable()
                if loaded:
                    self._check_place()
                return work()
            finally:
                self._running = False
                if self._freed and "_batches" in self.__dict__:
                    self._batches.close()

        return self._board_lock.run(checked_work)
