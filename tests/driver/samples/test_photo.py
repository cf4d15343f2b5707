"""Photographs of digits are prepared as the images of MNIST were."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lst_overlay.network import classify, load_network, logits
from lst_overlay.samples import digits as sample_digits
from lst_overlay.samples import shipped_networks
from lst_overlay.samples.photo import BOX, digit_of


def photograph(digit, size=(300, 400), ink=40, paper=210, at=(60, 90), scale=8, slope=0.0):
    """Return a sample digit as dark ink on paper that is lit from one side, (H, W) uint8."""
    page = paper + slope * np.linspace(-1, 1, size[1])[None, :] + np.zeros(size)
    stroke = np.asarray(Image.fromarray(digit).resize((28 * scale, 28 * scale), Image.BICUBIC)) / 255
    rows, columns = (slice(start, start + 28 * scale) for start in at)
    page[rows, columns] += (ink - paper) * stroke
    return np.clip(page, 0, 255).astype(np.uint8)


def test_photographs_of_the_sample_digits_are_recognised():
    """Almost as many photographs are recognised as digits themselves."""
    network = load_network(shipped_networks.find("lst1_digits"))
    digits, labels = sample_digits.load()
    found = classify(logits(network, np.stack([digit_of(photograph(digit, slope=10)) for digit in digits])))
    assert (found == labels).mean() > 0.9


def test_the_digit_fills_its_box_and_its_mass_is_in_the_middle():
    digit = digit_of(photograph(sample_digits.load()[0][3], at=(10, 150), scale=6))
    rows, columns = np.nonzero(digit > 40)
    assert BOX - 2 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= BOX
    mass = [np.average(np.arange(28) + 0.5, weights=digit.sum(axis=1 - axis)) for axis in (0, 1)]
    assert np.abs(np.array(mass) - 14).max() < 1
    assert digit.dtype == np.uint8 and digit[0].max() == 0 and digit.max() > 200


def test_ink_may_be_darker_or_brighter_than_the_paper():
    dark = photograph(sample_digits.load()[0][0])
    np.testing.assert_array_equal(digit_of(dark), digit_of(255 - dark))


def test_size_place_and_colour_do_not_matter_much():
    digit = sample_digits.load()[0][1]
    first = digit_of(photograph(digit)).astype(int)
    for other in (
        photograph(digit, at=(5, 5)),
        photograph(digit, size=(900, 1200), scale=24),
        np.dstack([photograph(digit)] * 3),
    ):
        assert np.abs(digit_of(other).astype(int) - first).mean() < 7


def test_files_images_and_transparency(tmp_path):
    page = photograph(sample_digits.load()[0][2])
    Image.fromarray(page).save(tmp_path / "page.png")
    expected = digit_of(page)
    np.testing.assert_array_equal(digit_of(tmp_path / "page.png"), expected)
    np.testing.assert_array_equal(digit_of(Image.open(tmp_path / "page.png")), expected)
    with open(tmp_path / "page.png", "rb") as file:
        np.testing.assert_array_equal(digit_of(file), expected)
    drawn = np.zeros((*page.shape, 4), np.uint8)
    # Black ink on a transparent background, as from a drawing canvas.
    drawn[..., 3] = 255 - digit_of_page(page)
    assert (digit_of(Image.fromarray(drawn)) > 0).any()


def test_a_photo_taken_sideways_is_turned_upright(tmp_path):
    page = photograph(sample_digits.load()[0][4])
    sideways = Image.fromarray(np.rot90(page))
    sideways.getexif()[0x0112] = 6  # The EXIF orientation "rotate by 90 degrees clockwise".
    sideways.save(tmp_path / "sideways.png", exif=sideways.getexif())
    np.testing.assert_array_equal(digit_of(tmp_path / "sideways.png"), digit_of(page))
    np.testing.assert_array_equal(digit_of(Image.open(tmp_path / "sideways.png")), digit_of(page))


def digit_of_page(page):
    return np.where(page < 150, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("pen", [14, 8, 5])
def test_a_thin_pen_is_as_bright_as_a_thick_one(pen):
    page = Image.new("L", (600, 600), 220)
    # The strokes of a seven.
    ImageDraw.Draw(page).line([(200, 120), (400, 120), (280, 480)], fill=40, width=pen)
    assert digit_of(page).max() == 255


def test_a_small_digit_in_a_large_photograph_is_found():
    digit = sample_digits.load()[0][3]
    page = photograph(digit, size=(1500, 2000), at=(900, 1200), scale=4)
    assert np.abs(digit_of(page).astype(int) - digit_of(photograph(digit)).astype(int)).mean() < 12


def test_sixteen_bits_of_grey_are_as_good_as_eight(tmp_path):
    page = photograph(sample_digits.load()[0][5])
    Image.fromarray(page.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(digit_of(tmp_path / "deep.png"), digit_of(page))


@pytest.mark.parametrize(
    "picture, message",
    [
        (
            np.full((50, 50), 200, np.uint8),
            "no digit in the picture: its strokes must stand out by 16 of 255 grey levels, found 0",
        ),
        (np.zeros((50, 50)), r"array of uint8, not \(50, 50\) of float64"),
        (np.zeros((0, 50), np.uint8), r"not \(0, 50\)"),
        (np.zeros(50, np.uint8), r"not \(50,\)"),
        (np.zeros((9, 9, 2), np.uint8), r"not \(9, 9, 2\)"),
        (np.ma.masked_array(np.zeros((9, 9), np.uint8), mask=True), r"not \(9, 9\) of uint8 with a mask"),
        (None, "a picture is a file, a PIL image or an array, not NoneType"),
        (7, "not int"),
    ],
)
def test_what_holds_no_digit_is_refused(picture, message):
    with pytest.raises(ValueError, match=message):
        digit_of(picture)


def test_a_file_that_is_no_picture(tmp_path):
    (tmp_path / "notes.txt").write_text("seven")
    with pytest.raises(ValueError, match="notes.txt: not a picture that Pillow reads"):
        digit_of(tmp_path / "notes.txt")
    with pytest.raises(FileNotFoundError):
        digit_of(tmp_path / "missing.png")
