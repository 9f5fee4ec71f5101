import re
import shutil
import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from freshet.artifacts import pointer_path
from freshet.inference.golden_requests import save_golden_requests
from freshet.inference.manifest import write_manifest
from freshet.inference.scoring import EncodedHistories
from freshet.releases.holds import hold_releases, resume_releases
from freshet.releases.rollback import roll_back
from freshet.serving.http.errors import Problem
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.releases.checked_bundles import CheckedBundles
from freshet.serving.releases.refresh import checked_releases_before
from freshet.serving.releases.watcher import ReleaseWatcher
from freshet.serving.state_lock import state_folder
from freshet.store import open_store
from tests.tiny_bundle import encoder_input, view_histories, write_bundle
from tests.tiny_gateway import ManualClocks, append_release, gateway_settings, release_tiny_bundle, wait_for


class WatcherHarness:
    """A follower that looks when it is told to."""

    def __init__(self, root, **setting_overrides):
        self.settings, self.hands, self.current = (
            gateway_settings(root, **setting_overrides),
            ManualClocks(),
            ActiveState(),
        )
        self.root, self.lake = root, gateway_settings(root).lake
        self.histories = []
        self.follower = ReleaseWatcher(
            self.settings, open_store(self.lake), self.current, self.hands.clock(), lambda: self.histories
        )

    def look(self):
        self.follower.poll()
        return self.current.release.number if self.current.release else None

    def poll_and_wait_for_check(self):
        """As `look`, once the second proof has come to its end."""
        wait_for(lambda: self.look() and not self.follower._background_check.is_running)
        return self.look()

    def release(self, note):
        return release_tiny_bundle(self.lake, self.root, note)

    def release_wrong(self, note="wrong"):
        """A bundle whose golden requests were answered otherwise at export."""
        folder = self.root / note
        write_bundle(folder, note=note)
        other = EncodedHistories(np.array([[9, 9]], dtype=np.float32), np.zeros(1, dtype=np.float32))
        save_golden_requests(encoder_input(view_histories(["a"])), other, folder / "golden.npz")
        name = write_manifest(
            folder, created_by="t", precision="fp32", max_history=4, lineage={}, parameters={}, metrics={}
        )
        open_store(self.lake).put_folder(folder, f"bundles/{name}", "manifest.json")
        append_release(self.lake, name)
        return name

    def whats(self):
        return [problem.what for problem in self.current.journal_problems]


@pytest.fixture
def watcher(tmp_path):
    return WatcherHarness(tmp_path)


def test_before_the_first_release_nothing_serves_and_it_says_what_to_do(watch):
    assert watch.look() is None
    assert watch.current.journal_problems == (
        Problem(
            f"{watch.lake}/releases",
            "nothing has been released yet",
            "land some days (`freshet land FILE…`), then run `dagster asset materialize -m pipelines.definitions "
            "--select '*' --partition-range FIRST...LAST`, or wait for `make dev` to make the first model; "
            "events are accepted meanwhile",
        ),
    )


def test_a_new_shop_is_no_error_in_the_log(watch, caplog):
    with caplog.at_level("INFO", logger="freshet"):
        watch.look()
    log_records = [(record.levelname, "nothing has been released yet" in record.message) for record in caplog.records]
    assert log_records == [("INFO", True)]


def test_a_new_release_is_swapped_in_and_a_rollback_swaps_it_out(watch):
    first = watch.release("one")
    assert watch.look() == 1
    second = watch.release("two")
    watch.histories = [[("a", "view", 0, 0)], [("?", "view", 0, 0)]]
    assert watch.look() == 2
    assert watch.current.serving.bundle.id == second
    append_release(watch.lake, first)
    assert watch.look() == 3
    assert watch.current.serving.bundle.id == first
    assert (watch.current.swaps, watch.current.journal_problems) == (3, ())


def test_an_entry_that_names_what_serves_changes_the_number_only(watch):
    watch.release("one")
    watch.look()
    ranker = watch.current.serving.ranker
    append_release(watch.lake, watch.current.serving.bundle.id)
    assert watch.look() == 2
    assert watch.current.serving.ranker is ranker


