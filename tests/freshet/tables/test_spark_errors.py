"""Errors of Spark, distinguished by the Java exceptions behind them."""

import pytest
from py4j.protocol import Py4JJavaError

from freshet.tables.iceberg import is_conflict, to_lake_error
from freshet.tables.spark_errors import causes, failed_file, java_classes, root_cause

pytestmark = pytest.mark.spark

ICEBERG = "org.apache.iceberg.exceptions"


@pytest.fixture
def java_error(spark):
    """Make the Python error of a Java exception, whose cause may be another one."""

    def make(class_name: str, message: str, cause: Py4JJavaError | None = None) -> Py4JJavaError:
        java_class = spark._jvm
        for part in class_name.split("."):
            java_class = getattr(java_class, part)
        if class_name.startswith(ICEBERG):
            arguments = spark._sc._gateway.new_array(spark._jvm.java.lang.Object, 0)
            throwable = java_class(message, arguments)
        else:
            throwable = java_class(message)
        if cause is not None:
            throwable.initCause(cause.java_exception)
        return Py4JJavaError("An error occurred while calling o1.sql.\n", throwable)

    return make


@pytest.mark.parametrize("name", ["ValidationException", "CommitFailedException"])
def test_a_commit_refused_by_iceberg_is_a_conflict(java_error, name):
    refusal = java_error(f"{ICEBERG}.{name}", "Found a newer commit")
    assert is_conflict(refusal)
    assert is_conflict(java_error("java.lang.RuntimeException", "wrapped", refusal))


def test_an_error_with_the_word_cannot_is_no_conflict(java_error):
    error = java_error("java.io.IOException", "Cannot create file, validation of the conflicting path failed")
    assert not is_conflict(error)
    assert to_lake_error("events 2024-03-01", error).what == (
        "Spark could not write it (IOException: Cannot create file, validation of the conflicting path failed)"
    )


def test_a_full_disk_below_a_failed_commit_is_a_full_disk(java_error):
    error = java_error(
        "java.lang.IllegalStateException", "x", java_error("java.io.IOException", "No space left on device")
    )
    assert not is_conflict(error)
    assert to_lake_error("events", error).fix == "free some space and run it again"


def test_the_root_cause_is_the_innermost_message_that_is_not_generic(java_error):
    inner = java_error("java.lang.IllegalStateException", "the source is gone\nat line 2")
    error = java_error("java.lang.RuntimeException", "Job aborted due to stage failure", inner)
    assert causes(error) == [
        "RuntimeException: Job aborted due to stage failure",
        "IllegalStateException: the source is gone",
    ]
    assert root_cause(error) == "IllegalStateException: the source is gone"
    assert java_classes(error) == {"RuntimeException", "IllegalStateException"}


def test_an_error_of_python_is_its_own_cause():
    assert root_cause(ValueError("bad\nworse")) == "ValueError: bad"
    assert java_classes(ValueError("bad")) == set()


def test_the_file_that_spark_could_not_read_is_named_by_its_path(java_error):
    message = "[FAILED_READ_FILE] Encountered error while reading file file:///a%20lake/b.csv. SQLSTATE: KD001"
    inner = java_error("java.lang.RuntimeException", message)
    assert failed_file(java_error("java.lang.RuntimeException", "Job aborted", inner)) == "/a lake/b.csv"
    assert failed_file(java_error("java.lang.RuntimeException", "Job aborted")) is None
