"""What serves now, and what is wrong: read by every request, replaced whole by the follower."""

from collections.abc import Callable

from freshet.inference.new_items import NewItems
from freshet.serving.http.errors import Problem, RequestError
from freshet.serving.recommend.active_release import LakeSnapshots, LoadedRelease
from freshet.store import FileInfo

STARTING_PROBLEM = Problem("gateway", "it has just started and is still opening its release", "ask again in a moment")


class ActiveState:
    """The references that are swapped. Each is read once per request; none of them is ever changed in place."""

    def __init__(self, *, lists_first: bool = False, on_swap: Callable[[], None] = lambda: None) -> None:
        self.release: LoadedRelease | None = None
        self.snapshots = LakeSnapshots(lists_first=lists_first)
        self.journal_problems: tuple[Problem, ...] = (STARTING_PROBLEM,)  # why not, or not the newest, release serves
        self.histories_problem: Problem | None = None
        self.damaged_history_files: tuple[FileInfo, ...] = ()  # the files that were found damaged at the last look
        self.lists_problem: Problem | None = None
        self.damaged_lists_id = ""  # the id of the lists that were found damaged
        self.new_items: NewItems | None = None
        self.new_items_problem: Problem | None = None
        self.damaged_new_items_id = ""  # the id of those that were found damaged
        self.on_swap = on_swap  # called after each swap, by the thread that made it
        self.swaps = 0
        self.refused_bundles = 0  # bundles that were not let in

    def unavailable_error(self) -> RequestError:
        """What a reader is told while no release can answer."""
        problem = self.journal_problems[0] if self.journal_problems else STARTING_PROBLEM
        return RequestError(503, problem.where, problem.what, problem.fix)
