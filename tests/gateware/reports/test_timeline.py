"""The timelines in the tree are those of the pipelines."""

import pytest

from gateware.designs import ENGINES, network_to_build_in
from gateware.reports.diagrams import DIRECTORY, drawn_engines
from gateware.reports.timeline import activity, name_of, timeline

QUICK = "row_parallel"
ENGINE = [name if name == QUICK else pytest.param(name, marks=pytest.mark.slow) for name in drawn_engines()]


@pytest.mark.parametrize("engine", ENGINE)
def test_a_timeline_in_the_tree_is_that_of_the_pipeline(engine, tmp_path):
    timeline(engine, tmp_path / name_of(engine))
    stale = (tmp_path / name_of(engine)).read_bytes() != (DIRECTORY / name_of(engine)).read_bytes()
    assert not stale, f"{name_of(engine)} is stale: make timelines"


def test_stages_give_an_image_on_one_after_another():
    module = ENGINES[QUICK].make(network_to_build_in(QUICK)).core.pipeline
    latency = module.latency
    spans = activity(module, words=28)
    assert list(spans)[:3] == ["sink", "rows", "rows_lookup"] and list(spans)[-1] == "classify"
    assert spans["sink"] == (0, 27)
    assert all(last - first == 27 for name, (first, last) in spans.items() if not name.startswith("class"))
    # The logits are ready with the last column, ``latency`` clocks after the last row has entered.
    assert spans["classifier"] == (27 + latency, 27 + latency)