def test_a_bundle_that_fails_its_golden_requests_leaves_production_as_it_was(watch):
    watch.release("one")
    watch.look()
    before, bad_bundle = watch.current.serving, watch.release_wrong()
    watch.look()
    assert watch.current.serving is before
    assert watch.current.journal_problems == (
        Problem(
            f"{watch.lake}/releases/00000002.json",
            f"its bundle {bad_bundle[:12]} cannot serve ({watch.lake}/bundles/{bad_bundle}/golden.npz: golden requests are "
            "answered otherwise than at export (off by 1, allowed 0.001)); release 1 answers meanwhile",
            'run `freshet rollback --to 1 --why "…"`, or restore it from a backup of the lake',
        ),
    )


def test_what_failed_is_tried_again_after_a_growing_pause_or_when_the_journal_changes(watch):
    watch.release("one")
    watch.look()
    watch.release_wrong()
    tried = []
    for seconds in (0, 9, 1, 19, 1):
        watch.hands.pass_by(seconds)
        watch.look()
        tried.append(watch.current.refused)
    assert tried == [1, 1, 2, 2, 3]
    watch.release("two")
    assert watch.look() == 3
    assert watch.whats() == []


def test_a_journal_that_points_to_nothing_leaves_production_as_it_was(watch):
    watch.release("one")
    watch.look()
    append_release(watch.lake, "0" * 64)
    assert watch.look() == 1
    message = f"{watch.lake}/bundles/{'0' * 64}: it is gone"
    assert watch.whats() == [f"its bundle 000000000000 cannot serve ({message}); release 1 answers meanwhile"]


def test_at_start_the_newest_release_that_is_good_answers_and_what_is_wrong_is_told(watch):
    watch.release("one")
    watch.release("two")
    bad_bundle = watch.release_wrong()
    append_release(watch.lake, "0" * 64)
    append_release(watch.lake, bad_bundle)
    assert watch.look() == 2
    assert [message.partition(" (")[0] for message in watch.whats()] == [
        f"its bundle {bad_bundle[:12]} cannot serve",
        "its bundle 000000000000 cannot serve",
    ]
    assert watch.current.journal_problems[0].what.endswith("; release 2 answers meanwhile")


def test_an_entry_that_cannot_be_read_is_told_and_the_one_before_answers_at_start(watch):
    watch.release("one")
    open_store(watch.lake).put("releases/00000002.json", b"{")
    assert watch.look() == 1
    assert watch.whats()[0].startswith("is no journal entry (Invalid JSON")


def test_a_gap_in_the_journal_is_told_and_what_lies_before_it_answers_at_start(watch):
    watch.release("one")
    append_release(watch.lake, watch.release("two"))
    open_store(watch.lake).local_path("releases/00000002.json").unlink()
    assert watch.look() == 1
    assert watch.current.journal_problems == (
        Problem(
            f"{watch.lake}/releases/00000002.json",
            "is missing, releases/00000003.json comes next; release 1 answers meanwhile",
            "restore it from a backup of the lake",
        ),
    )


def test_a_bundle_that_was_damaged_does_not_come_in(watch):
    watch.release("one")
    watch.look()
    second = watch.release("two")
    damaged_file = open_store(watch.lake).local_path(f"bundles/{second}/item_vectors.npy")
    damaged_file.write_bytes(damaged_file.read_bytes()[:-1] + b"x")
    assert watch.look() == 1
    assert "its content has changed" in watch.whats()[0]


def test_histories_that_cannot_be_read_are_told_and_the_release_answers(watch):
    watch.release("one")
    open_store(watch.lake).put(pointer_path("latest_histories"), b"{}")
    assert watch.look() == 1
    assert watch.current.histories_problem is not None
    open_store(watch.lake).local_path(pointer_path("latest_histories")).unlink()
    watch.look()
    assert watch.current.histories_problem is None


def test_a_stray_file_in_the_journals_folder_stops_no_release_and_no_restart(watch, caplog):
    watch.release("one")
    assert watch.look() == 1
    for name in (".DS_Store", "00000001.json.bak", "old/00000001.json"):
        open_store(watch.lake).put(f"releases/{name}", b"x")
    assert watch.look() == 1
    watch.release("two")
    for _ in range(3):
        assert watch.look() == 2
    warning = Problem(
        f"{watch.lake}/releases",
        ".DS_Store, 00000001.json.bak, old/ are no entries of the journal: ignored",
        "move what is not needed there out of this folder",
    )
    assert watch.current.journal_problems == (warning,)
    assert [record.levelname for record in caplog.records if "are no entries" in record.message] == ["WARNING"]
    second_watcher = WatcherHarness(watch.root)
    assert second_watcher.look() == 2
    assert second_watcher.current.journal_problems == (warning,)


