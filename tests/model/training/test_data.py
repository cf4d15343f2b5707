import torch

from model.training.data import load_split, load_test


def keys(part):
    return [image.numpy().tobytes() for image in part.images]


def test_digits_are_split_1200_237_360():
    split = load_split("digits")
    assert [len(part.labels) for part in (*split, load_test("digits"))] == [1200, 237, 360]


def test_training_never_sees_validation_or_test_images():
    split = load_split("digits")
    seen = set(keys(split.train))
    assert not seen & set(keys(split.validation)) and not seen & set(keys(load_test("digits")))


def test_the_split_is_the_same_whatever_the_seed_of_the_run():
    torch.manual_seed(1)
    one = load_split("digits")
    torch.manual_seed(2)
    other = load_split("digits")
    for part, same in zip(one, other):
        assert torch.equal(part.images, same.images) and torch.equal(part.labels, same.labels)
