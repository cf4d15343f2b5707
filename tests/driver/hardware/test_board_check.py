"""`LST1Overlay.self_test`: the findings on boards that another boot image configured differently."""

import numpy as np
import pytest

from datasets.sample_digits import content
from lst_overlay import HardwareError, LST1Overlay
from lst_overlay import network as contract
from lst_overlay.hardware.board_check import images
from lst_overlay.registers import ErrorCode
from lst_overlay.samples import digits as sample_digits
from lst_overlay.samples.shipped_networks import DEFAULT, find
from tests.boards.fake import (
    AFI_RDCHAN_CTRL,
    AFI_WRCHAN_CTRL,
    FOUR_PORTS,
    LVL_SHFTR_EN,
    FakeBoard,
)
from tests.driver.conftest import NETWORKS, write_bitstream


@pytest.fixture
def real(tmp_path, monkeypatch):
    """(board, overlay): a fake board that the driver takes for a real one."""
    monkeypatch.setattr("lst_overlay.hardware.board_check.MEASURED_S", 0.02)
    device = FakeBoard(NETWORKS)
    device.name = "Pynq"
    with LST1Overlay(write_bitstream(tmp_path), device, network=NETWORKS[0]) as overlay:
        yield device, overlay


def failed(overlay):
    return [
        f"{check.name}: {check.found} ({check.rule})" for check in overlay.self_test() if not check.passed
    ]


def test_all_passes_on_every_board(overlay):
    assert not failed(overlay)


def test_all_passes_on_a_real_board(real):
    assert not failed(real[1])
    assert [check.name for check in real[1].self_test()] == [
        "S_AXI_HP0 read width",
        "S_AXI_HP0 write width",
        "level shifters",
        "FCLK0",
        "logits",
        "classes",
    ]


def test_clock_that_is_not_what_the_divisors_say(real):
    real[0].true_mhz = 133.333  # The boot image assumes a 50 MHz crystal, the board has 33.33 MHz.
    assert len(failed(real[1])) == 1 and "MHz measured (200.000 MHz by its divisors)" in failed(real[1])[0]


@pytest.mark.parametrize(
    "address, value, text",
    [
        (AFI_RDCHAN_CTRL[0], 1, "S_AXI_HP0 read width: 32 bits (64 bits)"),
        (AFI_WRCHAN_CTRL[0], 1, "S_AXI_HP0 write width: 32 bits (64 bits)"),
        (LVL_SHFTR_EN, 0, "level shifters: LVL_SHFTR_EN = 0x0 (0xF, all on)"),
    ],
)
def test_ps_configured_another_way(real, address, value, text):
    real[0].processing_system[address] = value
    assert failed(real[1]) == [text]


# The register of each finding, below a design with four ports. Each port has a register of its own.
WIDTHS = {f"S_AXI_HP{port} read width": address for port, address in enumerate(AFI_RDCHAN_CTRL)}
WIDTHS.update((f"S_AXI_HP{port} write width", address) for port, address in enumerate(AFI_WRCHAN_CTRL))


@pytest.mark.parametrize("name", WIDTHS)
def test_each_port_of_a_design_with_four_has_its_own_width(four_ports, name):
    device, overlay = four_ports
    assert not failed(overlay)
    device.processing_system[WIDTHS[name]] = 1
    assert failed(overlay) == [f"{name}: 32 bits (64 bits)"]


@pytest.mark.parametrize("name", WIDTHS)
def test_a_narrow_port_of_four_is_refused_before_a_register_is_read(tmp_path, name):
    device = FakeBoard(NETWORKS, FOUR_PORTS)
    device.processing_system[WIDTHS[name]] = 1
    with pytest.raises(HardwareError, match=f"{name}: 32 bits, must be 64 bits; clear bit 0 of 0x"):
        LST1Overlay(write_bitstream(tmp_path, capabilities=FOUR_PORTS), device, network=NETWORKS[0])
    assert not device.written


@pytest.mark.parametrize("name", [name for name in WIDTHS if "HP0" not in name])
def test_a_port_that_a_design_does_not_use_may_be_narrow(fake, name):
    device, overlay = fake
    device.processing_system[WIDTHS[name]] = 1
    assert not failed(overlay)


