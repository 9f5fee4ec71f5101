"""Run several programs in one terminal: merge their output, and stop all of them together.

Programs stop on SIGINT. Each runs in its own session, so a Ctrl-C reaches only the supervisor, which passes it on in
order and waits. Processes that a program leaves behind are stopped after it.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, TextIO

PROC_FOLDER: Final = Path("/proc")  # Linux only
POLL_INTERVAL_S: Final = 0.1
WAIT_NOTICE_DELAY_S: Final = 2.0  # seconds before a program that is still stopping is named
LEFTOVER_TIMEOUT_S: Final = 5.0  # seconds that leftover processes have to stop
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def drop_traceback(line: str) -> str | None:
    """Return the line; None if it belongs to the traceback of a program that was interrupted at its start."""
    return None if line.startswith(("Traceback", " ", "KeyboardInterrupt")) or not line else line


@dataclass(frozen=True)
class Program:
    """A program to run.

    stop_timeout: seconds that it may take to stop. shutdown_filter: maps each line that it writes while stopping to
    the line to show, or None.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_timeout: float
    shutdown_filter: Callable[[str], str | None] = drop_traceback


class Supervisor:
    """Runs programs until one ends or the supervisor is interrupted; then stops all, in the order given."""

    def __init__(self, programs: Sequence[Program], out: TextIO) -> None:
        self._programs, self._output = programs, out
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []
        self._write_lock = threading.Lock()
        self._interrupts = 0
        self._width = max(len(program.name) for program in programs)

    def run(self) -> int:
        """Run the programs and return the exit status: 0 after an interrupt, else that of the first to end (0: 1)."""
        previous_handlers = {signal_number: signal.signal(signal_number, self._on_signal) for signal_number in SIGNALS}
        try:
            for program in self._programs:
                self._start(program)
            status = self._wait()
        finally:
            self._stop_all()
            for number, handler in previous_handlers.items():
                signal.signal(number, handler)
        return status

    def write_line(self, line: str, name: str = "") -> None:
        """Write one line, after the name of its program."""
        with self._write_lock:
            try:
                self._output.write(f"{name:<{self._width}} | {line}\n" if name else f"{line}\n")
                self._output.flush()
            except BrokenPipeError:  # the terminal or the reader of our output is gone: stop as on Ctrl-C
                self._interrupts = max(1, self._interrupts)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._interrupts += 1

    def _start(self, program: Program) -> None:
        process = subprocess.Popen(
            program.command, env=program.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        self._processes[program.name] = process
        reader = threading.Thread(target=self._forward_output, args=(program, process), daemon=True)
        reader.start()
        self._readers.append(reader)

    def _forward_output(self, program: Program, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            text = program.shutdown_filter(line.rstrip("\n")) if self._interrupts else line.rstrip("\n")
            if text is not None:
                self.write_line(text, program.name)

    def _wait(self) -> int:
        """Wait for an interrupt or the first program to end; return the exit status."""
        while not self._interrupts:
            for name, process in self._processes.items():
                if (status := process.poll()) is not None:
                    self.write_line(f"{name} has ended (status {status}); stopping the other programs")
                    return status if status > 0 else 1
            time.sleep(POLL_INTERVAL_S)
        self.write_line("Stopping: this takes some seconds (Ctrl-C again: at once)")
        return 0

    def _stop_all(self) -> None:
        """Pass the interrupt on to each program, wait for all, and stop the processes they left behind."""
        for program in self._programs:
            if program.name in self._processes:
                self._signal(program, signal.SIGINT)
        for program in self._programs:
            if program.name in self._processes and not self._wait_for_end(program):
                self.write_line(f"{program.name} did not stop in time and is killed")
        for program in self._programs:
            if program.name in self._processes:
                self._kill_leftovers(program)
        for reader in self._readers:
            reader.join(1)
        self.write_line("All programs have stopped.")

    def _signal(self, program: Program, signal_number: int) -> None:
        process = self._processes[program.name]
        if process.poll() is None:
            process.send_signal(signal_number)

    def _wait_for_end(self, program: Program) -> bool:
        """Return whether the program ends within its stop timeout; name it once if that takes a while."""
        process, start, notified = self._processes[program.name], time.monotonic(), False
        while process.poll() is None:
            waited_s = time.monotonic() - start
            if waited_s > program.stop_timeout or self._interrupts > 1:
                return False
            if waited_s > WAIT_NOTICE_DELAY_S and not notified:
                self.write_line(f"waiting for {program.name} …")
                notified = True
            time.sleep(POLL_INTERVAL_S)
        return True

    def _kill_leftovers(self, program: Program) -> None:
        """Stop all processes left in the program's session: SIGTERM, then SIGKILL."""
        process = self._processes[program.name]
        for signal_number, timeout in (
            (signal.SIGTERM, 0.0 if self._interrupts > 1 else LEFTOVER_TIMEOUT_S),
            (signal.SIGKILL, LEFTOVER_TIMEOUT_S),
        ):
            if process.poll() is not None and not _group_is_alive(process.pid):
                return
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal_number)
            start = time.monotonic()
            while (process.poll() is None or _group_is_alive(process.pid)) and time.monotonic() - start < timeout:
                time.sleep(POLL_INTERVAL_S)


def _group_is_alive(group: int) -> bool:
    """Return whether a process of the group still runs; zombies do not count."""
    for path in PROC_FOLDER.glob("[0-9]*/stat"):
        try:
            state, _, process_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it has ended
        if int(process_group) == group and state != "Z":
            return True
    return False
