"""Programs run side by side; all of them end together, with their child processes."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM_PRELUDE = "import os, pathlib, signal, subprocess, sys, time\n"
WAITING_PROGRAM = "print('up', flush=True)\ntry: time.sleep(60)\nexcept KeyboardInterrupt: print('bye', flush=True)\n"
STUBBORN_PROGRAM = "signal.signal(signal.SIGINT, signal.SIG_IGN); print('up', flush=True); time.sleep(60)\n"
PARENT_PROGRAM = "c = subprocess.Popen(['sleep', '60']); print('child', c.pid, flush=True)\n"


class SupervisorProcess:
    """A supervisor in its own process. programs: name → (code, stop timeout in seconds)."""

    def __init__(self, **programs):
        program_list = ", ".join(
            f"Program({name!r}, [sys.executable, '-c', {PROGRAM_PRELUDE + code!r}], os.environ, {patience})"
            for name, (code, patience) in programs.items()
        )
        text = f"""
            import os, sys
            from pipelines.supervisor import Program, Supervisor
            sys.exit(Supervisor([{program_list}], sys.stdout).run())
        """
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(text)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.lines = []

    def read_until(self, *lines):
        """Read until all these lines have come."""
        while not set(lines) <= set(self.lines):
            line = self.process.stdout.readline()
            assert line, self.lines
            self.lines.append(line.rstrip("\n"))

    def send_signals(self, *signals):
        """Send the signals, half a second apart; (exit status, all lines)."""
        for signal_number in signals:
            self.process.send_signal(signal_number)
            time.sleep(0.5)
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, [*self.lines, *output.splitlines()]


@pytest.fixture
def start_supervisor():
    opened = []

    def start(**programs):
        opened.append(SupervisorProcess(**programs))
        return opened[-1]

    yield start
    for supervisor in opened:
        if supervisor.process.poll() is None:
            supervisor.process.kill()
            supervisor.process.communicate()


def is_alive(process):
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_every_program_exit_itself(start_supervisor, number):
    supervisor = start_supervisor(shop=(WAITING_PROGRAM, 10), gateway=(WAITING_PROGRAM, 10))
    supervisor.read_until("shop    | up", "gateway | up")
    status, lines = supervisor.send_signals(number)
    assert status == 0
    assert lines[2] == "Stopping: this takes some seconds (Ctrl-C again: at once)"
    assert sorted(lines[3:5]) == ["gateway | bye", "shop    | bye"]
    assert lines[5:] == ["All programs have stopped."]


def test_a_program_that_exits_stops_the_others_and_its_status_is_returned(start_supervisor):
    supervisor = start_supervisor(
        shop=(WAITING_PROGRAM, 10), gateway=("time.sleep(1); print('error: no', flush=True); sys.exit(2)", 10)
    )
    status, lines = supervisor.send_signals()
    assert status == 2
    assert "gateway | error: no" in lines
    assert "gateway has ended (status 2); stopping the other programs" in lines
    assert "shop    | bye" in lines


def test_child_processes_of_a_program_are_ended_too(start_supervisor):
    supervisor = start_supervisor(shop=(PARENT_PROGRAM + WAITING_PROGRAM, 10))
    supervisor.read_until("shop | up")
    child = next(line.split()[-1] for line in supervisor.lines if "child" in line)
    assert is_alive(child)
    supervisor.send_signals(signal.SIGINT)
    assert not is_alive(child)


def test_a_program_that_does_not_listen_is_stopped_when_patience_ends(start_supervisor):
    supervisor = start_supervisor(shop=(STUBBORN_PROGRAM, 1))
    supervisor.read_until("shop | up")
    status, lines = supervisor.send_signals(signal.SIGINT)
    assert (status, lines[-2:]) == (0, ["shop did not stop in time and is killed", "All programs have stopped."])


def test_a_second_interrupt_waits_for_no_one(start_supervisor):
    supervisor = start_supervisor(shop=(STUBBORN_PROGRAM, 50))
    supervisor.read_until("shop | up")
    status, lines = supervisor.send_signals(
        signal.SIGINT, signal.SIGINT
    )  # within 30 seconds; the program would have had 50
    assert (status, lines[-1]) == (0, "All programs have stopped.")


def test_with_a_closed_output_it_ends_every_program(start_supervisor):
    supervisor = start_supervisor(
        shop=(PARENT_PROGRAM + "while True: print('line', flush=True); time.sleep(0.1)\n", 10)
    )
    supervisor.read_until("shop | line")
    child = supervisor.lines[0].split()[-1]
    supervisor.process.stdout.close()
    supervisor.process.wait(30)
    assert not is_alive(child)


def test_a_traceback_of_the_interrupt_itself_is_not_shown(start_supervisor):
    supervisor = start_supervisor(shop=("print('up', flush=True)\ntime.sleep(60)", 10))
    supervisor.read_until("shop | up")
    _, lines = supervisor.send_signals(signal.SIGINT)
    assert lines == [
        "shop | up",
        "Stopping: this takes some seconds (Ctrl-C again: at once)",
        "All programs have stopped.",
    ]


def test_a_program_whose_output_is_no_text_still_shows(start_supervisor):
    supervisor = start_supervisor(
        shop=("sys.stdout.buffer.write(b'caf\\xe9\\n'); sys.stdout.flush()\n" + WAITING_PROGRAM, 10)
    )
    supervisor.read_until("shop | up")
    assert supervisor.lines[0] == "shop | caf\ufffd"
