"""What the board's memory carries beside what the engines of the ladder take."""

import pytest

from gateware.device import MEMORY
from gateware.reports import ladder
from gateware.reports.memory import carried, port_bytes_per_second
from lst_overlay.memory.images import ImageLayout
from lst_overlay.simulator.library import MEMORY_MODELS

DIGITS = (28, 28)


def run_of(engine, network, images_per_second=1.0, mhz=200.0):
    return {"engine": engine, "network": network, "images_per_second": images_per_second, "fclk_mhz": mhz}


@pytest.mark.parametrize(
    "engine, network, read",
    [
        ("pixel_serial", "lst1_w6a4p4", 784),
        ("resmlp_array", "resmlp_lerp_psa_h1_w5a6", 3072),
        ("row_parallel_uint8x4", "lst1_w5c4a4p4", 784),
        ("row_parallel", "lst1_w6a4p4", 448),
        ("row_parallel", "lst1_w4a4p2", 224),
        ("row_parallel", "lst1_row_pairs_w4a4p2", 224),
    ],
)
def test_an_image_costs_the_bytes_of_all_buffers_and_its_class(engine, network, read):
    memory = carried(run_of(engine, network))
    assert (memory["read"], memory["written"]) == (read, 1)
    assert memory["peak"] == pytest.approx(4264e6 / (read + 1))
    assert memory["sequential"] == pytest.approx(0.97 * memory["peak"])
    assert memory["designed"] == pytest.approx(0.75 * memory["peak"])


@pytest.mark.parametrize(
    "ports, mhz, megabytes",
    [(1, 200, 1600), (2, 200, 3200), (4, 100, 3200), (4, 200, 5680), (1, 400, 2840), (2, 400, 5680)],
)
def test_two_hp_ports_share_what_a_port_of_the_controller_carries(ports, mhz, megabytes):
    assert port_bytes_per_second(ImageLayout(DIGITS, ports), mhz) == pytest.approx(1e6 * megabytes)


def test_the_ports_of_the_table_are_those_of_the_design_at_its_clock():
    memory = carried(run_of("row_parallel_uint8x2", "lst1_w5c4a4p4", mhz=1000 / 7))
    assert memory["ports"] == pytest.approx(1e9 / 7 / 49)


def test_an_engine_that_asks_for_more_than_the_controller_was_designed_for_is_noted():
    below, above = (
        carried(run_of("row_parallel_uint8x4", "lst1_w5c4a4p4", rate)) for rate in (4.07e6, 4.08e6)
    )
    assert below["note"] is None and below["lower"] == 4.07e6
    assert above["note"] == "the engine asks for 75.1 % of the DRAM's peak"
    assert above["lower"] == above["designed"] < 4.08e6


def test_the_simulated_memory_carries_what_the_controller_was_designed_for():
    assert MEMORY_MODELS["default"]["bytes_per_us"] == round(MEMORY.designed * MEMORY.peak / 1e6, -2)


def with_more_images(figures, factor):
    """The figures with ``factor`` times the images per second of every run."""
    rungs = [
        {
            **rung,
            **{
                model: {**rung[model], "images_per_second": factor * rung[model]["images_per_second"]}
                for model in ("ideal", "default")
            },
        }
        for rung in figures["rungs"]
    ]
    return {**figures, "rungs": rungs}


# text: from where to where it shows rates that memory may limit, and what it says of such
SHOWN = {
    "README.md": ("images/s** from packed memory", "at an assumed", "of the DRAM's peak"),
    "index.md": ("images per second**", "| system |", "of the DRAM's peak"),
    "ladder.md": ("## Speed and area", "### What memory carries", " %** |"),
}


@pytest.mark.parametrize("name, part", SHOWN.items())
@pytest.mark.parametrize("factor, noted", [(0.1, False), (10, True)])
def test_a_rate_stands_beside_what_its_engine_asks_of_memory(name, part, factor, noted):
    texts = ladder.PAGE.texts(with_more_images(ladder.PAGE.figures(), factor))
    (text,) = [text for path, text in texts.items() if path.name == name]
    begin, end, note = part
    assert (note in " ".join(text.split(begin)[1].split(end)[0].split())) == noted


def test_the_comparison_says_what_an_engine_of_ours_asks_of_memory():
    systems = ladder.view(with_more_images(ladder.PAGE.figures(), 10))["systems"]
    assert "of the DRAM's peak; " in systems[-1]["conditions"]


def test_no_rate_at_another_clock_exceeds_what_memory_carries():
    shown = ladder.view(with_more_images(ladder.PAGE.figures(), 100))
    for rung in shown["rungs"]:
        rate = float(rung["at_200"].strip("()").replace(",", ""))
        assert rate <= rung["memory"]["designed"] + 0.5
