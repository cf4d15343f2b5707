"""Yosys's netlist of a whole design gives the reference's logits; a changed one does not."""

import pytest

from gateware.reports import ladder
from lst_overlay.network import load_network
from lst_overlay.samples.shipped_networks import find
from tests import BUILT


@pytest.mark.slow
def test_the_netlist_of_the_folded_design_gives_the_logits_of_the_reference(monkeypatch):
    """Mapping and compiling take minutes, once per content: the smallest design. `make ladder` has all."""
    monkeypatch.setattr(ladder, "RESOURCES", BUILT)
    report = ladder.netlist_report("folded", "lst1_q6.7", images=3)
    assert report["bit_exact_images"] == report["images"] == 3
    assert report["simulated"] and load_network(find(report["network"])).name == "lst1_q6.7"
