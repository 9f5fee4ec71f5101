"""Start Spark's JVM without the warning about incubator modules that it prints each time."""

import os
import sys
import threading
from collections.abc import Iterable, Mapping
from typing import BinaryIO, Final

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway

# Spark's launcher always adds the module jdk.incubator.vector, and the JVM has no switch to silence the warning.
INCUBATOR_WARNING: Final = b"WARNING: Using incubator modules:"


def launch_jvm(options: Mapping[str, str]) -> None:
    """Start the JVM with these options unless this process has one. Its stderr is passed on, without the warning."""
    if SparkContext._gateway is not None:
        return
    conf = SparkConf().setAll(list(options.items()))
    read_fd, write_fd = os.pipe()  # a JVM that does not start prints the reason there and leaves no process object
    reader = threading.Thread(
        target=_forward_stderr, args=(os.fdopen(read_fd, "rb"),), name="freshet-jvm-stderr", daemon=True
    )
    reader.start()
    try:
        gateway = launch_gateway(conf, {"stderr": write_fd})  # type: ignore[no-untyped-call]
    except PySparkException:
        os.close(write_fd)
        reader.join(1)
        raise
    os.close(write_fd)
    SparkContext._ensure_initialized(gateway=gateway)


def drop_incubator_warning(lines: Iterable[bytes]) -> Iterable[bytes]:
    """Return the lines without that warning."""
    return (line for line in lines if not line.startswith(INCUBATOR_WARNING))


def _forward_stderr(stderr: BinaryIO) -> None:
    for line in drop_incubator_warning(stderr):
        sys.stderr.write(line.decode(errors="replace"))
        sys.stderr.flush()
