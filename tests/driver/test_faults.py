"""Faults of the hardware: each raises one readable error, and the overlay answers correctly afterwards."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

import lst_overlay.hardware.accelerator
import lst_overlay.hardware.batches
from lst_overlay import (
    BitstreamError,
    BusyError,
    HardwareError,
    HardwareTimeout,
    LST1Overlay,
    LstOverlayError,
)
from lst_overlay import network as contract
from lst_overlay.registers import ERROR_TEXTS, ErrorCode
from lst_overlay.simulator.board import SimulatedBoard
from tests.boards.fake import FakeBoard, make_slow
from tests.boards.instant import SmallBoard, numbered_images
from tests.driver.conftest import NETWORKS, write_bitstream
from tests.driver.random_network import random_images

IMAGES = random_images(5)


def assert_answers(overlay):
    np.testing.assert_array_equal(overlay.logits(IMAGES), contract.logits(NETWORKS[0], IMAGES))


def test_never_finishing_times_out_with_every_register(fake):
    device, overlay = fake
    device.faults.never_finish = True
    with pytest.raises(
        HardwareTimeout, match=r"batch of 5 images from image 0: not reached within 0.05 s"
    ) as caught:
        overlay.predict(IMAGES, timeout=0.05)
    message = str(caught.value)
    for name in ("MAGIC", "BUILD_HASH", "ERROR_CODE", "COMPLETED", "IDLE=0", "QUEUE_READY=1", "SOURCE"):
        assert name in message
    assert isinstance(caught.value, TimeoutError) and isinstance(caught.value, LstOverlayError)
    device.faults.never_finish = False
    downloads = device.downloads
    assert_answers(overlay)
    assert device.downloads == downloads


@pytest.mark.parametrize("call", ["predict", "logits", "throughput_test", "load_network"])
def test_every_wait_has_a_timeout(fake, call):
    device, overlay = fake
    device.faults.never_finish = True
    argument = {"throughput_test": 5, "load_network": NETWORKS[1]}.get(call, IMAGES)
    with pytest.raises(HardwareTimeout):
        getattr(overlay, call)(argument, timeout=0.05)
    device.faults.never_finish = False
    assert_answers(overlay)


@pytest.mark.parametrize("images, seconds", [(5, 0.06), (9, 0.1)])
def test_the_timeout_grows_with_the_batch(fake, monkeypatch, images, seconds):
    device, overlay = fake
    for name, value in (("TIMEOUT_S", 0.01), ("TIMEOUT_PER_IMAGE_S", 0.01), ("SIMULATED_TIMEOUT_FACTOR", 1)):
        monkeypatch.setattr(lst_overlay.hardware.batches, name, value)
    device.faults.never_finish = True
    with pytest.raises(HardwareTimeout, match=f"batch of {images} images .* within {seconds} s"):
        overlay.predict(random_images(images))


def test_the_simulated_board_has_a_multiple_of_the_time(fake):
    batches = fake[1]._batches
    simulated = batches.timeout(1000)
    batches._simulated = False
    assert simulated == 10 * batches.timeout(1000) == 30.0


def test_smaller_batches_take_the_buffers_of_larger_ones(fake, monkeypatch):
    device, overlay = fake
    overlay.predict(random_images(9))
    monkeypatch.setattr(device, "allocate", None)
    for count in (5, 9, 1):
        assert (
            len(overlay.predict(random_images(count))) == len(overlay.logits(random_images(count))) == count
        )


def test_start_that_is_ignored(fake, monkeypatch):
    device, overlay = fake
    monkeypatch.setattr(lst_overlay.hardware.accelerator, "ACCEPT_TIMEOUT_S", 0.05)
    device.faults.ignore_start = True
    with pytest.raises(HardwareTimeout, match="acceptance of START"):
        overlay.predict(IMAGES)
    device.faults.ignore_start = False
    assert_answers(overlay)


@pytest.mark.parametrize("code", [code for code in ErrorCode if code])
def test_error_codes_are_told_in_words(fake, code):
    device, overlay = fake
    device.faults.error = (code, 0x1FFF0080)
    with pytest.raises(HardwareError) as caught:
        overlay.predict(IMAGES)
    assert f"hardware error {int(code)}, {ERROR_TEXTS[code]}; ERROR_ADDRESS = 0x1FFF0080" in str(caught.value)
    assert (caught.value.code, caught.value.address) == (code, 0x1FFF0080)
    assert_answers(overlay)


def test_error_in_the_middle_of_a_queued_batch(fake, monkeypatch):
    device, overlay = fake
    monkeypatch.setattr(lst_overlay.hardware.batches, "CHUNK_IMAGES", 2)
    original, calls = device._run, []

    def fail_third(registers):
        calls.append(registers["IMAGES"])
        return (ErrorCode.READ_RESPONSE, registers["SOURCE"]) if len(calls) == 3 else original(registers)

    device._run = fail_third
    with pytest.raises(HardwareError, match="hardware error 1"):
        overlay.predict(random_images(12))
    device._run = original
    assert_answers(overlay)


def test_address_outside_memory_is_reported_and_recovered_without_a_download(fake):
    device, overlay = fake
    pipeline = overlay._batches
    overlay.predict(IMAGES)
    pipeline._sets[0].memory[0].device_address = 0x3FFF_0000
    original = device.flush
    device.flush = lambda *_: None  # The address belongs to no buffer of the fake board.
    with pytest.raises(HardwareError, match="ERROR_ADDRESS = 0x3FFF0000"):
        overlay.predict(IMAGES)
    device.flush = original
    pipeline.release()
    assert_answers(overlay)


def test_drain_stuck_says_that_only_a_download_helps(fake):
    device, overlay = fake
    device.faults.never_finish = device.faults.drain_stuck = True
    with pytest.raises(
        HardwareTimeout,
        match=r"(?s)not reached within.*soft reset that followed failed.*overlay.download\(\)",
    ):
        overlay.predict(IMAGES, timeout=0.05)
    with pytest.raises(HardwareError, match="only download"):
        overlay.predict(IMAGES)
    device.faults.never_finish = device.faults.drain_stuck = False
    overlay.download()
    assert_answers(overlay)


def test_network_hash_that_differs_after_load(fake):
    device, overlay = fake
    device.faults.network_hash_xor = 1
    with pytest.raises(
        HardwareError,
        match=r"'random-2' did not arrive as sent: NETWORK_HASH reads 0x[0-9A-F]{8}, .* CRC-32 is 0x",
    ):
        overlay.load_network(NETWORKS[1])
    device.faults.network_hash_xor = 0
    assert overlay.network is NETWORKS[0]
    assert_answers(overlay)


def test_lost_network_is_loaded_again(fake):
    device, overlay = fake
    device.values["NETWORK_HASH"] = 0
    assert_answers(overlay)


def test_misplaced_image_numbers(fake):
    device, overlay = fake
    device.faults.image_number_offset = 3
    with pytest.raises(
        HardwareError,
        match=r"result 0 of 5 must carry image number 0, it carries 3 \(5 results are misplaced\)",
    ):
        overlay.logits(IMAGES)
    device.faults.image_number_offset = 0
    assert_answers(overlay)


def test_wrong_parameter_size(fake):
    device, overlay = fake
    device.faults.registers["PARAMETER_BYTES"] = 64
    with pytest.raises(BitstreamError, match="takes 64 bytes of parameters, network 'random-2' has"):
        overlay.load_network(NETWORKS[1])


def test_network_that_is_part_of_the_bitstream(fake):
    _, overlay = fake
    overlay._design = replace(overlay._design, loadable=False)
    with pytest.raises(LstOverlayError, match="has its network built in"):
        overlay.load_network(NETWORKS[1])


def test_interrupted_batch_leaves_the_accelerator_idle(fake):
    device, overlay = fake
    original = device._run

    def interrupt(_):
        raise KeyboardInterrupt

    device._run = interrupt
    with pytest.raises(KeyboardInterrupt):
        overlay.predict(IMAGES)
    device._run = original
    assert device.written[-1] == ("CONTROL", 4)
    assert_answers(overlay)


def test_second_caller_is_told_at_once(fake):
    device, overlay = fake
    entered, leave = make_slow(device)
    results = []
    thread = threading.Thread(target=lambda: results.append(overlay.logits(IMAGES)))
    thread.start()
    assert entered.wait(10)
    try:
        for call in (
            overlay.predict,
            overlay.logits,
            lambda _: overlay.load_network(NETWORKS[1]),
        ):
            with pytest.raises(BusyError, match="another thread"):
                call(IMAGES)
    finally:
        leave.set()
        thread.join()
    np.testing.assert_array_equal(results[0], contract.logits(NETWORKS[0], IMAGES))


def test_out_of_memory_is_told(fake):
    device, overlay = fake

    def full(*_, **__):
        raise RuntimeError("BO allocation failed")

    device.allocate = full
    with pytest.raises(
        LstOverlayError,
        match=r"cannot allocate 0.0 MB of contiguous memory \(BO allocation failed\): use smaller",
    ):
        overlay.predict(IMAGES)
    del device.allocate
    assert_answers(overlay)


def test_after_a_buffer_that_was_too_large_smaller_ones_still_work(fake, monkeypatch):
    device, overlay = fake
    overlay.predict(IMAGES)
    allocate = device.allocate

    def too_large_fails(shape, *arguments, **keywords):
        if shape[0] == 5000:
            raise RuntimeError("BO allocation failed")
        return allocate(shape, *arguments, **keywords)

    monkeypatch.setattr(device, "allocate", too_large_fails)
    with pytest.raises(LstOverlayError, match="use smaller batches"):
        overlay.throughput_test(5000)
    assert_answers(overlay)


@pytest.fixture
def small(tmp_path):
    """(board, overlay): a board with little contiguous memory, and an overlay on it."""
    device = SmallBoard(NETWORKS)
    with LST1Overlay(write_bitstream(tmp_path), device, network=NETWORKS[0]) as made:
        yield device, made


def measure_throughput(overlay):
    overlay.throughput_test(17_000)


def measure_profile(overlay):
    overlay.predict(numbered_images(1, 16_384), profile=True)


@pytest.mark.parametrize("measure", [measure_throughput, measure_profile])
def test_a_measurement_gives_its_large_buffers_back(small, measure):
    device, overlay = small
    device.room = 20_000_000
    measure(overlay)
    assert device.used == 0
    images = numbered_images(1, 9000)
    np.testing.assert_array_equal(overlay.predict(images), np.arange(1, 9001) % 10)


def test_a_measurement_that_fails_gives_its_large_buffers_back_too(small, monkeypatch):
    device, overlay = small

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lst_overlay.hardware.measurements.random_images", interrupted)
    with pytest.raises(KeyboardInterrupt) as kept:
        overlay.throughput_test(17_000)
    assert device.used == 0, kept


def test_a_single_image_is_classified_in_the_buffers_that_are_there(small, monkeypatch):
    device, overlay = small
    overlay.classify(numbered_images(1, 1)[0])
    monkeypatch.setattr(device, "allocate", None)
    assert overlay.classify(numbered_images(3, 1)[0]).digit == 3


@pytest.mark.parametrize("network", [NETWORKS[1], NETWORKS[0]], ids=["another", "the same"])
def test_own_buffers_do_not_starve_the_loading_of_a_network(small, network):
    device, overlay = small
    overlay.predict(numbered_images(1, 9000))
    device.room = device.used
    overlay.load_network(network)
    assert overlay.network is network


def test_own_buffers_do_not_starve_images_of_the_users(small):
    device, overlay = small
    overlay.predict(numbered_images(1, 9000))
    device.room = device.used
    with overlay.pack(numbered_images(1, 5000)) as images:
        np.testing.assert_array_equal(overlay.predict(images), np.arange(1, 5001) % 10)
    assert device.used == 0


def test_a_measurement_that_finds_no_room_makes_no_images(small, monkeypatch):
    _, overlay = small
    monkeypatch.setattr("lst_overlay.hardware.measurements.random_images", None)
    with pytest.raises(LstOverlayError, match="cannot allocate 822.1 MB of contiguous memory"):
        overlay.throughput_test((1 << 20) - 1)


@pytest.mark.parametrize("software", [False, True])
def test_a_measurement_without_a_network_makes_no_images(small, monkeypatch, software):
    _, overlay = small
    overlay._prepared = None
    monkeypatch.setattr("lst_overlay.hardware.measurements.random_images", None)
    with pytest.raises(LstOverlayError, match="no network is loaded"):
        overlay.throughput_test(1000, software=software)


def test_a_kept_exception_keeps_no_buffers(simulated_bit):
    """IPython keeps the last exception, whose traceback must not keep contiguous memory allocated."""
    device = SimulatedBoard()
    kept = []
    overlay = LST1Overlay(simulated_bit, device, network=NETWORKS[0])
    # The pixels of 165,000 images fit the memory, but not their results as well.
    for call, message in (
        (lambda: overlay.predict(IMAGES, timeout=1e-9), "not reached within"),
        (lambda: overlay.throughput_test(165_000), "cannot allocate 7.9 MB"),
    ):
        with pytest.raises(LstOverlayError, match=message) as caught:
            call()
        kept.append(caught.value)
    overlay.free()
    assert not device._memory


def test_an_exception_about_the_results_keeps_no_buffers(small):
    device, overlay = small
    device.faults.image_number_offset = 3
    images = overlay.pack(numbered_images(1, 20))
    kept = []
    for given in (images, numbered_images(1, 20)):
        with pytest.raises(HardwareError, match="20 results are misplaced") as caught:
            overlay.logits(given)
        kept.append(caught.value)
    overlay.free()
    assert device.used == 0


def test_an_overlay_freed_during_a_call_of_another_thread_gives_its_buffers_back_after_it(fake):
    device, overlay = fake
    entered, leave = make_slow(device)
    results = []
    thread = threading.Thread(target=lambda: results.append(overlay.logits(IMAGES)))
    thread.start()
    assert entered.wait(10)
    overlay.free()
    assert overlay._batches._sets and "freed" in repr(overlay)
    leave.set()
    thread.join()
    assert not overlay._batches._sets
    np.testing.assert_array_equal(results[0], contract.logits(NETWORKS[0], IMAGES))


def test_an_overlay_is_freed_while_another_one_computes(fake):
    device, overlay = fake
    other = LST1Overlay(overlay.bitfile_name, device, download=False, network=NETWORKS[0])
    assert_answers(other)
    entered, leave = make_slow(device)
    thread = threading.Thread(target=lambda: overlay.logits(IMAGES))
    thread.start()
    assert entered.wait(10)
    other.free()
    assert not other._batches._sets
    leave.set()
    thread.join()


def test_another_design_in_the_fpga_is_noticed_by_its_build_hash(fake):
    device, overlay = fake
    device.values["BUILD_HASH"] ^= 1
    with pytest.raises(
        BitstreamError,
        match=r"another bitstream was loaded since: call download\(\) to come back \(BUILD_HASH reads 0x",
    ):
        overlay.predict(IMAGES)
    overlay.download()
    assert_answers(overlay)


@pytest.mark.parametrize("name", ["global_pl_state_.json", "global_pl_state.json"])
def test_another_process_s_download_is_noticed_before_a_register_is_read(tmp_path, monkeypatch, name):
    """The file name of pynq's record is that of pynq 3.1 or that of 3.0 and 4.0."""
    monkeypatch.setattr("pynq.pl_server.global_state.STATE_DIR", str(tmp_path))
    device = FakeBoard(NETWORKS)
    device.name = "Pynq"
    bitfile, record = write_bitstream(tmp_path), tmp_path / name
    with LST1Overlay(bitfile, device, network=NETWORKS[0]) as overlay:
        # A record of this bitstream, and an incomplete file.
        for text in (json.dumps({"bitfile_name": str(bitfile)}), "{"):
            record.write_text(text)
            assert_answers(overlay)
        record.write_text(json.dumps({"bitfile_name": "/another.bit"}))
        before = len(device.written)
        with pytest.raises(BitstreamError, match=r"call download\(\) to come back \(/another.bit\)"):
            overlay.predict(IMAGES)
        assert len(device.written) == before
        record.write_text(json.dumps({"bitfile_name": str(bitfile)}))
        assert_answers(overlay)


def test_another_bitstream_was_loaded_since(fake):
    device, overlay = fake
    device.timestamp = "another"
    with pytest.raises(BitstreamError, match=r"another bitstream was loaded since: call download\(\)"):
        overlay.predict(IMAGES)
    overlay.download()
    assert_answers(overlay)
