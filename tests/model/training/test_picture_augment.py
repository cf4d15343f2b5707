"""Augmentation of colour images: each operation against its definition, and how operations are drawn."""

import numpy as np
import pytest
import torch

from model.training.picture_augment import OPERATIONS, PictureAugmentation
from tests.model.small import random_pictures

(
    IDENTITY,
    SHEAR_X,
    SHEAR_Y,
    MOVE_X,
    MOVE_Y,
    ROTATE,
    BRIGHTNESS,
    COLOUR,
    CONTRAST,
    SHARPNESS,
    POSTERISE,
    SOLARISE,
    STRETCH,
    EQUALISE,
) = range(14)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def applied(number, pictures, strength):
    return OPERATIONS[number](pictures.float(), torch.full((len(pictures),), strength)).round().clamp(0, 255)


def test_windows_lie_in_the_picture_with_its_black_border_mirrored_or_not():
    pictures = random_pictures(0, 40)
    found = PictureAugmentation(crop=3)(pictures, generator())
    padded = torch.nn.functional.pad(pictures, (0, 0, 3, 3, 3, 3))
    mirrored = 0
    for picture, whole in zip(found, padded):
        windows = {
            (row, column, flip): torch.equal(
                picture.flip(1) if flip else picture, whole[row : row + 32, column : column + 32]
            )
            for row in range(7)
            for column in range(7)
            for flip in (False, True)
        }
        assert sum(windows.values()) == 1
        mirrored += [flip for (_, _, flip), equal in windows.items() if equal][0]
    assert 10 < mirrored < 30


def test_nothing_wanted_changes_nothing():
    pictures = random_pictures(0, 5)
    assert torch.equal(PictureAugmentation(crop=0, mirror=False)(pictures, generator()), pictures)


def test_the_same_generator_gives_the_same_pictures_and_another_others():
    augmentation, pictures = PictureAugmentation(operations=2), random_pictures(0, 30)
    again = [augmentation(pictures, generator(seed)) for seed in (1, 1, 2)]
    assert torch.equal(again[0], again[1]) and not torch.equal(again[0], again[2])
    assert again[0].dtype == torch.uint8 and again[0].shape == pictures.shape


def test_the_pictures_given_are_left_as_they_were():
    pictures = random_pictures(0, 30)
    before = pictures.clone()
    PictureAugmentation(crop=0, mirror=False, operations=2)(pictures, generator())
    assert torch.equal(pictures, before)


def test_pictures_are_moved_and_mirrored_alike_at_opposite_strengths():
    pictures = random_pictures(0, 2).float()
    for number in (SHEAR_X, MOVE_X, ROTATE):
        torch.testing.assert_close(
            applied(number, pictures, 0.3), applied(number, pictures.flip(2), -0.3).flip(2), atol=1.0, rtol=0
        )
    assert torch.equal(applied(MOVE_X, pictures, 0.0), pictures)


def test_moves_go_whole_pixels_with_black_behind():
    pictures = random_pictures(0, 1)
    step = 4 / 16 / 0.9  # 4 of the 16 pixels of half a picture
    found = applied(MOVE_X, pictures, step)[0]
    torch.testing.assert_close(found[:, :28], pictures[0, :, 4:].float(), atol=1.0, rtol=0)
    assert (found[:, 28:] == 0).all()
    torch.testing.assert_close(
        applied(MOVE_Y, pictures, step)[0].transpose(0, 1), applied(MOVE_X, pictures.transpose(1, 2), step)[0]
    )


@pytest.mark.parametrize(
    "number, strength, moved",
    [
        (ROTATE, 1.0, (10 * np.cos(np.pi / 6), 10 * np.sin(np.pi / 6))),
        (ROTATE, -1.0, (10 * np.cos(np.pi / 6), -10 * np.sin(np.pi / 6))),
        (SHEAR_X, 1.0, (10.0, -3.0)),
        (SHEAR_X, -0.5, (10.0, 1.5)),
        (SHEAR_Y, 1.0, (10.0, 0.0)),
    ],
)
def test_turns_and_shears_go_as_far_as_their_strength_says(number, strength, moved):
    """Where a spot goes that was ten pixels below the middle: (rows, columns) from the middle."""
    pictures = torch.zeros(1, 32, 32, 3)
    pictures[0, 24:28, 14:18] = 200
    found = applied(number, pictures, strength)[0, :, :, 0].numpy()
    place = np.arange(32) - 15.5
    assert (found.sum(1) @ place / found.sum(), found.sum(0) @ place / found.sum()) == pytest.approx(
        moved, abs=0.15
    )


def test_a_shear_in_y_moves_what_lies_aside():
    pictures = torch.zeros(1, 32, 32, 3)
    pictures[0, 14:18, 24:28] = 200
    found = applied(SHEAR_Y, pictures, 1.0)[0, :, :, 0].numpy()
    place = np.arange(32) - 15.5
    assert found.sum(1) @ place / found.sum() == pytest.approx(-3.0, abs=0.15)


