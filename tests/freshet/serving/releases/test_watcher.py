"""The release watcher: swaps, rollbacks, and bundles that fail their check."""

import re
import shutil
import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from freshet.artifacts import reference_path
from freshet.data.history_events import HistoryEvent
from freshet.inference.golden_requests import save_golden_requests
from freshet.inference.manifest import BundleInfo, write_manifest
from freshet.inference.scoring import EncodedHistories
from freshet.releases.holds import hold_releases, resume_releases
from freshet.releases.rollback import roll_back
from freshet.serving.errors import Problem
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.releases.activation_order import checked_releases_before
from freshet.serving.releases.checked_bundles import CheckedBundles
from freshet.serving.releases.watcher import ReleaseWatcher
from freshet.serving.state_lock import state_folder
from freshet.store import open_store
from tests.tiny_bundle import encoder_input, view_histories, write_bundle
from tests.tiny_gateway import ManualClocks, append_release, gateway_settings, release_tiny_bundle, wait_for


class WatcherHarness:
    """A release watcher without its thread: a test calls `poll`."""

    def __init__(self, root, **setting_overrides):
        settings = gateway_settings(root, **setting_overrides)
        self.settings, self.clocks, self.active_state = settings, ManualClocks(), ActiveState()
        self.root, self.lake = root, gateway_settings(root).lake
        self.histories = []
        self.release_watcher = ReleaseWatcher(
            self.settings, open_store(self.lake), self.active_state, self.clocks.clock(), lambda: self.histories
        )

    def poll(self):
        self.release_watcher.poll()
        return self.active_state.release.number if self.active_state.release else None

    def poll_and_wait_for_check(self):
        """Poll until the recheck has ended."""
        wait_for(lambda: self.poll() and not self.release_watcher.is_rechecking)
        return self.poll()

    def release(self, note):
        return release_tiny_bundle(self.lake, self.root, note)

    def release_bad_bundle(self, note="wrong"):
        """Release a bundle whose golden requests have other outputs than its encoder."""
        folder = self.root / note
        write_bundle(folder, note=note)
        other = EncodedHistories(np.array([[9, 9]], dtype=np.float32), np.zeros(1, dtype=np.float32))
        save_golden_requests(encoder_input(view_histories(["a"])), other, folder / "golden.npz")
        name = write_manifest(
            folder, BundleInfo(created_by="t", precision="fp32", max_history=4, lineage={}, parameters={}, metrics={})
        )
        open_store(self.lake).put_folder(folder, f"bundles/{name}", "manifest.json")
        append_release(self.lake, name)
        return name

    def messages(self):
        return [problem.what for problem in self.active_state.journal_problems]


@pytest.fixture
def watcher(tmp_path):
    return WatcherHarness(tmp_path)


def test_before_the_first_release_the_problem_names_the_next_step(watcher):
    assert watcher.poll() is None
    assert watcher.active_state.journal_problems == (
        Problem(
            f"{watcher.lake}/releases",
            "nothing has been released yet",
            "land some days (`freshet land FILE…`), then run `dagster asset materialize -m pipelines.definitions "
            "--select '*' --partition-range FIRST...LAST`, or wait until `make dev` trains the first model; "
            "events are accepted meanwhile",
        ),
    )


def test_a_new_shop_is_no_error_in_the_log(watcher, caplog):
    with caplog.at_level("INFO", logger="freshet"):
        watcher.poll()
    log_records = [(record.levelname, "nothing has been released yet" in record.message) for record in caplog.records]
    assert log_records == [("INFO", True)]


def test_a_new_release_is_swapped_in_and_a_rollback_swaps_it_out(watcher):
    first = watcher.release("one")
    assert watcher.poll() == 1
    second = watcher.release("two")
    watcher.histories = [[HistoryEvent("a", "view", 0, 0)], [HistoryEvent("?", "view", 0, 0)]]
    assert watcher.poll() == 2
    assert watcher.active_state.release.bundle.id == second
    append_release(watcher.lake, first)
    assert watcher.poll() == 3
    assert watcher.active_state.release.bundle.id == first
    assert (watcher.active_state.swaps, watcher.active_state.journal_problems) == (3, ())


def test_an_entry_with_the_serving_bundle_changes_only_the_number(watcher):
    watcher.release("one")
    watcher.poll()
    ranker = watcher.active_state.release.ranker
    append_release(watcher.lake, watcher.active_state.release.bundle.id)
    assert watcher.poll() == 2
    assert watcher.active_state.release.ranker is ranker


