"""Micro-batching: results, errors, cancelled work and a full queue."""

import pytest

from freshet.serving.errors import RequestError
from freshet.serving.micro_batching import MicroBatchThread


def square(batch):
    return [ValueError("negative") if number < 0 else number**2 for number in batch]


def new_thread(process=square, max_waiting=100, max_batch=3):
    return MicroBatchThread("test", process, label="numbers", max_waiting=max_waiting, max_batch=max_batch)


def test_every_piece_of_work_gets_its_own_result_or_error():
    thread = new_thread()
    futures = [thread.submit(number) for number in (3, -1, 2)]
    thread.start()
    thread.stop()
    assert [future.exception() is None for future in futures] == [True, False, True]
    assert (futures[0].result(), futures[2].result()) == (9, 4)


def test_waiting_work_is_processed_in_batches_also_after_stop():
    batches = []
    thread = new_thread(lambda batch: batches.append(len(batch)) or batch)
    futures = [thread.submit(number) for number in range(7)]
    thread.start()
    thread.stop()
    assert batches == [3, 3, 1]
    assert all(future.done() for future in futures)
    assert not thread.alive


def test_cancelled_work_is_not_processed():
    thread = new_thread()
    cancelled, future = thread.submit(1), thread.submit(2)
    cancelled.cancel()
    thread.start()
    thread.stop()
    assert future.result() == 4


def test_a_full_queue_rejects_work():
    thread = new_thread(max_waiting=2)
    thread.submit(1), thread.submit(2)
    with pytest.raises(RequestError, match="2 numbers wait"):
        thread.submit(3)
