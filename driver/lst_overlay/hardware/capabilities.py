"""The properties of a design that its registers and its .hwh state: engine, image layout, result record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict

from ..memory.images import ImageLayout
from ..memory.results import ResultRecord
from ..network import Network

Fields = Dict[str, Dict[str, int]]  # The value of each field, by register and field.


@dataclass(frozen=True)
class Capabilities:
    """The properties of a design.

    engine:   the number in the engine's declaration.
    loadable: the network arrives by LOAD; otherwise it is built in.
    layout:   the layout of the images in memory.
    record:   the layout of the results in memory.
    by_network: images and results have the shape and the classes of the loaded network; ``layout`` and
              ``record`` are those of the greatest.
    """

    engine: int
    loadable: bool
    layout: ImageLayout
    record: ResultRecord
    by_network: bool = False

    def of_network(self, network: Network) -> Capabilities:
        """Return the properties of the design with ``network`` loaded."""
        if not self.by_network:
            return self
        layout = replace(self.layout, shape=tuple(network.image_shape))
        return replace(self, layout=layout, record=ResultRecord(network.classes, network.classes))

    def fields(self) -> Fields:
        """Return the fields of the registers CAPABILITIES, IMAGE_SHAPE and RESULTS."""
        rows, columns, colours = (*self.layout.shape, 0)[:3]
        return {
            "CAPABILITIES": {
                "ENGINE": self.engine,
                "LOADABLE": int(self.loadable),
                "BY_NETWORK": int(self.by_network),
                "PORTS": self.layout.ports,
                "PACKED_BITS": self.layout.packed_bits,
            },
            "IMAGE_SHAPE": {"ROWS": rows, "COLUMNS": columns, "COLOURS": colours},
            "RESULTS": {"CLASSES": self.record.classes, "VALUES": self.record.values},
        }

    @staticmethod
    def of(fields: Fields) -> Capabilities:
        """Make capabilities from the fields that `fields` returns.

        ValueError for a layout that no engine has.
        """
        built, shape, results = fields["CAPABILITIES"], fields["IMAGE_SHAPE"], fields["RESULTS"]
        axes = (shape["ROWS"], shape["COLUMNS"]) + ((shape["COLOURS"],) if shape["COLOURS"] else ())
        return Capabilities(
            built["ENGINE"],
            bool(built["LOADABLE"]),
            ImageLayout(axes, built["PORTS"], built["PACKED_BITS"], padded=bool(built["BY_NETWORK"])),
            ResultRecord(results["CLASSES"], results["VALUES"]),
            bool(built["BY_NETWORK"]),
        )
