"""The base of every overlay of images: it classifies them, measures, and compares with the reference."""

from __future__ import annotations

from functools import partial
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from .board_overlay import BoardOverlay
from .errors import LstOverlayError
from .hardware import board_check, measurements
from .hardware.device_images import DeviceImages
from .memory.images import checked_image, checked_images
from .network import classify
from .registers import ResultMode

Images = Union[np.ndarray, DeviceImages]


class ImageOverlay(BoardOverlay):
    """A `BoardOverlay` that takes images, as arrays or from device memory, and returns classes or logits."""

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

        ``layout.shape`` is that of the network's images, (28, 28) for MNIST. The image count has no upper
        limit: large batches are divided. An array is copied to device memory, packed if the engine needs
        that; images that `pack` or `allocate` put there are read where they are.

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
    def classes(self) -> Tuple[str, ...]:
        """The names of the present network's classes: ``overlay.classes[c]`` is that of class c.

        They are '0', '1' and so on if the network file names none. Raises LstOverlayError without a network.
        """
        return self._present_network().class_names

    def _checked(self, images: Images, software: bool = False) -> Images:
        """Return images in device memory as they are, others checked and flattened."""
        if not isinstance(images, DeviceImages):
            return checked_images(images, self.layout.shape)
        if software:
            raise TypeError("software=True takes images as a uint8 array, not those in device memory")
        return images

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

    def _throughput_from_memory(self, images: DeviceImages, timeout: Optional[float]) -> Dict:
        size = measurements.checked_batch_size(len(images))
        _, measured = self._batches.measure(images, ResultMode.CLASSES, timeout, chunk_images=size)
        return measurements.throughput(size, measured, self._conditions())

    def _conditions(self) -> measurements.Conditions:
        return measurements.Conditions(self._capabilities, self.fclk_mhz, self._simulated)

    def _of_classes(self, logits: np.ndarray) -> np.ndarray:
        """Return the logits of the network's classes. A loadable engine has further ones, which never win."""
        return np.ascontiguousarray(logits[:, : self.network.classes])
