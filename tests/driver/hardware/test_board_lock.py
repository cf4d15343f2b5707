"""One user of a board at a time: threads, overlays and processes, also after a crash or an interrupt."""

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lst_overlay import BusyError, LST1Overlay, LstOverlayError
from lst_overlay.hardware import board_lock
from lst_overlay.hardware.board_lock import BoardLock
from lst_overlay.network import logits
from tests.boards.fake import FakeBoard
from tests.boards.instant import InstantBoard, numbered_images
from tests.boards.shared import Connections, SharedBoard
from tests.driver.conftest import NETWORKS, write_bitstream

SPAWNED = multiprocessing.get_context("spawn")


def real(device):
    """Make the board one that the driver takes for real, which other processes may use."""
    device.name = "Pynq"
    return device


@pytest.fixture(params=["simulated", "real"])
def device(request):
    return FakeBoard() if request.param == "simulated" else real(FakeBoard())


def test_the_result_and_the_exception_of_the_work_come_back(device):
    lock = BoardLock(device)
    assert lock.run(lambda: 5) == 5
    with pytest.raises(KeyError, match="what happened"):
        lock.run(lambda: {}["what happened"])
    assert lock.run(lambda: 6) == 6


def test_two_locks_of_one_device_exclude_each_other(device):
    first, second = BoardLock(device), BoardLock(device)
    with pytest.raises(BusyError, match="the board is busy: another thread is in predict, logits"):
        first.run(lambda: second.run(lambda: None))
    assert second.run(lambda: 5) == 5


def test_two_devices_that_stand_for_one_real_board_exclude_each_other():
    first, second = BoardLock(real(FakeBoard())), BoardLock(real(FakeBoard()))
    with pytest.raises(
        BusyError, match="another process or overlay uses it and holds .*lst_overlay-fake.lock"
    ):
        first.run(lambda: second.run(lambda: None))
    assert second.run(lambda: first.run is not None)


def test_two_boards_do_not_exclude_each_other():
    other = real(FakeBoard())
    other.tag = "fake1"
    for pair in ((FakeBoard(), FakeBoard()), (real(FakeBoard()), other)):
        first, second = map(BoardLock, pair)
        assert first.run(lambda second=second: second.run(lambda: 5)) == 5


def test_a_device_whose_name_is_no_file_name_has_a_lock():
    device = real(FakeBoard())
    device.tag = "remote/10.0.0.1:7967"
    assert BoardLock(device).run(lambda: 5) == 5


@pytest.mark.parametrize("held", [True, False])
def test_a_process_that_crashes_leaves_no_lock(lock_directory, held):
    """The child holds the lock until it is killed; beside a child that holds none the board is free."""
    device = real(FakeBoard())
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock_directory), str(int(held))], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout.readline() == "working\n"
        if held:
            with pytest.raises(BusyError, match="another process or overlay"):
                BoardLock(device).run(lambda: None)
            child.kill()
            child.wait()
        assert BoardLock(device).run(lambda: 5) == 5
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


HOLD = """
import sys, time
from lst_overlay.hardware import board_lock
from tests.boards.fake import FakeBoard
board_lock.DIRECTORIES = (sys.argv[1],)
device = FakeBoard()
device.name = "Pynq"
def work():
    print("working", flush=True)
    time.sleep(60)
board_lock.BoardLock(device).run(work) if int(sys.argv[2]) else work()
"""


def test_a_process_forked_during_a_call_does_not_keep_the_lock():
    lock = BoardLock(real(FakeBoard()))
    read_end, write_end = os.pipe()

    def fork():
        child = os.fork()
        if not child:
            os.read(read_end, 1)
            os._exit(0)
        return child

    child = lock.run(fork)
    try:
        assert lock.run(lambda: 5) == 5
    finally:
        os.write(write_end, b"x")
        os.waitpid(child, 0)
        os.close(read_end), os.close(write_end)


def test_who_may_not_open_the_lock_is_told(lock_directory):
    (lock_directory / "lst_overlay-fake.lock").symlink_to(lock_directory / "missing" / "file")
    with pytest.raises(
        LstOverlayError, match="cannot be locked .*lst_overlay-fake.lock: No such file.*as root"
    ):
        BoardLock(real(FakeBoard())).run(lambda: None)