def test_brightness_colour_and_contrast_go_towards_black_grey_and_their_mean():
    pictures = random_pictures(0, 3)
    values = pictures.double()
    grey = (values * torch.tensor([0.299, 0.587, 0.114])).sum(3, keepdim=True)
    for number, other in (
        (BRIGHTNESS, 0 * grey),
        (COLOUR, grey),
        (CONTRAST, grey.mean((1, 2, 3), keepdim=True)),
    ):
        for strength in (-0.5, 0.5):
            expected = (other + (1 + 0.9 * strength) * (values - other)).round().clamp(0, 255)
            torch.testing.assert_close(
                applied(number, pictures, strength).double(), expected, atol=1.0, rtol=0
            )


def test_sharpness_goes_to_the_mean_of_neighbours_and_leaves_the_border():
    pictures = random_pictures(0, 1)
    found, values = applied(SHARPNESS, pictures, -1.0)[0], pictures[0].double()
    mean = (values[9:12, 4:7].sum((0, 1)) + 4 * values[10, 5]) / 13
    torch.testing.assert_close(found[10, 5].double(), 0.9 * mean + 0.1 * values[10, 5], atol=1.0, rtol=0)
    assert torch.equal(found[0], pictures[0, 0].float())


def test_posterise_drops_bits_and_solarise_turns_over_what_is_bright():
    pictures = random_pictures(0, 1)
    assert torch.equal(applied(POSTERISE, pictures, 0.5), (pictures & 0xFC).float())
    found = applied(SOLARISE, pictures, -0.3)
    assert torch.equal(found, torch.where(pictures < 178.5, pictures, 255 - pictures).float())


def test_stretch_uses_the_whole_range_and_leaves_flat_pictures():
    pictures = (random_pictures(0, 1) // 4 + 50).to(torch.uint8)
    found = applied(STRETCH, pictures, 0.0)
    assert found.amin((0, 1, 2)).tolist() == [0] * 3 and found.amax((0, 1, 2)).tolist() == [255] * 3
    flat = torch.full((1, 32, 32, 3), 9, dtype=torch.uint8)
    assert torch.equal(applied(STRETCH, flat, 0.0), flat.float()) and torch.equal(
        applied(EQUALISE, flat, 0.0), flat.float()
    )


def test_equalise_makes_values_about_equally_frequent_and_keeps_their_order():
    pictures = torch.from_numpy(
        np.random.default_rng(0).normal(90, 15, (1, 32, 32, 3)).clip(0, 255).astype(np.uint8)
    )
    found = applied(EQUALISE, pictures, 0.0)
    for colour in range(3):
        before, after = pictures[0, :, :, colour].flatten(), found[0, :, :, colour].flatten()
        order = before.argsort()
        assert (after[order].diff() >= 0).all()
        assert (
            after.quantile(0.5).item() == pytest.approx(127, abs=8)
            and after.min() == 0
            and after.max() == 255
        )


def test_every_operation_is_drawn_alike_with_both_signs_and_the_magnitude(monkeypatch):
    drawn = {number: [] for number in range(14)}
    monkeypatch.setattr(
        "model.training.picture_augment.OPERATIONS",
        [
            lambda images, strength, number=number: drawn[number].extend(strength.tolist()) or images
            for number in range(14)
        ],
    )
    PictureAugmentation(operations=2, magnitude=12)(random_pictures(0, 700), generator())
    assert (
        all(60 < len(strengths) < 150 for strengths in drawn.values())
        and sum(map(len, drawn.values())) == 1400
    )
    for strengths in drawn.values():
        assert {round(strength, 5) for strength in strengths} == {0.4, -0.4} and 0.3 < np.mean(
            np.array(strengths) > 0
        ) < 0.7


@pytest.mark.parametrize(
    "change, message",
    [
        ({"crop": -1}, "crop\n.*greater than or equal to 0 .*input_value=-1"),
        ({"operations": 9}, "operations\n.*less than or equal to 8 .*input_value=9"),
        ({"magnitude": 31}, "magnitude\n.*less than or equal to 30 .*input_value=31"),
    ],
)
def test_impossible_strengths_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        PictureAugmentation(**change)


def test_cutout_blackens_a_square_around_a_pixel_of_the_image():
    images = torch.full((300, 32, 32, 3), 7, dtype=torch.uint8)
    augmentation = PictureAugmentation(crop=0, mirror=False, cutout=8)
    covered = augmentation(images, torch.Generator().manual_seed(1)).eq(0)
    assert torch.equal(covered[..., 0], covered[..., 2])
    sizes = {(int(image.any(1).sum()), int(image.any(0).sum())) for image in covered[..., 0]}
    assert max(sizes) == (8, 8) and min(sizes) >= (4, 4)  # cut off at the border
    assert all(image.sum() == image.any(1).sum() * image.any(0).sum() for image in covered[..., 0])
    assert covered[..., 0].any(0).float().mean() > 0.99  # everywhere, but for a corner
