"""A challenger that is rejected: the run stays green, production stays as it was, and the page says why."""

import pytest

pytestmark = [pytest.mark.dagster, pytest.mark.spark]


@pytest.fixture(scope="module")
def rejected(small_shop):
    from resources.lake import Lake
    from resources.lake_io import write_reference
    from tests.dagster_runs import Dagster

    dagster = Dagster(Lake(small_shop.settings))
    write_reference(dagster.lake.store, "bundle", small_shop.bundle)
    return dagster.run("evaluation", "release", evaluation={"minimum_cases": 100_000})


def test_the_run_is_green_and_the_release_is_not_materialized(rejected):
    assert rejected.success
    assert rejected.ran("release")
    assert rejected.materialized() == ["evaluation"]


def test_the_check_says_why(rejected, small_shop):
    from freshet.cases import next_basket_cases
    from freshet.tables.reading import load_training_set

    data = load_training_set(small_shop.settings, small_shop.training_set)
    cases = len(next_basket_cases(data.histories, data.cut, data.as_of))
    check = rejected.check("release", "challenger_may_serve")
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert check.description == (
        f"release: Not released: only {cases} baskets to ask for, 100000 are needed to tell luck from merit. "
        "Judge again when more has landed, or hold out more days. Nothing: production stays as it was"
    )


def test_nothing_was_written_to_the_journal(rejected, small_shop):
    from freshet.live import journal

    assert journal.length(small_shop.store) == 0
