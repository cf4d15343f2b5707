"""A photograph becomes its central square of 32 x 32 pixels in colour."""

import numpy as np
import pytest
from PIL import Image

from lst_overlay.samples.scene import scene_of

BLOCKS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("factor", [1, 3])
def test_a_square_picture_is_scaled(factor):
    """A pixel of the image is a weighted mean of the block that it comes from and of a rim around it."""
    even = np.repeat(np.repeat(BLOCKS, factor, 0), factor, 1)
    found = scene_of(even).astype(int)
    if factor == 1:
        np.testing.assert_array_equal(found, BLOCKS)
    inside = slice(1, -1)
    around = [BLOCKS[1 + i : 31 + i, 1 + j : 31 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert (found[inside, inside] <= np.max(around, axis=0)).all()
    assert (found[inside, inside] >= np.min(around, axis=0)).all()
    assert np.corrcoef(found.ravel(), BLOCKS.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("shape, place", [((32, 60), np.s_[:, 14:46]), ((61, 32), np.s_[14:46])])
def test_the_middle_of_a_longer_side_is_taken(shape, place):
    picture = np.full((*shape, 3), 7, np.uint8)
    picture[place] = BLOCKS
    np.testing.assert_array_equal(scene_of(picture), BLOCKS)


def test_a_small_picture_is_enlarged_without_new_colours():
    found = scene_of(np.full((5, 4, 3), (9, 80, 200), np.uint8))
    assert found.shape == (32, 32, 3) and (found == (9, 80, 200)).all()


def test_a_file_an_open_picture_and_an_array_are_converted_the_same(tmp_path):
    Image.fromarray(BLOCKS).save(tmp_path / "scene.png")
    for picture in (tmp_path / "scene.png", Image.open(tmp_path / "scene.png"), BLOCKS):
        np.testing.assert_array_equal(scene_of(picture), BLOCKS)


def test_what_is_no_picture_is_one_error_that_names_it(tmp_path):
    (tmp_path / "note.png").write_text("no picture")
    with pytest.raises(ValueError, match="note.png: not a picture that Pillow reads"):
        scene_of(tmp_path / "note.png")
