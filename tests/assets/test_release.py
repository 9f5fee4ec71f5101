"""A rejected or held challenger: the run succeeds, the champion is unchanged, and the check gives the reason."""

import shutil
from datetime import UTC, datetime

import pytest

from tests import tiny_bundle

pytestmark = [pytest.mark.dagster, pytest.mark.spark]


@pytest.fixture(scope="module")
def rejected_run(small_shop):
    from freshet.artifacts import publish
    from resources.lake import Lake
    from tests.dagster_runs import DagsterHarness

    dagster = DagsterHarness(Lake(small_shop.settings))
    publish(dagster.lake.store, "bundle", small_shop.bundle)
    return dagster.run("evaluation", "release", evaluation={"min_cases": 100_000})


def test_the_run_is_green_and_the_release_is_not_materialized(rejected_run):
    assert rejected_run.success
    assert rejected_run.ran("release")
    assert rejected_run.materialized() == ["evaluation"]


def test_the_check_gives_the_reason(rejected_run, small_shop):
    from freshet.data.eval_cases import next_basket_cases
    from freshet.tables.reader import load_training_set

    data = load_training_set(small_shop.settings, small_shop.training_set)
    cases = len(next_basket_cases(data.histories, data.train_until, data.as_of))
    check = rejected_run.check("release", "challenger_may_serve")
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert check.description == (
        f"release: Not released: only {cases} held-out baskets, at least 100000 are needed. "
        "Train a new model when more days have landed, or hold out more days. "
        "Nothing, unless it waits for a person: the champion keeps serving"
    )


def test_nothing_was_written_to_the_journal(rejected_run, small_shop):
    from freshet.releases import journal

    assert journal.entry_count(small_shop.store) == 0


@pytest.fixture(scope="module")
def held_run(small_shop, tmp_path_factory):
    """A run with a better model while releases are held. Afterwards the shop's journal is empty again."""
    from freshet.artifacts import publish
    from freshet.releases.holds import hold_releases
    from freshet.releases.journal import JournalEntry, append_entry, bundle_path
    from resources.lake import Lake
    from tests.dagster_runs import DagsterHarness

    store, folder = small_shop.store, tmp_path_factory.mktemp("other")
    other_bundle = tiny_bundle.write_bundle(folder)
    store.put_folder(folder, bundle_path(other_bundle), "manifest.json")
    now = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
    append_entry(
        store,
        JournalEntry(number=1, decided_on=0, kind="release", bundle=other_bundle, verdict="", why="", at=now, by="t"),
    )
    hold_releases(store, 1, other_bundle, "conversion fell", "ann", now)
    dagster = DagsterHarness(Lake(small_shop.settings))
    publish(store, "bundle", small_shop.bundle)
    yield dagster.run("evaluation", "release", evaluation={"min_cases": 20, "bootstrap_samples": 200})
    shutil.rmtree(store.local_path("releases"))
    shutil.rmtree(store.local_path(bundle_path(other_bundle)))


def test_while_releases_are_held_the_run_is_green_and_the_page_names_the_holder(held_run, small_shop):
    assert held_run.success
    assert held_run.materialized() == ["evaluation"]
    assert held_run.check("release", "challenger_may_serve").passed
    check = held_run.check("release", "releases_are_open")
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert check.description == (
        "release: releases are held by ann since 2026-11-28 09:30 UTC: conversion fell. "
        "Run `freshet release --resume` when releases may go on"
    )
    assert len(small_shop.store.list_names("releases")) == 2
