"""The drift sensor: one retraining for a drift, else a skip reason."""

from datetime import UTC, date, datetime

import dagster as dg
import pytest

from freshet.artifacts import DriftRef, publish
from freshet.monitoring.verdict import DriftVerdict
from freshet.releases import journal
from freshet.releases.journal import JournalEntry
from freshet.steps.drift_report import verdict_path
from freshet.store import open_store
from pipelines.sensor_runner import tick
from resources.lake import Lake
from sensors.drift import DriftSensorInputs, RetrainDecision, decide_retraining, drift_sensor
from tests.idle_jobs import idle, sensor_definitions

pytestmark = pytest.mark.dagster

BUNDLE_ID = "b" * 64
DAY, LATER_DAY = date(2024, 3, 2), date(2024, 3, 3)
DRIFT_SENTENCE = "The shop has drifted since release 3: category drifted."


def journal_entry(number: int, kind: str = "release") -> JournalEntry:
    at = datetime(2024, 3, 1, tzinfo=UTC)
    return JournalEntry(
        number=number, decided_on=number - 1, kind=kind, bundle=BUNDLE_ID, verdict="", why="", at=at, by="test"
    )  # fmt: skip


def drift_ref(**overrides: object) -> DriftRef:
    fields = {"id": "r", "release": 3, "bundle": BUNDLE_ID, "last_day": DAY, "drifted": True}
    return DriftRef(**(fields | overrides))


def sensor_inputs(**overrides: object) -> DriftSensorInputs:
    fields = {
        "report": drift_ref(),
        "sentence": DRIFT_SENTENCE,
        "serving": journal_entry(3),
        "training_as_of": DAY,
        "training_run": None,
    }
    return DriftSensorInputs(**(fields | overrides))


def test_drift_requests_a_retraining_with_the_verdict_as_its_reason():
    assert decide_retraining(sensor_inputs()) == RetrainDecision("release 3 bbbbbbbbbbbb 2024-03-02", DRIFT_SENTENCE)


def test_a_later_day_has_another_run_key():
    keys = {decide_retraining(sensor_inputs(report=drift_ref(last_day=day))).key for day in (DAY, DAY, LATER_DAY)}
    assert keys == {"release 3 bbbbbbbbbbbb 2024-03-02", "release 3 bbbbbbbbbbbb 2024-03-03"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"report": drift_ref(drifted=False), "sentence": "All is well."}, "No drift: All is well."),
        ({"serving": journal_entry(4)}, "The last drift report is about release 3, and the champion is release 4."),
        (
            {"serving": None, "training_as_of": None},
            "The last drift report is about release 3, and there is no release.",
        ),
        (
            {"hold": journal_entry(4, "hold")},
            "Drift, but releases are held by test since 2024-03-01 00:00 UTC: . A new model could not be released; "
            "`freshet release --resume` ends the hold.",
        ),
        ({"training_run": "0123456789"}, "A model is already being trained (run 01234567)."),
        (
            {"report": None},
            "There is no drift report yet; the first one follows the first release and a landing day after it.",
        ),
    ],
)
def test_everything_else_is_a_skip_reason(overrides, message):
    assert decide_retraining(sensor_inputs(**overrides)) == message


# Real ticks.


@pytest.fixture
def definitions_and_instance(settings):
    sensor = drift_sensor(idle, ("idle",))
    return sensor_definitions(Lake(settings), sensor), dg.DagsterInstance.ephemeral()


@pytest.fixture
def store(settings):
    """The lake's store, with three releases of one bundle."""
    store = open_store(settings.lake)
    store.put(f"{journal.bundle_path(BUNDLE_ID)}/manifest.json", b"{}")
    for number in (1, 2, 3):
        journal.append_entry(store, journal_entry(number))
    return store


def publish_verdict(store, day: date) -> None:
    """Publish a report with drift up to `day`."""
    verdict = DriftVerdict(
        bundle=BUNDLE_ID,
        release=3,
        reference=(date(2024, 2, 1), date(2024, 2, 9)),
        current=(DAY, day),
        current_events=900,
        columns=(),
        unknown_share=None,
        quality=None,
        drifted=True,
        sentence=DRIFT_SENTENCE,
        reasons=("category drifted",),
    )
    store.put(verdict_path(f"r{day}"), verdict.model_dump_json().encode())
    publish(store, "drift_report", drift_ref(id=f"r{day}", last_day=day))


def test_one_verdict_requests_one_run(definitions_and_instance, store):
    publish_verdict(store, DAY)
    (sensor_run,) = tick(*definitions_and_instance, "drift")
    run = definitions_and_instance[1].get_run_by_id(sensor_run.run_id)
    assert (run.job_name, run.tags["freshet/why"]) == ("idle", DRIFT_SENTENCE)
    assert tick(*definitions_and_instance, "drift").skip_message == (
        f"Run {sensor_run.run_id[:8]} was requested for this drift (release 3 bbbbbbbbbbbb 2024-03-02) "
        "and ended as SUCCESS; the next one is requested for a later day or another release."
    )


def test_drift_on_a_later_day_requests_another_run(definitions_and_instance, store):
    publish_verdict(store, DAY)
    tick(*definitions_and_instance, "drift")
    publish_verdict(store, LATER_DAY)
    assert len(tick(*definitions_and_instance, "drift")) == 1


def test_no_run_is_requested_while_a_model_is_trained(definitions_and_instance, store):
    publish_verdict(store, DAY)
    running = definitions_and_instance[1].create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED)
    assert (
        tick(*definitions_and_instance, "drift").skip_message
        == f"A model is already being trained (run {running.run_id[:8]})."
    )


def test_a_report_about_an_earlier_release_requests_no_run(definitions_and_instance, store):
    publish_verdict(store, DAY)
    journal.append_entry(store, journal_entry(4))
    assert tick(*definitions_and_instance, "drift").skip_message == (
        "The last drift report is about release 3, and the champion is release 4."
    )


def test_a_hold_delays_the_retraining_until_it_ends(definitions_and_instance, store):
    publish_verdict(store, DAY)
    journal.append_entry(store, journal_entry(4, "hold"))
    assert tick(*definitions_and_instance, "drift").skip_message.startswith(
        "Drift, but releases are held by test since 2024-03-01"
    )
    journal.append_entry(store, journal_entry(5, "resume"))
    assert len(tick(*definitions_and_instance, "drift")) == 1
