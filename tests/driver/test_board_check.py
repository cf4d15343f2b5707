"""overlay.self_test: what a board whose boot image configured it differently gets to read."""
import pytest

from lst_overlay import LST1Overlay
from lst_overlay import network as contract
from tests.driver.conftest import NETWORKS, write_bitstream
from tests.driver.fake_board import AFI0_RDCHAN_CTRL, AFI0_WRCHAN_CTRL, LVL_SHFTR_EN, FakeBoard


@pytest.fixture
def real(tmp_path, monkeypatch):
    """A fake that does not call itself simulated: (board, overlay)."""
    monkeypatch.setattr("lst_overlay.board_check.MEASURED_S", 0.02)
    device = FakeBoard(NETWORKS)
    device.name = "Pynq"
    with LST1Overlay(write_bitstream(tmp_path), device, network=NETWORKS[0]) as overlay:
        yield device, overlay


def failed(overlay):
    return [f"{check.name}: {check.found} ({check.rule})" for check in overlay.self_test() if not check.passed]


def test_all_passes_on_every_board(overlay):
    assert not failed(overlay)


def test_all_passes_on_a_real_board(real):
    assert not failed(real[1])
    assert [check.name for check in real[1].self_test()] == [
        "logits", "S_AXI_HP0 read width", "S_AXI_HP0 write width", "level shifters", "FCLK0"]


def test_clock_that_is_not_what_the_divisors_say(real):
    real[0].true_mhz = 133.333  # a 50 MHz crystal was assumed where 33.33 MHz is
    assert len(failed(real[1])) == 1 and "MHz measured (200.000 MHz by its divisors)" in failed(real[1])[0]


@pytest.mark.parametrize("address, value, text", [
    (AFI0_RDCHAN_CTRL, 1, "S_AXI_HP0 read width: 32 bits (64 bits)"), (AFI0_WRCHAN_CTRL, 1, "S_AXI_HP0 write width: 32 bits (64 bits)"),
    (LVL_SHFTR_EN, 0, "level shifters: LVL_SHFTR_EN = 0x0 (0xF, all on)")])
def test_ps_configured_another_way(real, address, value, text):
    real[0].processing_system[address] = value
    assert failed(real[1]) == [text]


def test_wrong_logits(fake):
    device, overlay = fake
    device.networks[contract.image_crc(contract.parameter_image(NETWORKS[0]))] = NETWORKS[1]
    assert failed(overlay) == ["logits: 64 of 64 images differ (0: equal to the integer reference)"]


def test_throughput_on_a_board_is_the_wall_clock(real):
    figures = real[1].throughput_test(8)
    assert figures["runtime_source"] == "wall clock" and figures["fclk_source"] == "board"
