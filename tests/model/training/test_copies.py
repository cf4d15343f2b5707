import dataclasses
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import model.training.copies as copies_module
from model.networks.lst import MLP
from model.networks.teacher import Teacher
from model.training.augment import Augmentation
from model.training.copies import augmented_copies, teacher_logits
from tests.model.small import small_split

PART = small_split(12).train
TWO = Augmentation(copies=2)


def teacher(seed=0):
    torch.manual_seed(seed)
    return MLP()


def files(directory):
    return sorted(path.name for path in directory.rglob("*"))


def test_copies_are_augmented_images_each_in_its_own_way(tmp_path):
    copies = augmented_copies(PART, TWO, tmp_path)
    assert copies.shape == (2, 12, 28, 28) and copies.dtype == np.uint8
    assert not np.array_equal(copies[0], copies[1]) and not np.array_equal(copies[0], PART.images.numpy())


def test_copies_of_images_that_do_not_move_are_the_images(tmp_path):
    for copy in augmented_copies(PART, Augmentation(0, 0, 0, 0, copies=3), tmp_path):
        np.testing.assert_array_equal(copy, PART.images.numpy())


def test_the_same_settings_map_the_same_file(tmp_path):
    first = augmented_copies(PART, TWO, tmp_path)
    (name,) = files(tmp_path)
    written = (tmp_path / name).stat().st_mtime_ns
    np.testing.assert_array_equal(augmented_copies(PART, TWO, tmp_path), first)
    assert files(tmp_path) == [name] and (tmp_path / name).stat().st_mtime_ns == written


def test_copies_do_not_depend_on_the_seed_of_the_run(tmp_path):
    copies = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        copies.append(augmented_copies(PART, TWO, tmp_path / str(seed)))
    np.testing.assert_array_equal(*copies)


@pytest.mark.parametrize(
    "changes",
    [{"copies": 3}, {"shear": 0.1}, {"rotate_degrees": 10.0}, {"scale": 0.1}, {"shift": 0.1}],
    ids=str,
)
def test_other_settings_make_another_file(tmp_path, changes):
    augmented_copies(PART, TWO, tmp_path)
    augmented_copies(PART, dataclasses.replace(TWO, **changes), tmp_path)
    assert len(files(tmp_path)) == 2


def test_other_images_make_another_file(tmp_path):
    augmented_copies(PART, TWO, tmp_path)
    augmented_copies(PART._replace(images=255 - PART.images), TWO, tmp_path)
    assert len(files(tmp_path)) == 2


def test_an_exception_while_copies_are_made_leaves_no_file(tmp_path, monkeypatch):
    calls = []

    def failing(self, images, generator):
        calls.append(images)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return images

    monkeypatch.setattr(Augmentation, "__call__", failing)
    with pytest.raises(KeyboardInterrupt):
        augmented_copies(PART, TWO, tmp_path)
    assert files(tmp_path) == []


def test_what_is_written_to_copies_stays_out_of_the_file(tmp_path):
    """torch takes only writable arrays; what is written to them must not reach the file."""
    copies = augmented_copies(PART, TWO, tmp_path)
    wanted = copies.copy()
    copies[:] = 0
    np.testing.assert_array_equal(augmented_copies(PART, TWO, tmp_path), wanted)


@pytest.mark.parametrize("kind", [MLP, Teacher])
def test_logits_are_what_the_teacher_says_of_each_copy(tmp_path, kind):
    torch.manual_seed(0)
    network = kind()
    copies = augmented_copies(PART, TWO, tmp_path)
    network.train()  # in which batch normalisation would learn from the copies
    logits = teacher_logits(copies, PART, TWO, network, directory=tmp_path)
    assert logits.dtype == np.float32 and logits.shape == (2, 12, 10)
    for copy, kept in zip(copies, logits):
        np.testing.assert_allclose(
            kept, network.eval()(torch.from_numpy(copy)).detach().numpy(), rtol=1e-5, atol=1e-5
        )


