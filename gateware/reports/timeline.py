"""The timelines in docs/images: in which clocks each stage of a pipeline gives images on, as simulated.

`make timelines` writes them, in half a minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, Tuple

from migen import Instance, Module
from migen.sim import run_simulation

from gateware.designs import ENGINES, network_to_build_in
from gateware.reports.diagrams import DIRECTORY, drawn_engines
from pages.plot import INK, picture

IMAGES = 4
Spans = Dict[str, Tuple[int, int]]


def timeline(engine: str, path: Path) -> None:
    """Simulate one image in an engine's pipeline and draw it with those that follow at the engine's interval.

    No stage has back-pressure, so every image takes the same clocks from its own first word on.
    """
    network, spec = network_to_build_in(engine), ENGINES[engine]
    module = spec.make(network).core.pipeline
    rows, columns = spec.layout(network).shape
    spans = activity(module, rows * columns * network.pixel_bits // len(module.sink.data))
    with picture(path, (5.2, 0.9 + 0.3 * len(spans))) as axes:
        for number in range(IMAGES):
            start = number * spec.cycles_per_image
            for place, (first, last) in enumerate(spans.values()):
                axes.broken_barh(
                    [(start + first, last + 1 - first)],
                    (place - 0.35, 0.7),
                    facecolor=f"C{number}",
                    label=f"image {number}" if place == 0 else None,
                )
        ticks = [number * spec.cycles_per_image for number in range(IMAGES + 1)]
        axes.set(xlabel="clock cycles after the first word of image 0", xticks=ticks, xlim=(0, None))
        axes.set(yticks=range(len(spans)), yticklabels=list(spans), ylim=(len(spans) - 0.5, -0.5))
        axes.grid(axis="y", visible=False)
        axes.figure.legend(loc="outside upper center", ncol=IMAGES, edgecolor=INK)


def activity(module: Module, words: int) -> Spans:
    """Return stage -> the clocks of its first and its last valid output for one image, in the order of both.

    Clock 0 is that of the image's first word.
    """
    valid = {name: part.source.valid for name, part in module._submodules if hasattr(part, "source")}
    spans: Spans = {"sink": (0, words - 1)}

    def image() -> Iterator:
        phase = getattr(module, "phase", None)
        while phase is not None and (yield phase) != module.interval - 1:
            yield
        clock, last = 0, False
        while not last:
            yield module.sink.valid.eq(clock < words)
            yield
            for name, signal in valid.items():
                if (yield signal):
                    spans[name] = (spans.get(name, (clock,))[0], clock)
            last = (yield module.source.valid) and (yield module.source.last)
            clock += 1

    run_simulation(module, image(), special_overrides={Instance: _Idle})
    return dict(sorted(spans.items(), key=lambda item: item[1]))


class _Idle:
    """What Migen simulates in the place of a primitive of the FPGA: nothing, as only data pass through it."""

    @staticmethod
    def lower(instance: Instance) -> Module:
        return Module()


def name_of(engine: str) -> str:
    """Return the file name of an engine's timeline."""
    return f"timeline_{engine}.svg"


if __name__ == "__main__":
    for engine in drawn_engines():
        timeline(engine, DIRECTORY / name_of(engine))
        print(DIRECTORY / name_of(engine))