@pytest.mark.parametrize(
    "address, value, text",
    [
        (AFI_RDCHAN_CTRL[0], 1, "S_AXI_HP0 read width: 32 bits, must be 64 bits; clear bit 0 of 0xF8008000"),
        (
            LVL_SHFTR_EN,
            0,
            "level shifters: LVL_SHFTR_EN = 0x0, must be 0xF, all on; the PS and the PL are cut off",
        ),
    ],
)
def test_what_would_stop_the_processor_is_told_before_a_register_is_read(tmp_path, address, value, text):
    device = FakeBoard(NETWORKS)
    device.processing_system[address] = value
    for download in (True, False):
        device.written.clear()
        with pytest.raises(HardwareError, match=text):
            LST1Overlay(write_bitstream(tmp_path), device, download=download, network=NETWORKS[0])
        assert not device.written


def test_hardware_that_gives_no_answer_is_a_finding(fake):
    device, overlay = fake
    device.faults.error = (ErrorCode.READ_RESPONSE, 0x1000)
    found = failures(overlay)
    assert (
        list(found) == ["answers"]
        and "hardware error 1" in found["answers"].found
        and "\n" not in found["answers"].found
    )
    assert not failures(overlay)


def failures(overlay):
    return {check.name: check for check in overlay.self_test() if not check.passed}


def test_wrong_logits_everywhere(fake):
    device, overlay = fake
    device.networks[contract.parameter_crc(contract.parameter_words(NETWORKS[0]))] = NETWORKS[1]
    found = failures(overlay)
    assert list(found) == ["logits"] and found["logits"].found == "164 of 164 images differ"
    assert "misread on their way" in found["logits"].advice


def test_logits_that_change_from_run_to_run(fake, monkeypatch):
    device, overlay = fake
    answers, rng = device.answers, np.random.default_rng(0)
    monkeypatch.setattr(
        device,
        "answers",
        lambda network, images: answers(network, images) + (rng.random((len(images), 1)) < 0.1),
    )
    found = failures(overlay)
    assert "from run to run" in found["logits"].found and "lower one" in found["logits"].advice


@pytest.mark.parametrize("wrong_run", [1, 2])
def test_one_wrong_run_of_two_is_found(fake, monkeypatch, wrong_run):
    device, overlay = fake
    answers, runs = device.answers, []

    def wrong_once(network, images):
        runs.append(images)
        return answers(network, images) + (len(runs) == wrong_run)

    monkeypatch.setattr(device, "answers", wrong_once)
    found = failures(overlay)["logits"]
    assert found.found == "164 of 164 images differ, 164 from run to run"


def test_logits_that_are_wrong_for_some_images(fake, monkeypatch):
    device, overlay = fake
    answers = device.answers
    monkeypatch.setattr(
        device, "answers", lambda network, images: answers(network, images) + (images[:, :1] > 128)
    )
    found = failures(overlay)
    assert list(found) == ["logits"] and "please report" in found["logits"].advice


def test_stored_logits_tell_a_broken_numpy_from_broken_hardware(tmp_path, monkeypatch):
    network = contract.load_network(find(DEFAULT))
    device = FakeBoard([network])
    with LST1Overlay(write_bitstream(tmp_path), device) as overlay:
        assert [check.name for check in overlay.self_test()][-3:] == ["reference", "logits", "classes"]
        broken = overlay.logits(images((28, 28)), software=True) + 1
        monkeypatch.setattr("lst_overlay.hardware.measurements.reference_logits", lambda *_: broken)
        found = failures(overlay)
    assert (
        found["reference"].found == "100 of 100 digits differ"
        and "hardware is not to blame" in found["reference"].advice
    )


def test_the_stored_digits_and_logits_are_those_of_today():
    """If this fails, run `python -m datasets.sample_digits`."""
    with np.load(sample_digits.FILE) as stored:
        today = content()
        assert set(stored.files) == set(today)
        for name, array in today.items():
            np.testing.assert_array_equal(stored[name], array)


@pytest.mark.parametrize("batch", [8, np.zeros((8, 28, 28), np.uint8)], ids=["from memory", "from an array"])
def test_throughput_on_a_board_is_the_wall_clock(real, batch):
    figures = real[1].throughput_test(batch)
    assert figures["runtime_source"] == "wall clock" and figures["fclk_source"] == "board"
