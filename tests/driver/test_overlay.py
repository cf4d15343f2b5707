"""The interface of LST1Overlay, on every kind of board."""

import numpy as np
import pytest

import lst_overlay.hardware.batches
from lst_overlay import LST1Overlay, LstOverlayError
from lst_overlay import network as contract
from tests.driver.conftest import CHANNEL_NETWORKS, NETWORKS
from tests.driver.random_network import random_images


def assert_bit_exact(found, expected, images):
    """Assert that two arrays are equal; report the number of differences and the first five."""
    assert found.shape == expected.shape
    wrong = np.flatnonzero((found != expected).reshape(len(found), -1).any(axis=1))
    assert not len(wrong), "\n".join(
        [f"{len(wrong)} of {len(images)} images differ"]
        + [
            f"image {i}: {found[i]} instead of {expected[i]}; pixels {images[i].ravel()[:8]}..."
            for i in wrong[:5]
        ]
    )


@pytest.mark.parametrize("count", [1, 2, 7, 9, 33])
def test_predict_equals_the_reference(overlay, count):
    images = random_images(count)
    classes = overlay.predict(images)
    assert classes.dtype == np.int64
    assert_bit_exact(classes, contract.classify(contract.logits(NETWORKS[0], images)), images)


@pytest.mark.parametrize("count", [1, 9])
def test_logits_equal_the_reference(overlay, count):
    images = random_images(count)
    logits = overlay.logits(images)
    assert logits.dtype == np.int32
    assert_bit_exact(logits, contract.logits(NETWORKS[0], images), images)


@pytest.mark.parametrize("pixel", [0, 255])
def test_corner_pixels(overlay, pixel):
    images = np.full((3, 28, 28), pixel, np.uint8)
    assert_bit_exact(overlay.logits(images), contract.logits(NETWORKS[0], images), images)


@pytest.mark.parametrize("count", [15, 16, 17, 40])
def test_chunks_meet_without_a_seam(overlay, monkeypatch, count):
    monkeypatch.setattr(lst_overlay.hardware.batches, "CHUNK_IMAGES", 8)
    images = random_images(count)
    assert_bit_exact(overlay.logits(images), contract.logits(NETWORKS[0], images), images)
    assert_bit_exact(overlay.predict(images), contract.classify(contract.logits(NETWORKS[0], images)), images)


def test_images_in_device_memory_are_answered_alike(overlay, monkeypatch):
    monkeypatch.setattr(lst_overlay.hardware.batches, "CHUNK_IMAGES", 16)
    images = random_images(40)
    packed = overlay.pack(images)
    assert_bit_exact(overlay.logits(packed), contract.logits(NETWORKS[0], images), images)
    packed.memory[0][20:] = images[:20].reshape(20, 784)
    images[20:] = images[:20]
    assert_bit_exact(overlay.logits(packed), contract.logits(NETWORKS[0], images), images)


def test_flat_strided_and_read_only_images(overlay):
    images = random_images(24)
    images.setflags(write=False)
    expected = overlay.predict(images)
    np.testing.assert_array_equal(overlay.predict(images.reshape(24, 784)), expected)
    np.testing.assert_array_equal(overlay.predict(images[::3]), expected[::3])
    np.testing.assert_array_equal(overlay.predict(np.asfortranarray(images)), expected)


def test_results_are_copies(overlay):
    first_images, second_images = random_images(20, seed=1), random_images(20, seed=2)
    classes, logits = overlay.predict(first_images), overlay.logits(first_images)
    kept = classes.copy(), logits.copy()
    overlay.predict(second_images)
    overlay.logits(second_images)
    np.testing.assert_array_equal(classes, kept[0])
    np.testing.assert_array_equal(logits, kept[1])
    assert type(classes) is np.ndarray and type(logits) is np.ndarray


def test_profile_counts_cycles(overlay):
    images = random_images(20)
    classes, figures = overlay.predict(images, profile=True)
    np.testing.assert_array_equal(classes, overlay.predict(images))
    assert figures["images"] == 20 and figures["starts"] == 1
    assert figures["cycles"] >= 20 * 784
    assert figures["cycles_per_image"] == figures["cycles"] / 20
    assert figures["fclk_mhz"] == 200.0
    assert figures["runtime_ms"] == pytest.approx(figures["cycles"] / 200e3)
    assert figures["images_per_second"] == pytest.approx(20e3 / figures["runtime_ms"])
    assert {
        "fclk_source",
        "input_format",
        "scope",
        "simulated",
        "stall_input_cycles",
        "stall_output_cycles",
    } <= set(figures)


