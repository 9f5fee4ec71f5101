"""The buffer of impressions: stored once, dropped beyond its limit."""

import os
from types import SimpleNamespace

import pytest

from freshet.serving.errors import RequestError
from freshet.serving.events import event_store_file
from freshet.serving.events.impressions import MAX_BUFFERED_LINES, Impression, ImpressionBuffer
from freshet.serving.events.writer import Writer
from tests.tiny_gateway import NOON_S

IMPRESSION = Impression("r", None, ("a",), "popular", "champion", "b", 1, "2026-01-05T12:00:00.000000Z")


def stored_lines(folder):
    connection = event_store_file.connect(folder)
    try:
        return connection.execute("SELECT count(*) FROM waiting WHERE kind = 'impressions'").fetchone()[0]
    finally:
        connection.close()


@pytest.fixture
def writer(tmp_path):
    event_store_file.create_store(tmp_path)
    writer = Writer(tmp_path, reserved_bytes=0)
    writer.start()
    yield writer
    writer.stop()


def test_an_impression_is_stored_once(writer):
    impressions = ImpressionBuffer(writer)
    impressions.add(IMPRESSION, NOON_S * 1_000_000)
    impressions.flush()
    impressions.flush()
    assert stored_lines(writer.folder) == 1


def test_impressions_leave_the_disk_space_reserved_for_landing(tmp_path, monkeypatch):
    event_store_file.create_store(tmp_path)
    writer = Writer(tmp_path)
    writer.start()
    impressions = ImpressionBuffer(writer)
    impressions.add(IMPRESSION, NOON_S * 1_000_000)
    with monkeypatch.context() as crowded:
        crowded.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=4096))
        with pytest.raises(RequestError, match="the disk is full, nothing was stored"):
            impressions.flush()
    assert stored_lines(tmp_path) == 0
    impressions.flush()
    assert stored_lines(tmp_path) == 1
    writer.stop()


def test_impressions_beyond_the_buffer_are_dropped_and_counted(writer):
    impressions = ImpressionBuffer(writer)
    for _ in range(MAX_BUFFERED_LINES + 2):
        impressions.add(IMPRESSION, NOON_S * 1_000_000)
    assert impressions.dropped == 2
