"""Pictures of anything on an even ground, in the form on which networks are trained."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lst_overlay.samples.thing import image_of


def picture(*boxes, ground=230, ink=40, size=(160, 120)):
    """Filled rectangles (left, top, right, bottom), the right and lower edges included."""
    drawn = Image.new("L", size, ground)
    for box in boxes:
        ImageDraw.Draw(drawn).rectangle(box, fill=ink)
    return drawn


def extent(image):
    """Rows and columns from the first to the last that are not black."""
    return tuple(int(np.ptp(np.flatnonzero(image.any(axis=axis)))) + 1 for axis in (1, 0))


@pytest.mark.parametrize(
    "boxes, expected",
    [
        ([(30, 20, 69, 99)], (20, 10)),  # a solid block, twice as high as wide
        ([(30, 50, 109, 69)], (5, 20)),  # a bar, four times as wide as high
        ([(30, 30, 109, 39), (30, 60, 109, 69)], (10, 20)),  # an equals sign: two parts are one thing
    ],
)
def test_a_thing_fits_the_box_with_its_proportions(boxes, expected):
    image = image_of(picture(*boxes))
    assert image.shape == (28, 28) and image.dtype == np.uint8 and image.max() == 255
    assert extent(image) == expected


@pytest.mark.parametrize(
    "shape, expected", [((24, 24), (17, 8)), ((8, 8), (6, 3)), ((32, 32), (23, 12)), ((24, 32), (17, 8))]
)
def test_an_image_of_another_shape_has_the_same_proportions(shape, expected):
    image = image_of(picture((30, 20, 69, 99)), shape)
    assert image.shape == shape and extent(image) == expected
    for axis, length in enumerate(shape):
        centre = (image.sum(axis=1 - axis) * (np.arange(length) + 0.5)).sum() / image.sum()
        assert abs(centre - length / 2) <= 0.5


def test_its_centre_of_mass_is_in_the_middle():
    image = image_of(picture((10, 10, 19, 99), (20, 90, 49, 99))).astype(float)
    for axis in (0, 1):
        centre = (image.sum(axis=1 - axis) * (np.arange(28) + 0.5)).sum() / image.sum()
        assert abs(centre - 14) <= 0.5


@pytest.mark.parametrize("ground, ink", [(255, 0), (0, 255), (130, 100), (100, 130)])
def test_dark_on_light_and_light_on_dark_give_the_same_image(ground, ink):
    box = (30, 20, 69, 99)
    np.testing.assert_array_equal(image_of(picture(box, ground=ground, ink=ink)), image_of(picture(box)))


def test_where_it_lies_and_how_large_it_is_do_not_matter():
    expected = image_of(picture((30, 20, 69, 99)))
    np.testing.assert_array_equal(image_of(picture((5, 30, 44, 109))), expected)
    np.testing.assert_array_equal(image_of(picture((60, 40, 139, 199), size=(320, 240))), expected)


def test_dust_does_not_belong_to_it():
    np.testing.assert_array_equal(
        image_of(picture((30, 20, 69, 99), (150, 5, 152, 7))), image_of(picture((30, 20, 69, 99)))
    )


def test_files_and_arrays_give_the_same(tmp_path):
    drawn = picture((30, 20, 69, 99))
    drawn.save(tmp_path / "block.png")
    np.testing.assert_array_equal(image_of(tmp_path / "block.png"), image_of(np.asarray(drawn)))


@pytest.mark.parametrize("boxes, ink", [([], 0), ([(30, 20, 69, 99)], 215), ([(30, 20, 33, 23)], 0)])
def test_a_picture_of_nothing_is_refused(boxes, ink):
    with pytest.raises(
        ValueError, match="nothing in the picture stands out from its border: it must differ by 16"
    ):
        image_of(picture(*boxes, ink=ink))


def test_the_ground_may_be_grainy():
    drawn = np.asarray(picture((30, 20, 69, 99))).astype(int)
    grainy = drawn + np.random.default_rng(0).integers(-9, 10, drawn.shape)
    found, expected = image_of(grainy.astype(np.uint8)), image_of(picture((30, 20, 69, 99)))
    assert extent(found) == extent(expected) and np.abs(found.astype(int) - expected).max() < 32


def test_the_message_names_the_file(tmp_path):
    picture().save(tmp_path / "blank.png")
    with pytest.raises(ValueError, match=f"^{tmp_path}/blank.png: nothing in the picture"):
        image_of(tmp_path / "blank.png")