def test_if_a_bundle_fails_its_golden_requests_the_current_release_serves_on(watcher):
    watcher.release("one")
    watcher.poll()
    before, bad_bundle = watcher.active_state.release, watcher.release_bad_bundle()
    watcher.poll()
    assert watcher.active_state.release is before
    assert watcher.active_state.journal_problems == (
        Problem(
            f"{watcher.lake}/releases/00000002.json",
            f"its bundle {bad_bundle[:12]} cannot serve ({watcher.lake}/bundles/{bad_bundle}/golden.npz: golden "
            "requests give other outputs than at export (off by 1, allowed 0.001)); release 1 serves meanwhile",
            'run `freshet rollback --to 1 --why "…"`, or restore it from a backup of the lake',
        ),
    )


def test_a_failed_release_is_retried_with_back_off_or_when_the_journal_changes(watcher):
    watcher.release("one")
    watcher.poll()
    watcher.release_bad_bundle()
    refused_counts = []
    for seconds in (0, 9, 1, 19, 1):
        watcher.clocks.pass_by(seconds)
        watcher.poll()
        refused_counts.append(watcher.active_state.refused_bundles)
    assert refused_counts == [1, 1, 2, 2, 3]
    watcher.release("two")
    assert watcher.poll() == 3
    assert watcher.messages() == []


def test_if_a_released_bundle_is_missing_the_current_release_serves_on(watcher):
    watcher.release("one")
    watcher.poll()
    append_release(watcher.lake, "0" * 64)
    assert watcher.poll() == 1
    message = f"{watcher.lake}/bundles/{'0' * 64}: it is gone"
    assert watcher.messages() == [f"its bundle 000000000000 cannot serve ({message}); release 1 serves meanwhile"]


def test_at_start_the_newest_good_release_serves_and_problems_are_reported(watcher):
    watcher.release("one")
    watcher.release("two")
    bad_bundle = watcher.release_bad_bundle()
    append_release(watcher.lake, "0" * 64)
    append_release(watcher.lake, bad_bundle)
    assert watcher.poll() == 2
    assert [message.partition(" (")[0] for message in watcher.messages()] == [
        f"its bundle {bad_bundle[:12]} cannot serve",
        "its bundle 000000000000 cannot serve",
    ]
    assert watcher.active_state.journal_problems[0].what.endswith("; release 2 serves meanwhile")


def test_at_start_an_unreadable_entry_is_reported_and_the_one_before_serves(watcher):
    watcher.release("one")
    open_store(watcher.lake).put("releases/00000002.json", b"{")
    assert watcher.poll() == 1
    assert watcher.messages()[0].startswith("is no journal entry (Invalid JSON")


def test_at_start_a_journal_gap_is_reported_and_an_entry_before_it_serves(watcher):
    watcher.release("one")
    append_release(watcher.lake, watcher.release("two"))
    open_store(watcher.lake).local_path("releases/00000002.json").unlink()
    assert watcher.poll() == 1
    assert watcher.active_state.journal_problems == (
        Problem(
            f"{watcher.lake}/releases/00000002.json",
            "is missing, releases/00000003.json comes next; release 1 serves meanwhile",
            "restore it from a backup of the lake",
        ),
    )


def test_a_damaged_bundle_is_not_loaded(watcher):
    watcher.release("one")
    watcher.poll()
    second = watcher.release("two")
    damaged_file = open_store(watcher.lake).local_path(f"bundles/{second}/item_embeddings.npy")
    damaged_file.write_bytes(damaged_file.read_bytes()[:-1] + b"x")
    assert watcher.poll() == 1
    assert "its content has changed" in watcher.messages()[0]


def test_unreadable_histories_are_reported_and_the_release_serves(watcher):
    watcher.release("one")
    open_store(watcher.lake).put(reference_path("latest_histories"), b"{}")
    assert watcher.poll() == 1
    assert watcher.active_state.histories.problem is not None
    open_store(watcher.lake).local_path(reference_path("latest_histories")).unlink()
    watcher.poll()
    assert watcher.active_state.histories.problem is None


