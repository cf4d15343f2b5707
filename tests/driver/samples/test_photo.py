"""One digit is found in a photograph and brought into MNIST's form, or the photograph is refused."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageDraw

from benchmarks.photographs import measured
from lst_overlay.network import classify, load_network, logits
from lst_overlay.samples import digits as sample_digits
from lst_overlay.samples import shipped_networks
from lst_overlay.samples.photo import BOX, digit_of, form_of_mnist
from tests.images import test_images
from tests.photographs import CONDITIONS, HELD_OUT, UNANSWERABLE, photographs

PAPER, PEN = 210, 40


def photograph(digit, size=(300, 400), at=(60, 90), scale=8):
    """Return a sample digit as dark ink on white paper, (H, W) uint8."""
    page = np.full(size, float(PAPER))
    stroke = np.asarray(Image.fromarray(digit).resize((28 * scale, 28 * scale), Image.BICUBIC)) / 255
    rows, columns = (slice(start, start + 28 * scale) for start in at)
    page[rows, columns] += (PEN - PAPER) * stroke
    return np.clip(page, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def page():
    return photograph(sample_digits.load("digits")[0][3])


@pytest.fixture(scope="module")
def expected(page):
    return digit_of(page).image


def difference(picture, expected):
    return np.abs(digit_of(picture).image.astype(int) - expected).mean()


def test_photographs_under_all_conditions_are_answered_and_right():
    test_images("mnist")  # the aims are for its digits; those of scikit-learn have eight pixels a side
    results = [measured(condition, 3, seed=2) for condition in (*CONDITIONS, *HELD_OUT)]
    answered, right, refused, _ = map(sum, zip(*results))
    assert right >= 0.95 * answered
    assert refused <= 0.15 * (answered + refused)


@pytest.mark.parametrize("condition", UNANSWERABLE)
def test_what_does_not_show_one_whole_digit_is_refused(condition):
    assert measured(condition, 6, seed=2).answered == 0


def test_the_sample_digits_are_recognised_in_photographs():
    """Those whose strokes are faint or in two halves may be refused."""
    images, labels = [], []
    for digit, label in zip(*sample_digits.load("digits")):
        try:
            images.append(digit_of(photograph(digit)).image)
            labels.append(label)
        except ValueError as error:
            assert "more than one digit" in str(error)
    network = load_network(shipped_networks.find("lst1_digits"))
    assert (classify(logits(network, np.stack(images))) == labels).sum() > 90


def test_the_digit_fills_its_box_and_its_mass_is_in_the_middle():
    digit = digit_of(photograph(sample_digits.load("digits")[0][3], at=(10, 150), scale=6)).image
    rows, columns = np.nonzero(digit > 40)
    assert BOX - 2 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= BOX
    mass = [np.average(np.arange(28) + 0.5, weights=digit.sum(axis=1 - axis)) for axis in (0, 1)]
    assert np.abs(np.array(mass) - 14).max() < 1
    assert digit.dtype == np.uint8 and digit[0].max() == 0 and digit.max() > 200


def test_the_steps_are_those_that_led_to_the_image(page):
    found = digit_of(page)
    np.testing.assert_allclose(found.grey, page)
    np.testing.assert_allclose(found.paper, PAPER, atol=3)
    darkness = (PAPER - page.astype(float)) / PAPER
    assert np.abs(found.ink - darkness).mean() < 0.01
    assert max(found.cut.shape) < max(page.shape) and found.cut.max() == 1
    np.testing.assert_array_equal(form_of_mnist(found.cut), found.image)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.image = None


def test_light_on_dark_is_found_as_dark_on_light(page, expected):
    found = digit_of(255 - page)
    np.testing.assert_array_equal(found.image, expected)
    np.testing.assert_allclose(found.grey, page)


def test_size_place_and_colour_do_not_matter_much(expected):
    digit = sample_digits.load("digits")[0][3]
    for other in (
        photograph(digit, at=(5, 5)),
        photograph(digit, size=(900, 1200), scale=24),
        photograph(digit, size=(1500, 2000), at=(900, 1200), scale=4),
        np.dstack([photograph(digit)] * 3),
    ):
        assert difference(other, expected) < 15


def test_a_hard_shadow_leaves_the_digit_as_it_is(page, expected):
    page = page.copy()
    page[:, 200:] = page[:, 200:] * 0.4
    assert difference(page, expected) < 15  # A shift by one pixel makes 12.


@pytest.mark.parametrize("place", [(12, 12), (290, 390), (200, 130), (80, 200)])
def test_dust_leaves_the_digit_as_it_is(page, expected, place):
    """At two of the places the dust is where a second stroke could be."""
    page = page.copy()
    page[place[0] : place[0] + 4, place[1] : place[1] + 4] = 0
    assert difference(page, expected) < 1


@pytest.mark.parametrize("pen", [PEN, 80])
def test_ruled_lines_are_no_ink(page, expected, pen):
    page = pen + (page - float(PEN)) * (PAPER - pen) / (PAPER - PEN)
    for row in range(3):
        page[row::50] = np.minimum(page[row::50], 150)
    assert difference(page.astype(np.uint8), expected) < 12


def noisy(page, noise=20):
    grains = np.random.default_rng(0).normal(0, noise, page.shape)
    return np.clip(page + grains, 0, 255).astype(np.uint8)


def test_noise_is_no_ink(page, expected):
    found = digit_of(noisy(page))
    assert np.median(found.ink) == 0 and found.ink[:50].mean() < 0.02
    assert difference(noisy(page), expected) < 15
    with pytest.raises(ValueError, match="strokes must differ from the paper by ..% of the light"):
        digit_of(noisy(np.full((300, 400), PAPER)))


def test_the_edge_of_a_desk_is_no_ink(page, expected):
    desk = np.pad(page, ((0, 80), (60, 0)), constant_values=50)
    assert difference(desk, expected) < 6


@pytest.mark.parametrize("outside", [0, 10])
def test_a_frame_is_no_ink(page, expected, outside):
    framed = np.pad(np.pad(page, 4, constant_values=60), outside, constant_values=PAPER)
    assert difference(framed, expected) < 6


def test_a_line_around_the_digit_is_no_ink(page, expected):
    picture = Image.fromarray(page)
    around = [(40, 50), (350, 20), (370, 270), (60, 290), (40, 50)]
    ImageDraw.Draw(picture).line(around, fill=PEN, width=5)
    assert difference(picture, expected) < 6


@pytest.mark.parametrize("pen", [14, 8, 5, 1])
def test_a_thin_pen_is_as_bright_as_a_thick_one(pen):
    page = Image.new("L", (600, 600), 220)
    # The strokes of a seven.
    ImageDraw.Draw(page).line([(200, 120), (400, 120), (280, 480)], fill=40, width=pen)
    digit = digit_of(page).image
    assert digit.max() == 255
    assert (digit > 127).sum() > 40  # Two pixels wide.


def test_strokes_of_a_digit_may_be_apart():
    whole, broken = (Image.new("L", (400, 400), 220) for _ in range(2))
    for page, gap in ((whole, 0), (broken, 12)):
        pen = ImageDraw.Draw(page)
        pen.line([(150, 90), (150, 190), (230, 200), (240, 290), (140, 310)], fill=40, width=16)
        pen.line([(150 + 5 * gap, 90), (330, 90)], fill=40, width=16)
        if gap:
            pen.rectangle((100, 100, 200, 100 + gap), fill=220)
    assert digit_of(broken).cut.shape == digit_of(whole).cut.shape


def drawn(*strokes):
    page = Image.new("L", (400, 300), 220)
    for stroke in strokes:
        ImageDraw.Draw(page).line(stroke, fill=40, width=10)
    return page


@pytest.mark.parametrize(
    "picture, message",
    [
        (
            np.full((50, 50), 200, np.uint8),
            "no digit in the picture: strokes must differ from the paper by 8% of the light, not by 0%",
        ),
        (
            drawn([(100, 80), (100, 220)], [(200, 80), (200, 220)]),
            "more than one digit in the picture: 2 sep",
        ),
        (
            drawn([(100, 80), (100, 220)], [(118, 80), (118, 220)]),
            "more than one digit in the picture: 2 sep",
        ),
        (
            drawn([(100, 30), (100, 110)], [(102, 170), (102, 250)]),
            "more than one digit in the picture: 2 sep",
        ),
        (drawn([(100, 80), (100, 200)], [(100, 206), (100, 300)]), "the ink reaches the border of the pict"),
        (drawn([(100, 80), (100, 300)]), "the ink reaches the border of the picture: leave paper around"),
        (
            drawn([(60, 150), (200, 150)]),
            "a digit is at most twice as wide as high, what stands out has 10 x 141 pix",
        ),
        (
            drawn([(100, 100), (104, 100)]),
            "it must be at least 12 of 300 x 400 pixels high or wide; move closer",
        ),
        (Image.new("L", (90, 60), 0).convert("1"), "not by 0%"),
    ],
)
def test_the_message_says_why_there_is_no_answer(picture, message):
    with pytest.raises(ValueError, match=message):
        digit_of(picture)


def test_a_blot_is_no_digit():
    page = Image.new("L", (300, 300), 220)
    ImageDraw.Draw(page).ellipse((100, 110, 170, 190), fill=40)
    with pytest.raises(ValueError, match="a blot, its strokes must be thinner than 35% of its size"):
        digit_of(page)


def test_the_message_names_the_file(tmp_path):
    Image.new("L", (50, 50), 200).save(tmp_path / "blank.png")
    with pytest.raises(ValueError, match=r"blank\.png: no digit in the picture"):
        digit_of(tmp_path / "blank.png")


def test_photographs_are_the_same_for_the_same_seed():
    one, same, other = (photographs("noise", 2, seed)[0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(one[0], same[0])
    assert one[0].shape != other[0].shape or (one[0] != other[0]).any()