def test_throughput_test_has_finns_keys(overlay):
    figures = overlay.throughput_test(12)
    assert figures["batch_size"] == 12 and figures["fclk[mhz]"] == 200.0
    assert figures["throughput[images/s]"] == pytest.approx(12e3 / figures["runtime[ms]"])
    assert figures["DRAM_in_bandwidth[MB/s]"] == pytest.approx(figures["throughput[images/s]"] * 784 / 1e6)
    assert figures["runtime_source"] == "cycles / fclk (simulated)"


def test_networks_change_without_a_download(overlay, tmp_path):
    images = random_images(9)
    path = tmp_path / "second.npz"
    contract.save_network(NETWORKS[1], path)
    overlay.load_network(path)
    assert overlay.network.name == NETWORKS[1].name
    assert_bit_exact(overlay.logits(images), contract.logits(NETWORKS[1], images), images)
    overlay.load_network(NETWORKS[0])
    assert_bit_exact(overlay.logits(images), contract.logits(NETWORKS[0], images), images)


@pytest.mark.parametrize("network", CHANNEL_NETWORKS, ids=lambda network: network.name)
def test_one_table_for_all_channels_and_one_for_each_replace_each_other(overlay, tmp_path, network):
    images = np.concatenate(
        [random_images(5), np.full((1, 28, 28), 0, np.uint8), np.full((1, 28, 28), 255, np.uint8)]
    )
    path = tmp_path / "channels.npz"
    contract.save_network(network, path)
    for given, expected in (
        (path, network),
        (NETWORKS[0], NETWORKS[0]),
        (network, network),
        (network, network),
    ):
        overlay.load_network(given)
        assert_bit_exact(overlay.logits(images), contract.logits(expected, images), images)


def test_attach_without_download(board):
    device, bitfile = board
    images = random_images(3)
    LST1Overlay(bitfile, device, network=NETWORKS[0]).free()
    with LST1Overlay(bitfile, device, download=False, network=NETWORKS[1]) as overlay:
        assert_bit_exact(overlay.logits(images), contract.logits(NETWORKS[1], images), images)


def test_download_again_keeps_the_network(overlay):
    images = random_images(3)
    overlay.download()
    assert_bit_exact(overlay.logits(images), contract.logits(NETWORKS[0], images), images)


def test_without_a_network(board):
    device, bitfile = board
    with LST1Overlay(bitfile, device, network=None) as overlay:
        assert overlay.network is None
        with pytest.raises(LstOverlayError, match="no network is loaded: call load_network"):
            overlay.predict(random_images(1))
        overlay.load_network(NETWORKS[0])
        assert len(overlay.predict(random_images(1))) == 1


@pytest.mark.parametrize("count", [1, 9])
def test_software_computes_the_same(overlay, count):
    images = random_images(count)
    logits = overlay.logits(images, software=True)
    assert logits.dtype == np.int32
    assert_bit_exact(logits, overlay.logits(images), images)
    classes = overlay.predict(images, software=True)
    assert classes.dtype == np.int64
    np.testing.assert_array_equal(classes, overlay.predict(images))


def test_software_has_no_cycles_to_profile(overlay):
    with pytest.raises(ValueError, match="software=True has none"):
        overlay.predict(random_images(1), profile=True, software=True)


@pytest.mark.parametrize("software", [False, True])
def test_classify_gives_digit_probabilities_and_time(overlay, software):
    image = random_images(1)[0]
    answer = overlay.classify(image, software=software)
    logits = contract.logits(NETWORKS[0], image[None])[0]
    assert answer.digit == contract.classify(logits[None])[0] and answer.probabilities.sum() == pytest.approx(
        1
    )
    assert answer.confidence == answer.probabilities.max() and answer.time_s > 0
    assert answer.time_source == ("wall clock" if software else "cycles / fclk (simulated)")
    real = logits * NETWORKS[0].logit_step
    np.testing.assert_allclose(np.diff(np.log(answer.probabilities)), np.diff(real))
    assert repr(answer).startswith(f"Classification({answer.digit}, ")
    np.testing.assert_array_equal(
        overlay.classify(image.ravel(), software=software).probabilities, answer.probabilities
    )


@pytest.mark.parametrize(
    "images, advice",
    [
        (random_images(2), "predict takes many"),
        (random_images(1), r"pass image\[0\]"),
        (random_images(1).reshape(1, 784)[:, :, None], "predict takes many"),
    ],
)
def test_classify_takes_one_image(overlay, images, advice):
    with pytest.raises(
        ValueError, match=rf"classify takes one image, \(28, 28\) or \(784,\), not .*: {advice}$"
    ):
        overlay.classify(images)


