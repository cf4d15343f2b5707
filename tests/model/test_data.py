import torch

from model.data import load_split, load_test


def keys(part):
    return [image.numpy().tobytes() for image in part.images]


def test_digits_are_split_1200_237_360():
    split = load_split("digits", seed=1)
    assert [len(part.labels) for part in (*split, load_test("digits"))] == [1200, 237, 360]


def test_training_never_sees_validation_or_test_images():
    split = load_split("digits", seed=1)
    seen = set(keys(split.train))
    assert not seen & set(keys(split.validation)) and not seen & set(keys(load_test("digits")))


def test_the_same_seed_gives_the_same_split():
    one, same, other = (load_split("digits", seed) for seed in (1, 1, 2))
    assert torch.equal(one.validation.images, same.validation.images)
    assert not torch.equal(one.validation.images, other.validation.images)
