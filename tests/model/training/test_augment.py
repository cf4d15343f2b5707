import math

import pytest
import torch

from model.training.augment import Augmentation
from tests.model.small import random_images, small_split


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_no_movement_leaves_the_images_as_they_are():
    images = random_images(0, 4)
    assert torch.equal(Augmentation(0, 0, 0, 0)(images, generator()), images)


def test_images_stay_uint8_of_the_same_shape():
    images = random_images(0, 3)
    moved = Augmentation()(images, generator())
    assert moved.dtype == torch.uint8 and moved.shape == images.shape


def test_the_same_generator_gives_the_same_images():
    images = random_images(0, 4)
    assert torch.equal(Augmentation()(images, generator(1)), Augmentation()(images, generator(1)))
    assert not torch.equal(Augmentation()(images, generator(1)), Augmentation()(images, generator(2)))


def test_every_image_moves_in_its_own_way():
    moved = Augmentation()(small_split().train.images[:1].repeat(4, 1, 1), generator())
    assert len({image.numpy().tobytes() for image in moved}) == 4


def centre(image):
    """(column, row) of the centre of mass, in half images from the middle."""
    position = (torch.arange(28) + 0.5) / 14 - 1
    weights = image.double() / image.sum()
    return torch.stack([(weights.sum(0) * position).sum(), (weights.sum(1) * position).sum()])


def test_shift_moves_by_at_most_its_amount():
    blob = torch.zeros(1, 28, 28, dtype=torch.uint8)
    blob[0, 13:15, 13:15] = 200
    moved = Augmentation(0, 0, 0.25, 0)(blob.repeat(50, 1, 1), generator())
    distances = torch.stack([centre(image).abs().max() for image in moved])
    assert 0.2 < distances.max() < 0.26


@pytest.mark.parametrize(
    "augmentation", [Augmentation(12, 0, 0, 0), Augmentation(0, 0.12, 0, 0), Augmentation(0, 0, 0, 0.15)]
)
def test_rotation_scale_and_shear_keep_the_middle(augmentation):
    blob = torch.zeros(1, 28, 28, dtype=torch.uint8)
    blob[0, 10:18, 12:16] = 200
    for image in augmentation(blob.repeat(20, 1, 1), generator()):
        assert centre(image).abs().max() < 0.02
        assert not torch.equal(image, blob[0])


def test_rotation_reaches_its_angle_and_no_further():
    bar = torch.zeros(1, 28, 28, dtype=torch.uint8)
    bar[0, 13:15, 3:25] = 200
    angles = []
    for image in Augmentation(20, 0, 0, 0)(bar.repeat(50, 1, 1), generator()):
        x, y = (torch.arange(28) - 13.5).expand(28, 28), (torch.arange(28) - 13.5)[:, None].expand(28, 28)
        angles.append(
            math.degrees(math.atan2(2 * float((image * x * y).sum()), float((image * (x * x - y * y)).sum())))
            / 2
        )
    assert 17 < max(angles) < 21 and -21 < min(angles) < -17


def test_scale_changes_both_sides_each_in_its_own_way():
    square = torch.zeros(1, 28, 28, dtype=torch.uint8)
    square[0, 9:19, 9:19] = 200
    moved = Augmentation(0, 0.3, 0, 0)(square.repeat(50, 1, 1), generator()).float() / 200
    widths, heights = moved[:, 14].sum(1), moved[:, :, 14].sum(1)
    for sizes in (widths, heights):
        assert 7 < sizes.min() < 8.5 and 12 < sizes.max() < 15
    assert abs(torch.corrcoef(torch.stack([widths, heights]))[0, 1]) < 0.5


def test_elastic_moves_points_by_about_its_pixels():
    stripes = torch.zeros(28, 28)
    stripes[:, 14:] = (
        200.0  # an edge: what lies right of the middle in every row shows how far that row was moved
    )
    moved = Augmentation(0, 0, 0, 0, elastic=1.0)(stripes.to(torch.uint8).repeat(100, 1, 1), generator())
    shifts = moved[:, 3:-3, 8:20].float().sum(2) / 200 - 6
    assert 0.5 < shifts.std() < 1.2 and (shifts.std(dim=1) > 0.1).all()