def test_throughput_test_over_batch_sizes(overlay):
    rows = overlay.throughput_test([1, 3])
    assert [row["batch_size"] for row in rows] == [1, 3]
    software = overlay.throughput_test((1, 3), software=True)
    assert [row["batch_size"] for row in software] == [1, 3]
    assert {row["runtime_source"] for row in software} == {"wall clock"} and {
        row["scope"] for row in software
    } == {"software"}


@pytest.mark.parametrize(
    "simulated, given, software, runs",
    [
        (False, 4, False, 3),
        (False, [4], False, 3),
        (True, 4, False, 1),
        (True, [4], False, 1),
        (True, 4, True, 3),
        (True, random_images(2), False, 3),
    ],
)
def test_repeats_give_the_fastest_run_and_cycles_are_counted_once(
    fake, monkeypatch, simulated, given, software, runs
):
    _, overlay = fake
    rates = iter([2.0, 3.0, 1.0, 9.0])
    monkeypatch.setattr(overlay, "_simulated", simulated)
    monkeypatch.setattr(overlay, "_throughput", lambda *_: {"throughput[images/s]": next(rates)})
    found = overlay.throughput_test(given, software=software, repeats=3)
    (found,) = found if isinstance(found, list) else [found]
    assert found == {"throughput[images/s]": 3.0 if runs == 3 else 2.0, "best_of": runs}


@pytest.mark.parametrize("repeats, error", [(0, "at least 1, not 0"), (1.5, "not float"), (True, "not bool")])
def test_repeats_that_are_no_number_of_runs_are_refused(fake, repeats, error):
    with pytest.raises((TypeError, ValueError), match=f"repeats must be .*{error}"):
        fake[1].throughput_test(4, repeats=repeats)


@pytest.mark.parametrize(
    "machine, shown",
    [
        ("armv7l", "ARM (armv7l)"),
        ("aarch64", "ARM (aarch64)"),
        ("x86_64", "x86 (x86_64)"),
        ("AMD64", "x86 (AMD64)"),
        ("riscv64", "riscv64"),
        ("", "unknown"),
    ],
)
def test_figures_of_the_processor_say_which_kind_it_is(fake, monkeypatch, machine, shown):
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert fake[1].throughput_test(4, software=True)["processor"] == shown


def test_load_network_tells_how_far_it_is(overlay):
    told = []
    overlay.load_network(NETWORKS[1], progress=lambda share, what: told.append((share, what)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[0] == 0.0 and shares[-1] == 1.0
    assert told[-1][1] == "random-2 is loaded" and any("bytes of parameters" in what for _, what in told)


def test_repr_says_what_it_is(overlay):
    text = repr(overlay)
    for part in ("pixel_serial-loadable.bit", "FCLK0 200.000 MHz", "random-1", "simulated"):
        assert part in text


def test_context_manager_frees(board):
    device, bitfile = board
    with LST1Overlay(bitfile, device, network=NETWORKS[0]) as overlay:
        overlay.predict(random_images(1))
    with pytest.raises(LstOverlayError, match="freed: make a new LST1Overlay"):
        overlay.predict(random_images(1))
    with pytest.raises(LstOverlayError, match="freed: make a new LST1Overlay"):
        overlay.predict(random_images(1), software=True)
    with pytest.raises(LstOverlayError, match="freed: make a new LST1Overlay"):
        overlay.download()
    overlay.free()
    assert "freed" in repr(overlay)


def test_pynqs_own_register_map_works(overlay):
    assert int(overlay.accelerator.register_map.MAGIC) == 0x4F54534C
    assert overlay.accelerator.register_map.STATUS.IDLE == 1


def test_clock_is_set_by_divisors_before_the_download(fake):
    device, overlay = fake
    assert device.clock_at_download == 5 << 8 | 1 << 20
    assert overlay.fclk_mhz == 200.0


def test_two_commands_are_in_flight(fake, monkeypatch):
    device, overlay = fake
    monkeypatch.setattr(lst_overlay.hardware.batches, "CHUNK_IMAGES", 8)
    overlay.predict(random_images(30))
    assert device.deepest_queue == 2


def test_addresses_are_aligned_and_strobes_are_single(fake):
    device, overlay = fake
    overlay.predict(random_images(5))
    written = dict(device.written)
    assert written["SOURCE"] % 128 == 0 and written["DESTINATION"] % 128 == 0
    assert {value for name, value in device.written if name == "CONTROL"} == {1, 2, 4}
