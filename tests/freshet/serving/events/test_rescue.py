"""Recovery of the readable lines of a damaged event store."""

import json
import subprocess
import sys
from contextlib import closing

from freshet.serving.events import event_store, event_store_file
from freshet.serving.events.rescue import recover_lines
from tests.tiny_gateway import damage_store


def event_line(number):
    return json.dumps({"event_id": str(number), "title": "x" * 300}).encode() + b"\n"


def test_readable_lines_of_a_damaged_file_are_recovered_in_order(tmp_path):
    event_store_file.create_store(tmp_path)
    with closing(event_store_file.connect(tmp_path)) as connection, connection:
        connection.execute("BEGIN")
        event_store.enqueue(
            connection, [("impressions", 1, b"{}\n"), *(("events", 1, event_line(n)) for n in range(1500))]
        )
    rescued_lines, n_lost = recover_lines(tmp_path)
    assert (len(rescued_lines), n_lost) == (1500, 0)
    damage_store(tmp_path)
    events, n_lost = recover_lines(tmp_path)
    assert 300 < len(events) < 1200
    assert len(events) + n_lost == 1500
    numbers = [int(json.loads(event)["event_id"]) for event in events]
    assert numbers == sorted(set(numbers))


def test_every_output_line_is_a_post(tmp_path):
    event_store_file.create_store(tmp_path)
    with closing(event_store_file.connect(tmp_path)) as connection, connection:
        connection.execute("BEGIN")
        event_store.enqueue(connection, [("events", 1, event_line(n)) for n in range(1001)])
    command = [sys.executable, "-m", "freshet.serving.events.rescue", str(tmp_path)]
    completed_process = subprocess.run(command, capture_output=True, text=True, check=True)
    posts = [json.loads(post) for post in completed_process.stdout.splitlines()]
    assert [len(post) for post in posts] == [1000, 1]
    assert posts[0][0]["event_id"] == "0"
    assert completed_process.stderr == "1,001 events, 0 lines that cannot be read\n"
