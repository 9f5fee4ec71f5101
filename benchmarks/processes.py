"""Processor time and memory of processes, from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

UTIME, STIME, CUTIME, CSTIME = 11, 12, 13, 14  # positions in /proc/PID/stat behind the command's name
PPID = 1


@dataclass(frozen=True)
class ProcessStat:
    """One row of /proc. Seconds are user and system time; child_cpu_s is of children that have ended."""

    parent: int
    cpu_s: float
    child_cpu_s: float


def process_stat(pid: int) -> ProcessStat | None:
    """The process's row, or None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    cpu, child_cpu = int(fields[UTIME]) + int(fields[STIME]), int(fields[CUTIME]) + int(fields[CSTIME])
    return ProcessStat(int(fields[PPID]), cpu / ticks, child_cpu / ticks)


def process_tree(root: int) -> dict[int, ProcessStat]:
    """The rows of a process and of all its descendants, by process id."""
    pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    stats = {pid: stat for pid in pids if (stat := process_stat(pid)) is not None}
    tree = {root} & set(stats)
    while children := {pid for pid, stat in stats.items() if stat.parent in tree} - tree:
        tree |= children
    return {pid: stats[pid] for pid in tree}


def tree_cpu_seconds(root: int) -> float:
    """Processor time so far of a process and all its descendants, those that have ended included."""
    return sum(stat.cpu_s + stat.child_cpu_s for stat in process_tree(root).values())


def tree_resident_bytes(root: int) -> int:
    """Memory that a process and all its descendants hold; shared pages count once for each of them."""
    return sum(map(resident_bytes, process_tree(root)))


def resident_bytes(pid: int) -> int:
    """Memory that a process holds; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