def test_a_stray_file_does_not_hide_that_nothing_was_released(watch):
    open_store(watch.lake).put("releases/.DS_Store", b"x")
    assert watch.look() is None
    assert watch.whats() == ["nothing has been released yet", ".DS_Store is no entry of the journal: ignored"]


def test_at_start_a_bundle_that_was_taken_back_answers_only_where_no_other_can(watch):
    bundles = [watch.release(note) for note in ("one", "two", "three")]
    store = open_store(watch.lake)
    roll_back(store, watch.settings.cache, 2, "conversion fell", "ann", datetime(2026, 1, 5, tzinfo=UTC))
    store.local_path(f"bundles/{bundles[1]}/manifest.json").unlink()
    assert WatcherHarness(watch.root).look() == 1
    store.local_path(f"bundles/{bundles[0]}/manifest.json").unlink()
    assert WatcherHarness(watch.root).look() == 3


def test_a_hold_and_its_end_change_nothing_of_what_serves(watch):
    store, now = open_store(watch.lake), datetime(2026, 1, 5, tzinfo=UTC)
    bundle = watch.release("one")
    hold_releases(store, 1, bundle, "conversion fell", "ann", now)
    assert watch.look() == 1
    for _ in range(25):  # more entries than a gateway tries releases
        resume_releases(store, "", "ann", now)
        hold_releases(store, len(store.list("releases")), bundle, "conversion fell", "ann", now)
    assert watch.look() == 1
    assert WatcherHarness(watch.root).look() == 1
    assert watch.whats() == []
    watch.release("two")
    assert watch.look() == 53


def test_a_proof_that_takes_too_long_says_which_setting_to_raise(tmp_path):
    watch = WatcherHarness(tmp_path, proof_seconds=0.01)
    watch.release("one")
    assert watch.look() is None
    (problem,) = watch.current.journal_problems
    assert re.search(r"cannot serve \(.*: its proof took longer than 0.01 s\)", problem.what)
    assert problem.fix == (
        "raise FRESHET_BUNDLE_CHECK_TIMEOUT_S (0.01, and as many for each GB of the bundle), or give this machine less to do; "
        "the bundle itself may be whole"
    )


def test_what_this_machine_has_proved_serves_at_once_at_a_restart_and_is_proved_behind(tmp_path):
    first = WatcherHarness(tmp_path)
    first.release("one")
    assert first.look() == 1
    second_watcher = WatcherHarness(tmp_path, proof_seconds=0.01)  # no proof ends so soon: it does not wait for one
    assert second_watcher.look() == 1
    assert second_watcher.whats() == []
    assert second_watcher.poll_and_wait_for_check() == 1
    (message,) = second_watcher.whats()
    assert re.search(
        r"serves on an earlier proof, for now its proof took longer than 0.01 s; release 1 answers", message
    )
    second_watcher.follower._background_check = WatcherHarness(tmp_path).follower._background_check
    second_watcher.hands.pass_by(10)
    assert second_watcher.poll_and_wait_for_check() == 1
    assert second_watcher.whats() == []
    assert not second_watcher.follower._unchecked_bundle


def test_an_earlier_proof_that_does_not_hold_takes_the_bundle_out_again(tmp_path):
    watch = WatcherHarness(tmp_path)
    watch.release("one")
    bad_bundle = watch.release_wrong()
    CheckedBundles(state_folder(watch.settings), "cpu").add(bad_bundle)
    assert watch.look() == 2
    assert watch.poll_and_wait_for_check() == 1
    assert watch.whats()[0].startswith(f"its bundle {bad_bundle[:12]} cannot serve (")
    assert watch.current.refused_bundles == 1
    assert bad_bundle not in CheckedBundles(state_folder(watch.settings), "cpu")


@pytest.fixture
def proof_gate(tmp_path, monkeypatch):
    """A file without which no proof goes on; one that waits for it in vain fails after 30 s."""
    site, go = tmp_path / "site", tmp_path / "go"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "if 'freshet.serving.releases.check_bundle' in sys.orig_argv:\n"
        f"    until = time.monotonic() + 30\n    while not os.path.exists({str(go)!r}):\n"
        "        time.sleep(0.02)\n        if time.monotonic() > until: os._exit(7)\n"
    )
    go.touch()
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")
    return go