def test_the_directory_is_the_first_that_exists(monkeypatch, lock_directory):
    monkeypatch.setattr(board_lock, "DIRECTORIES", (str(lock_directory / "missing"), str(lock_directory)))
    BoardLock(real(FakeBoard())).run(lambda: None)
    assert [path.name for path in lock_directory.iterdir()] == ["lst_overlay-fake.lock"]


@pytest.mark.parametrize("is_real", [False, True])
def test_no_interrupt_leaves_the_board_locked(tmp_path, is_real):
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=SPAWNED) as process:
        assert process.submit(interrupt_calls, tmp_path, is_real).result() == 0


def interrupt_calls(directory, is_real, interrupts=1500):
    """Send signals at all moments of a call, those around taking and giving back the locks among them.

    Returns after how many of the interrupted calls the board was busy.
    """
    device = InstantBoard(NETWORKS)
    overlay = LST1Overlay(write_bitstream(directory), device, network=NETWORKS[0])
    board_lock.DIRECTORIES = (str(directory),)
    overlay._board_lock = BoardLock(real(device) if is_real else device)
    images, armed = numbered_images(1, 2), False

    def interrupt(*_):
        nonlocal armed
        if armed:
            armed = False
            raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.0011, 0.00087)
    busy, kept = 0, []
    for _ in range(interrupts):
        try:
            armed = True
            while armed:  # an interrupt inside a destructor raises nothing here
                overlay.predict(images)
        except KeyboardInterrupt as error:
            kept[:] = [error]  # as IPython keeps the last exception, whose traceback keeps all frames
        try:
            overlay.predict(images)
        except BusyError:
            busy += 1
            device._lst_overlay_lock.release()
    signal.setitimer(signal.ITIMER_REAL, 0)
    return busy


def test_two_overlays_of_one_board_compute_one_after_the_other(board):
    device, bitfile = board
    LST1Overlay(bitfile, device, network=NETWORKS[0])
    overlays = [LST1Overlay(bitfile, device, download=False, network=network) for network in NETWORKS]
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        found = list(threads.map(compute, overlays, (1, 2)))
    assert found == [(6, 0), (6, 0)]


def when_free(call):
    """Repeat the call until the board is free for it, for a minute at most."""
    until = time.monotonic() + 60
    while True:
        try:
            return call()
        except BusyError:
            if time.monotonic() > until:
                raise
        time.sleep(0.001)


def compute(overlay, seed, batches=6):
    """Compute batches, each as soon as the board is free: how many there were, how many were wrong."""
    random, wrong = np.random.default_rng(seed), 0
    for _ in range(batches):
        images = random.integers(0, 256, (20, 28, 28), dtype=np.uint8)
        found = when_free(lambda images=images: overlay.logits(images))
        expected = logits(overlay.network, images)
        wrong += int((found != expected).any())
    return batches, wrong


def compute_in_threads(address, bitfile, directory, seed):
    """The work of one process: two overlays, each in a thread of its own and with a network of its own."""
    board_lock.DIRECTORIES = (str(directory),)

    def attached(network):
        device = SharedBoard(address, bitfile)
        return when_free(lambda: LST1Overlay(bitfile, device, download=False, network=network))

    overlays = [attached(network) for network in NETWORKS]
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        found = list(threads.map(compute, overlays, (seed, seed + 1)))
    for overlay in overlays:
        overlay.free()
    return found


def test_processes_and_threads_of_one_board_get_no_wrong_answer(simulated_bit, lock_directory):
    with Connections() as connections:
        device = SharedBoard(connections.address, simulated_bit)
        LST1Overlay(simulated_bit, device, network=NETWORKS[0]).free()
        arguments = (connections.address, simulated_bit, lock_directory)
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=SPAWNED) as processes:
            jobs = [processes.submit(compute_in_threads, *arguments, seed) for seed in (10, 20)]
            found = [job.result() for job in jobs]
        assert found == [[(6, 0), (6, 0)], [(6, 0), (6, 0)]]
        assert device.served.violations() == []