def test_a_stray_file_in_the_journal_is_reported_and_ignored(watcher, caplog):
    watcher.release("one")
    assert watcher.poll() == 1
    for name in (".DS_Store", "00000001.json.bak", "old/00000001.json"):
        open_store(watcher.lake).put(f"releases/{name}", b"x")
    assert watcher.poll() == 1
    watcher.release("two")
    for _ in range(3):
        assert watcher.poll() == 2
    warning = Problem(
        f"{watcher.lake}/releases",
        ".DS_Store, 00000001.json.bak, old/ are no entries of the journal: ignored",
        "move what is not needed there out of this folder",
    )
    assert watcher.active_state.journal_problems == (warning,)
    assert [record.levelname for record in caplog.records if "are no entries" in record.message] == ["WARNING"]
    second_watcher = WatcherHarness(watcher.root)
    assert second_watcher.poll() == 2
    assert second_watcher.active_state.journal_problems == (warning,)


def test_a_stray_file_does_not_hide_an_empty_journal(watcher):
    open_store(watcher.lake).put("releases/.DS_Store", b"x")
    assert watcher.poll() is None
    assert watcher.messages() == ["nothing has been released yet", ".DS_Store is no entry of the journal: ignored"]


def test_at_start_a_rolled_back_bundle_serves_only_if_no_other_can(watcher):
    bundles = [watcher.release(note) for note in ("one", "two", "three")]
    store = open_store(watcher.lake)
    roll_back(store, watcher.settings.cache_dir, 2, "conversion fell", "ann", datetime(2026, 1, 5, tzinfo=UTC))
    store.local_path(f"bundles/{bundles[1]}/manifest.json").unlink()
    assert WatcherHarness(watcher.root).poll() == 1
    store.local_path(f"bundles/{bundles[0]}/manifest.json").unlink()
    assert WatcherHarness(watcher.root).poll() == 3


def test_hold_and_resume_do_not_change_the_serving_release(watcher):
    store, now = open_store(watcher.lake), datetime(2026, 1, 5, tzinfo=UTC)
    bundle = watcher.release("one")
    hold_releases(store, 1, bundle, "conversion fell", "ann", now)
    assert watcher.poll() == 1
    for _ in range(25):  # more entries than the number of releases that a gateway tries
        resume_releases(store, "", "ann", now)
        hold_releases(store, len(store.list("releases")), bundle, "conversion fell", "ann", now)
    assert watcher.poll() == 1
    assert WatcherHarness(watcher.root).poll() == 1
    assert watcher.messages() == []
    watcher.release("two")
    assert watcher.poll() == 53


def test_a_check_that_times_out_names_the_setting_to_raise(tmp_path):
    watcher = WatcherHarness(tmp_path, bundle_check_timeout_s=0.01)
    watcher.release("one")
    assert watcher.poll() is None
    (problem,) = watcher.active_state.journal_problems
    assert re.search(r"cannot serve \(.*: its check took longer than 0.01 s\)", problem.what)
    assert problem.fix == (
        "raise FRESHET_BUNDLE_CHECK_TIMEOUT_S (0.01, and as much for each GB of the bundle), or reduce the load on "
        "this machine; the bundle itself may be good"
    )


def test_after_a_restart_a_checked_bundle_serves_at_once_and_is_rechecked(tmp_path):
    first = WatcherHarness(tmp_path)
    first.release("one")
    assert first.poll() == 1
    second_watcher = WatcherHarness(
        tmp_path, bundle_check_timeout_s=0.01
    )  # no check ends so soon: serving does not wait for it
    assert second_watcher.poll() == 1
    assert second_watcher.messages() == []
    assert second_watcher.poll_and_wait_for_check() == 1
    (message,) = second_watcher.messages()
    assert re.search(r"serves on an earlier check: its check took longer than 0.01 s; release 1 serves", message)
    second_watcher.release_watcher._background_check = WatcherHarness(tmp_path).release_watcher._background_check
    second_watcher.clocks.pass_by(10)
    assert second_watcher.poll_and_wait_for_check() == 1
    assert second_watcher.messages() == []
    assert not second_watcher.release_watcher.is_rechecking


def test_a_bundle_that_fails_its_recheck_stops_serving(tmp_path):
    watcher = WatcherHarness(tmp_path)
    watcher.release("one")
    bad_bundle = watcher.release_bad_bundle()
    CheckedBundles(state_folder(watcher.settings), "cpu").add(bad_bundle)
    assert watcher.poll() == 2
    assert watcher.poll_and_wait_for_check() == 1
    assert watcher.messages()[0].startswith(f"its bundle {bad_bundle[:12]} cannot serve (")
    assert watcher.active_state.refused_bundles == 1
    assert bad_bundle not in CheckedBundles(state_folder(watcher.settings), "cpu")


