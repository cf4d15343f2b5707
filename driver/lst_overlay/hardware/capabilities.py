"""What a design is, as its registers and its .hwh say it: engine, image shape and layout, results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict

from ..memory.images import ImageLayout
from ..memory.results import ResultRecord

Fields = Dict[str, Dict[str, int]]  # value of each field of each register


@dataclass(frozen=True)
class Capabilities:
    """``engine`` is the number that its declaration gives it; ``loadable``: the network enters through LOAD."""

    engine: int
    loadable: bool
    layout: ImageLayout
    record: ResultRecord

    def fields(self) -> Fields:
        """What the registers CAPABILITIES, IMAGE_SHAPE and RESULTS read."""
        rows, columns, colours = (*self.layout.shape, 0)[:3]
        return {
            "CAPABILITIES": {
                "ENGINE": self.engine,
                "LOADABLE": int(self.loadable),
                "PORTS": self.layout.ports,
                "PACKED_BITS": self.layout.packed_bits,
            },
            "IMAGE_SHAPE": {"ROWS": rows, "COLUMNS": columns, "COLOURS": colours},
            "RESULTS": {"CLASSES": self.record.classes, "VALUES": self.record.values},
        }

    @staticmethod
    def of(fields: Fields) -> Capabilities:
        """The inverse of `fields`. ValueError for a layout that no engine has."""
        built, shape, results = fields["CAPABILITIES"], fields["IMAGE_SHAPE"], fields["RESULTS"]
        axes = (shape["ROWS"], shape["COLUMNS"]) + ((shape["COLOURS"],) if shape["COLOURS"] else ())
        return Capabilities(
            built["ENGINE"],
            bool(built["LOADABLE"]),
            ImageLayout(axes, built["PORTS"], built["PACKED_BITS"]),
            ResultRecord(results["CLASSES"], results["VALUES"]),
        )
