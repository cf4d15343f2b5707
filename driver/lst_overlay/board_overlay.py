"""The base of every overlay: it opens a bitstream, checks the design, sets its clock, loads a network."""

from __future__ import annotations

import os
from typing import Callable, ClassVar, Optional, TypeVar, Union

from pynq import Device, Overlay

from . import html
from .devices import default_device
from .errors import BitstreamError, HardwareError, LstOverlayError, bitstream_errors
from .hardware import bitstream_files, board_check
from .hardware.accelerator import Accelerator
from .hardware.batches import Batches
from .hardware.board_lock import BoardLock
from .hardware.capabilities import Capabilities
from .hardware.clock import Fclk0, mhz
from .hardware.prepared_network import PreparedNetwork, prepare
from .hardware.pynq_record import PynqRecord
from .memory.images import ImageLayout
from .network import Network

AUTO = "auto"
Opened = TypeVar("Opened", bound="BoardOverlay")
Result = TypeVar("Result")


class BoardOverlay(Overlay):
    """A pynq.Overlay of one accelerator, whose network is built in or loadable.

    family:          of the networks that its engines take.
    default_bitfile: the stem of the bitstream that is opened if none is named.
    """

    family: ClassVar[str]
    default_bitfile: ClassVar[str]

    def __init__(
        self,
        bitfile: Union[str, os.PathLike, None] = None,
        device: Optional[Device] = None,
        download: bool = True,
        *,
        network: Union[str, os.PathLike, Network, None] = AUTO,
    ):
        """Open the bitstream and download it.

        bitfile:  the path of a .bit with its .hwh beside it, or the stem of one of this board's bitstreams,
                  such as 'row_parallel-lst1_w4a4p2'. None selects ``default_bitfile``.
        device:   a pynq Device. None selects the simulated board if LST_BOARD=sim, else pynq's active device.
        download: False attaches to the bitstream that is in the FPGA and leaves the clock as it is.
        network:  anything that `load_network` takes. None loads no network. "auto" selects the built-in
                  network, or that which the .hwh of a loadable engine names, if any.

        Raises BitstreamError if files and hardware do not match, NetworkFileError for a file that is no valid
        network file, NetworkError for a network that the engine cannot hold.
        """
        self._freed = self._running = False
        device = default_device() if device is None else device
        self._board_lock = BoardLock(device)
        path = bitstream_files.find_bitfile(bitfile, device, self.default_bitfile)
        description = bitstream_files.describe(path)
        if description.family != self.family:
            raise BitstreamError(
                f"{path.name} takes networks of the family {description.family}, {type(self).__name__} those "
                f"of the family {self.family}: open_overlay takes the class that fits"
            )
        self._engine_name, self._design = description.engine, description.capabilities
        self._build_hash, self._divisors = description.build_hash, description.divisors
        self._cycles_per_image = description.cycles_per_image
        self._simulated = bitstream_files.is_simulated(device)
        self._prepared: Optional[PreparedNetwork] = None
        if not self._design.loadable:
            if network != AUTO:
                raise BitstreamError(
                    f"{path.name} has its network built in: network= must be left out, or be {AUTO!r}, "
                    f"not {network!r}"
                )
            network = bitstream_files.find_network(path)
        elif network == AUTO:
            network = description.network
        if network is not None:
            self._prepared = self._prepare(network)
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
        if not self._design.loadable:
            raise LstOverlayError(
                f"cannot load network {name!r}: this bitstream has its network built in "
                "(CAPABILITIES.LOADABLE = 0): build one with this network in it, or use pixel_serial-loadable"
            )
        prepared = self._prepare(network)
        report(0.3, f"sending {prepared.words.nbytes:,} bytes of parameters")

        def on_board() -> None:
            self._batches.load(prepared, timeout)
            self._prepared = prepared

        self._alone(on_board)
        report(1.0, f"{prepared.network.name} is loaded")

    @property
    def network(self) -> Optional[Network]:
        """The present network, which `predict` uses. It is None until a network is loaded."""
        return self._prepared.network if self._prepared else None

    @property
    def engine(self) -> str:
        """The engine's name as `make bitstream ENGINE=` takes it, for example 'pixel_serial'."""
        return self._engine_name

    @property
    def layout(self) -> ImageLayout:
        """The format in which this engine reads images: shape, uint8 or packed, number of ports.

        `predict` converts the images to it. If the network decides about the shape, LstOverlayError is raised
        until one is loaded.
        """
        return self._capabilities.layout

    @property
    def _capabilities(self) -> Capabilities:
        """The properties of the design with the present network."""
        return self._design.of_network(self._last_network()) if self._design.by_network else self._design

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

    def __enter__(self: Opened) -> Opened:
        return self

    def __exit__(self, *_) -> None:
        self.free()

    def __reduce_ex__(self, protocol):
        raise TypeError(
            f"{type(self).__name__} stands for the board itself and cannot be copied or pickled: "
            "use this one, or make another with download=False"
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
        return html.table(type(self).__name__, rows)

    def __repr__(self) -> str:
        # pynq's __getattr__ needs a complete Overlay, but an error message may need this text before: use
        # __dict__.
        state = self.__dict__
        prepared = state.get("_prepared")
        name = "/".join(str(state.get("bitfile_name", "?")).split(os.sep)[-2:])
        return (
            f"{type(self).__name__}({name}, {state.get('_engine_name', '?')}, "
            f"build 0x{state.get('_build_hash', 0):08X}, "
            f"FCLK0 {mhz(state.get('_divisors', (5, 1))):.3f} MHz, "
            f"network {prepared.network.name if prepared else None!r}"
            f"{', simulated' if state.get('_simulated') else ''}{', freed' if state.get('_freed') else ''})"
        )

    def _prepare(self, network: Union[str, os.PathLike, Network]) -> PreparedNetwork:
        return prepare(network, self.family, self._engine_name, self._design.loadable)

    def _attach(self) -> None:
        """Take over the bitstream that is in the FPGA, with the clock at which it runs."""
        self._check_place()
        self._fclk0.check(self._divisors, self.bitfile_name)
        self._connect()

    def _connect(self) -> None:
        """Find the accelerator among the IP, compare it with the .hwh, reset it, load the present network."""
        # This first check reads registers of the PS only: an access to a design behind level shifters that
        # are off would stop the processor.
        board_check.require_processing_system(self.device, self._design.layout.hp_ports)
        name = next(name for name, entry in self.ip_dict.items() if entry["type"] == bitstream_files.VLNV)
        self._accelerator: Accelerator = getattr(self, name)
        self._accelerator.check_identity(self._build_hash, self._design)
        self._accelerator.soft_reset()
        self._batches = Batches(
            self._accelerator, self._design, self.device, self._simulated, self._cycles_per_image
        )
        if self._design.loadable:
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
        if not self._design.loadable:
            raise HardwareError(
                f"the bitstream has another network than {self.network.name!r}: "
                f"NETWORK_HASH reads 0x{found:08X}, "
                f"its content hash begins with 0x{self._prepared.hash:08X}: download() begins anew"
            )
        self._batches.load(self._prepared)

    def _present_network(self) -> Network:
        self._check_usable()
        return self._last_network()

    def _last_network(self) -> Network:
        """The network that was loaded last, also of an overlay that was freed."""
        if self._prepared is None:
            raise LstOverlayError("no network is loaded: call load_network first")
        return self._prepared.network

    def _check_usable(self) -> None:
        if self._freed:
            raise LstOverlayError(f"the overlay was freed: make a new {type(self).__name__}")

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
