"""The convolutional teacher of CIFAR-10."""

import pytest
import torch
import torch.nn.functional as F

from model.kernels import products
from model.networks.vgg import VGG
from model.training.picture_augment import PictureAugmentation
from tests.model.small import random_pictures


def network(seed=0):
    torch.manual_seed(seed)
    return VGG(channels=(8, 12, 16))


@pytest.fixture(params=[True, False], ids=["bfloat16", "float32"])
def narrow(request, monkeypatch):
    """Whether convolutions are computed in bfloat16: on any processor it is possible."""
    monkeypatch.setattr(products, "has_bfloat16", lambda device: request.param)
    return request.param


def test_an_image_and_its_mirror_image_have_the_same_logits(narrow):
    made, images = network().eval(), random_pictures(1, 5)
    with torch.no_grad():
        torch.testing.assert_close(made(images), made(images.flip(2)))
        assert not torch.equal(made.train()(images), made(images.flip(2)))


def test_the_first_convolution_decorrelates_the_pixels_and_does_not_learn():
    made = network()
    images = PictureAugmentation(crop=8)(random_pictures(2, 400), torch.Generator().manual_seed(0))
    made.begin(images)
    with torch.no_grad():
        flat = (
            made.decorrelate(made._pixels(images)).sub(made.decorrelate.bias[:, None, None]).transpose(0, 1)
        )
    second_moments = flat.flatten(1)[:12].double() @ flat.flatten(1)[:12].double().T / flat[0].numel()
    torch.testing.assert_close(second_moments, torch.eye(12).double(), atol=0.01, rtol=0)
    assert torch.equal(made.decorrelate.weight[12:], -made.decorrelate.weight[:12])
    made(images[:4]).sum().backward()
    assert made.decorrelate.weight.grad is None and made.decorrelate.bias.grad is not None


def test_convolutions_begin_as_the_identity():
    convolution = network().stages[0][0]
    x = torch.randn(2, 24, 9, 9)
    torch.testing.assert_close(convolution(x), x[:, :8])


def test_bfloat16_changes_logits_by_its_rounding_alone(monkeypatch):
    made, images = network().eval(), random_pictures(3, 8)
    logits = []
    for narrow in (False, True):
        monkeypatch.setattr(products, "has_bfloat16", lambda device, narrow=narrow: narrow)
        with torch.no_grad():
            logits.append(made(images))
    assert logits[1].dtype == torch.float32 and not torch.equal(*logits)
    assert (logits[0] - logits[1]).abs().max() < 0.03 * logits[0].abs().max()


def test_it_learns(narrow):
    made, images = network(), random_pictures(4, 20)
    labels = torch.arange(20) % 2
    images[labels == 1] //= 4
    optimizer = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], 0.5, momentum=0.85)
    for _ in range(20):
        loss = F.cross_entropy(made(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3
