"""Several programs side by side in one terminal: their lines as they come, and one end for all.

A program ends on SIGINT, as on Ctrl-C. It runs in a session of its own, so that a Ctrl-C reaches only the supervisor,
which passes it on in order and waits; whatever a program has started and left behind is ended after it.
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
POLL_INTERVAL_S: Final = 0.1  # seconds between two looks
WAIT_NOTICE_DELAY_S: Final = 2.0  # seconds of silence at the end before a program that is waited for is named
LEFTOVER_TIMEOUT_S: Final = 5.0  # seconds that what a program left behind has for its own end
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def drop_traceback(line: str) -> str | None:
    """The line, unless it belongs to the traceback of a program that was interrupted while it was starting."""
    return None if line.startswith(("Traceback", " ", "KeyboardInterrupt")) or not line else line


@dataclass(frozen=True)
class Program:
    """A program to run.

    patience: seconds that it may take to end. farewell: what is shown of a line that it writes meanwhile, or None.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_timeout: float
    shutdown_filter: Callable[[str], str | None] = drop_traceback


class Supervisor:
    """Runs programs until one of them ends or the supervisor is interrupted; then ends all, in the order given."""

    def __init__(self, programs: Sequence[Program], out: TextIO) -> None:
        self._programs, self._output = programs, out
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []
        self._write_lock = threading.Lock()
        self._interrupts = 0
        self._width = max(len(program.name) for program in programs)

    def run(self) -> int:
        """The exit status: 0 after an interrupt, else that of the program that ended first (1 where that is 0)."""
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
        """One line, with the name of the program that it comes from."""
        with self._write_lock:
            try:
                self._output.write(f"{name:<{self._width}} | {line}\n" if name else f"{line}\n")
                self._output.flush()
            except BrokenPipeError:  # the terminal, or what reads our lines, has gone: as good as Ctrl-C
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
        """Wait for an interrupt or the first program that ends."""
        while not self._interrupts:
            for name, process in self._processes.items():
                if (status := process.poll()) is not None:
                    self.write_line(f"{name} has ended by itself (status {status}): everything else ends, too")
                    return status if status > 0 else 1
            time.sleep(POLL_INTERVAL_S)
        self.write_line("Ending: this takes some seconds (Ctrl-C again: at once)")
        return 0

    def _stop_all(self) -> None:
        """Pass the interrupt on to each program, wait for all, and end what they left behind."""
        for program in self._programs:
            if program.name in self._processes:
                self._signal(program, signal.SIGINT)
        for program in self._programs:
            if program.name in self._processes and not self._wait_for_end(program):
                self.write_line(f"{program.name} has not ended by itself and is stopped")
        for program in self._programs:
            if program.name in self._processes:
                self._kill_leftovers(program)
        for reader in self._readers:
            reader.join(1)
        self.write_line("Everything has ended.")

    def _signal(self, program: Program, signal_number: int) -> None:
        process = self._processes[program.name]
        if process.poll() is None:
            process.send_signal(signal_number)

    def _wait_for_end(self, program: Program) -> bool:
        """Whether the program ends by itself while there is patience; said once where that takes a while."""
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
        """End everything that still runs in the program's session: first as asked, then by force."""
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
    """Whether a process of the group still runs; one that has ended and that its parent has not noticed does not."""
    for path in PROC_FOLDER.glob("[0-9]*/stat"):
        try:
            state, _, process_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it has ended meanwhile
        if int(process_group) == group and state != "Z":
            return True
    return False