def test_the_teacher_stays_as_it_is(tmp_path):
    network = Teacher().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    teacher_logits(augmented_copies(PART, TWO, tmp_path), PART, TWO, network, directory=tmp_path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_the_same_teacher_is_asked_once(tmp_path, monkeypatch):
    copies = augmented_copies(PART, TWO, tmp_path)
    first = teacher_logits(copies, PART, TWO, teacher(), directory=tmp_path)
    names = files(tmp_path)
    written = [(tmp_path / name).stat().st_mtime_ns for name in names]
    np.testing.assert_array_equal(teacher_logits(copies, PART, TWO, teacher(), directory=tmp_path), first)
    assert files(tmp_path) == names and [(tmp_path / name).stat().st_mtime_ns for name in names] == written


def test_another_teacher_or_other_copies_make_another_file(tmp_path):
    copies = augmented_copies(PART, TWO, tmp_path / "copies")
    teacher_logits(copies, PART, TWO, teacher(0), directory=tmp_path / "logits")
    teacher_logits(copies, PART, TWO, teacher(1), directory=tmp_path / "logits")
    other = dataclasses.replace(TWO, shear=0.1)
    teacher_logits(
        augmented_copies(PART, other, tmp_path / "copies"),
        PART,
        other,
        teacher(0),
        directory=tmp_path / "logits",
    )
    assert len(files(tmp_path / "logits")) == 3


def test_an_exception_while_the_teacher_speaks_leaves_no_file(tmp_path):
    copies, network, calls = augmented_copies(PART, TWO, tmp_path / "copies"), teacher(), []

    def fail(module, images):
        calls.append(images)
        if len(images[0]) > 1 and len(calls) > 2:
            raise KeyboardInterrupt

    network.register_forward_pre_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        teacher_logits(copies, PART, TWO, network, directory=tmp_path / "logits")
    assert files(tmp_path / "logits") == []


def test_copies_for_which_the_disk_has_no_room_are_refused_before_they_are_made(tmp_path, monkeypatch):
    monkeypatch.setattr(copies_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=18_815))
    message = "augmented copies take 0.00 GB, and 0.00 GB are free there; make room, .* or set fewer copies"
    with pytest.raises(OSError, match=message):
        augmented_copies(PART, TWO, tmp_path)  # 2 x 12 x 28 x 28 = 18,816 bytes
    assert files(tmp_path) == []
    monkeypatch.setattr(copies_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=18_816))
    augmented_copies(PART, TWO, tmp_path)


def test_of_two_runs_one_makes_the_copies_and_the_other_waits(tmp_path):
    made = []

    class Slow(Augmentation):
        def __call__(self, images, generator):
            made.append(len(images))
            time.sleep(0.05)
            return images

    slow = Slow(copies=2)
    threads = [threading.Thread(target=augmented_copies, args=(PART, slow, tmp_path)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [12, 12] and len(files(tmp_path)) == 1


def test_what_a_killed_run_left_is_written_over(tmp_path):
    augmented_copies(PART, TWO, tmp_path)
    (name,) = files(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).rename(tmp_path / f"{name}.partial")
    (tmp_path / f"{name}.partial").write_bytes(whole[:5000] + bytes(50_000))
    augmented_copies(PART, TWO, tmp_path)
    assert files(tmp_path) == [name] and (tmp_path / name).read_bytes() == whole


@pytest.mark.parametrize("kept", [0, 100, 10_000])
def test_a_file_that_was_cut_off_is_refused_by_its_name(tmp_path, kept):
    augmented_copies(PART, TWO, tmp_path)
    (name,) = files(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:kept])
    with pytest.raises(OSError, match=f"{name}: damaged; delete it, and it is made anew"):
        augmented_copies(PART, TWO, tmp_path)


def test_a_file_of_another_shape_is_refused_by_its_name(tmp_path):
    augmented_copies(PART, TWO, tmp_path)
    (name,) = files(tmp_path)
    np.save(tmp_path / name, np.zeros((2, 11, 28, 28), np.uint8))
    with pytest.raises(
        OSError, match=f"{name}: holds uint8 .2, 11, 28, 28., not the augmented copies; delete it"
    ):
        augmented_copies(PART, TWO, tmp_path)
