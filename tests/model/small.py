"""Small training runs and networks for the tests of model."""
import numpy as np
import torch

from datasets import load_digits
from model.augment import Augmentation
from model.data import Part, Split
from model.networks import LST1
from model.recipe import Recipe, Widths

torch.set_num_threads(1)


def small_split(images=60):
    """A few digits as training and validation images."""
    pictures, labels = load_digits("train")
    part = Part(torch.from_numpy(pictures[:2 * images]), torch.from_numpy(labels[:2 * images]))
    return Split(Part(part.images[:images], part.labels[:images]), Part(part.images[images:], part.labels[images:]))


def small_test(dataset):
    return small_split().validation


def small_recipe(**changes):
    return Recipe(**{"name": "small", "dataset": "digits", "epochs": 3, "batch": 20, "learning_rate": 4e-3,
                     "augmentation": Augmentation(), **changes})


def random_network(seed, d_in=28, d_out=28, classes=10, gain=1.0):
    """An untrained LST1; a gain above 1 drives the activations into saturation."""
    torch.manual_seed(seed)
    network = LST1(d_in, d_out, classes)
    for parameter in network.parameters():
        parameter.data.mul_(gain).add_(0.05 * gain * torch.randn(parameter.shape))
    return network


def random_images(seed, count, size=28):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8))


WIDTHS = (Widths(6, 4, 8), Widths(6, 4, 4), Widths(4, 3, 2), Widths(2, 2, 1), Widths(13, 13, 8), Widths(8, 8, 8))