def write_rollback(watch, number):
    now = datetime(2026, 1, 5, tzinfo=UTC)
    roll_back(open_store(watch.lake), watch.settings.cache, number, "conversion fell", "ann", now)


def test_a_rollback_after_a_restart_waits_for_no_second_proof(watch, gate):
    for note in ("one", "two"):
        watch.release(note)
        watch.look()
    gate.unlink()
    second_watcher = WatcherHarness(watch.root)
    assert second_watcher.look() == 2
    assert second_watcher.whats() == []
    write_rollback(second_watcher, 1)
    assert second_watcher.look() == 3
    assert second_watcher.whats() == []
    gate.touch()
    assert second_watcher.poll_and_wait_for_check() == 3
    assert second_watcher.whats() == []


def test_the_end_waits_for_no_second_proof(watch, gate):
    watch.release("one")
    watch.look()
    gate.unlink()
    second_watcher = WatcherHarness(watch.root)
    second_watcher.follower.start()
    wait_for(lambda: second_watcher.follower._background_check.is_running)
    second_watcher.follower.stop(10)
    assert not second_watcher.follower.alive
    assert not second_watcher.follower._background_check.is_running


def test_what_was_proved_answers_while_a_release_of_meanwhile_is_proved(watch, gate):
    watch.release("one")
    assert watch.look() == 1
    watch.release("two")
    gate.unlink()
    second_watcher = WatcherHarness(watch.root)
    poll_thread = threading.Thread(target=second_watcher.look)
    poll_thread.start()
    try:
        wait_for(lambda: second_watcher.current.release, 20)
        assert second_watcher.current.release.number == 1
        assert second_watcher.current.journal_problems == ()
    finally:
        gate.touch()
        poll_thread.join()
    assert second_watcher.look() == 2
    assert not second_watcher.follower._unchecked_bundle


def test_what_answered_meanwhile_is_proved_again_where_the_newest_is_refused(watch):
    watch.release("one")
    watch.look()
    bad_bundle = watch.release_wrong()
    second_watcher = WatcherHarness(watch.root)
    assert second_watcher.look() == 1
    assert second_watcher.follower._background_check.is_running
    assert second_watcher.poll_and_wait_for_check() == 1
    assert not second_watcher.follower._unchecked_bundle
    assert [message.partition(" (")[0] for message in second_watcher.whats()] == [
        f"its bundle {bad_bundle[:12]} cannot serve"
    ]


def test_what_was_taken_back_does_not_answer_meanwhile(watch):
    bundles = [watch.release(note) for note in ("one", "two")]
    write_rollback(watch, 1)
    watch.release("three")
    store = open_store(watch.lake)
    assert [entry.number for entry in checked_releases_before(store, 4, bundles)] == [3, 1]
    assert list(checked_releases_before(store, 4, bundles[1:])) == []


def test_another_freshet_proves_everything_anew(tmp_path):
    proved = CheckedBundles(tmp_path, "cpu")
    proved.add("a" * 64)
    assert "a" * 64 in proved
    assert "a" * 64 not in CheckedBundles(tmp_path, "cuda")
    (tmp_path / "proved.json").write_text("{")
    assert "a" * 64 not in proved


def test_a_bundle_that_vanishes_while_it_serves_is_told_without_a_restart(watch):
    name = watch.release("one")
    assert watch.look() == 1
    folder = open_store(watch.lake).local_path(f"bundles/{name}")
    vectors = folder / "item_vectors.npy"
    vectors.rename(folder.parent / "aside.npy")
    watch.hands.pass_by(10)
    assert watch.look() == 1
    assert watch.whats() == [
        "the bundle that serves is no longer whole in the lake (item_vectors.npy); it goes on answering, but would not "
        "come up again after a restart"
    ]
    (folder.parent / "aside.npy").rename(vectors)
    watch.hands.pass_by(10)
    watch.look()
    assert watch.whats() == []
    shutil.rmtree(folder)
    watch.hands.pass_by(10)
    assert watch.look() == 1
    assert watch.whats()[0].startswith("the bundle that serves is gone from the lake; ")