@pytest.fixture
def check_gate(tmp_path, monkeypatch):
    """A file that bundle checks wait for; without it they fail after 30 s."""
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


def write_rollback(watcher, number):
    now = datetime(2026, 1, 5, tzinfo=UTC)
    roll_back(open_store(watcher.lake), watcher.settings.cache_dir, number, "conversion fell", "ann", now)


def test_a_rollback_after_a_restart_does_not_wait_for_the_recheck(watcher, check_gate):
    for note in ("one", "two"):
        watcher.release(note)
        watcher.poll()
    check_gate.unlink()
    second_watcher = WatcherHarness(watcher.root)
    assert second_watcher.poll() == 2
    assert second_watcher.messages() == []
    write_rollback(second_watcher, 1)
    assert second_watcher.poll() == 3
    assert second_watcher.messages() == []
    check_gate.touch()
    assert second_watcher.poll_and_wait_for_check() == 3
    assert second_watcher.messages() == []


def test_stopping_does_not_wait_for_the_recheck(watcher, check_gate):
    watcher.release("one")
    watcher.poll()
    check_gate.unlink()
    second_watcher = WatcherHarness(watcher.root)
    second_watcher.release_watcher.start()
    wait_for(lambda: second_watcher.release_watcher.is_rechecking)
    second_watcher.release_watcher.stop(10)
    assert not second_watcher.release_watcher.alive
    assert not second_watcher.release_watcher.is_rechecking


def test_a_checked_release_serves_while_a_newer_one_is_checked(watcher, check_gate):
    watcher.release("one")
    assert watcher.poll() == 1
    watcher.release("two")
    check_gate.unlink()
    second_watcher = WatcherHarness(watcher.root)
    poll_thread = threading.Thread(target=second_watcher.poll)
    poll_thread.start()
    try:
        wait_for(lambda: second_watcher.active_state.release, 20)
        assert second_watcher.active_state.release.number == 1
        assert second_watcher.active_state.journal_problems == ()
    finally:
        check_gate.touch()
        poll_thread.join()
    assert second_watcher.poll() == 2
    assert not second_watcher.release_watcher.is_rechecking


def test_an_interim_release_is_rechecked_if_the_newest_is_refused(watcher):
    watcher.release("one")
    watcher.poll()
    bad_bundle = watcher.release_bad_bundle()
    second_watcher = WatcherHarness(watcher.root)
    assert second_watcher.poll() == 1
    assert second_watcher.release_watcher.is_rechecking
    assert second_watcher.poll_and_wait_for_check() == 1
    assert not second_watcher.release_watcher.is_rechecking
    assert [message.partition(" (")[0] for message in second_watcher.messages()] == [
        f"its bundle {bad_bundle[:12]} cannot serve"
    ]


def test_a_rolled_back_release_is_not_an_interim_release(watcher):
    bundles = [watcher.release(note) for note in ("one", "two")]
    write_rollback(watcher, 1)
    watcher.release("three")
    store = open_store(watcher.lake)
    assert [entry.number for entry in checked_releases_before(store, 4, bundles)] == [3, 1]
    assert list(checked_releases_before(store, 4, bundles[1:])) == []


def test_checks_are_not_valid_for_another_device(tmp_path):
    checked_bundles = CheckedBundles(tmp_path, "cpu")
    checked_bundles.add("a" * 64)
    assert "a" * 64 in checked_bundles
    assert "a" * 64 not in CheckedBundles(tmp_path, "cuda")
    (tmp_path / "proved.json").write_text("{")
    assert "a" * 64 not in checked_bundles


def test_missing_files_of_the_serving_bundle_are_reported(watcher):
    name = watcher.release("one")
    assert watcher.poll() == 1
    folder = open_store(watcher.lake).local_path(f"bundles/{name}")
    vectors = folder / "item_embeddings.npy"
    vectors.rename(folder.parent / "aside.npy")
    watcher.clocks.pass_by(10)
    assert watcher.poll() == 1
    assert watcher.messages() == [
        "the serving bundle is damaged in the lake (item_embeddings.npy); it still serves, but could not be loaded "
        "after a restart"
    ]
    (folder.parent / "aside.npy").rename(vectors)
    watcher.clocks.pass_by(10)
    watcher.poll()
    assert watcher.messages() == []
    shutil.rmtree(folder)
    watcher.clocks.pass_by(10)
    assert watcher.poll() == 1
    assert watcher.messages()[0].startswith("the serving bundle is gone from the lake; ")
