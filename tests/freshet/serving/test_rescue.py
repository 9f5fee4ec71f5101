import json
import subprocess
import sys
from contextlib import closing

from freshet.serving import ledger, ledger_file
from freshet.serving.rescue import rescued
from tests.tiny_gateway import damage


def line(number):
    return json.dumps({"event_id": str(number), "title": "x" * 300}).encode() + b"\n"


def test_what_can_be_read_of_a_damaged_file_comes_out_in_order(tmp_path):
    ledger_file.create(tmp_path)
    with closing(ledger_file.connect(tmp_path)) as connection, connection:
        connection.execute("BEGIN")
        ledger.wait(connection, [("impressions", 1, b"{}\n"), *(("events", 1, line(n)) for n in range(1500))])
    whole, lost = rescued(tmp_path)
    assert (len(whole), lost) == (1500, 0)
    damage(tmp_path)
    events, lost = rescued(tmp_path)
    assert 300 < len(events) < 1200
    assert len(events) + lost == 1500
    numbers = [int(json.loads(event)["event_id"]) for event in events]
    assert numbers == sorted(set(numbers))


def test_every_line_is_a_post(tmp_path):
    ledger_file.create(tmp_path)
    with closing(ledger_file.connect(tmp_path)) as connection, connection:
        connection.execute("BEGIN")
        ledger.wait(connection, [("events", 1, line(n)) for n in range(1001)])
    command = [sys.executable, "-m", "freshet.serving.rescue", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    posts = [json.loads(post) for post in done.stdout.splitlines()]
    assert [len(post) for post in posts] == [1000, 1]
    assert posts[0][0]["event_id"] == "0"
    assert done.stderr == "1,001 events, 0 lines that cannot be read\n"
