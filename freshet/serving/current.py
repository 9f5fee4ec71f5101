"""What serves now, and what is wrong: read by every request, replaced whole by the follower."""

from collections.abc import Callable

from freshet.live.new_items import NewItems
from freshet.serving.problems import Problem, RequestError
from freshet.serving.served import Known, Serving
from freshet.store import Stamp

STARTING = Problem("gateway", "it has just started and is still opening its release", "ask again in a moment")


class Current:
    """The references that are swapped. Each is read once per request; none of them is ever changed in place."""

    def __init__(self, *, lists_first: bool = False, swapped: Callable[[], None] = lambda: None) -> None:
        self.serving: Serving | None = None
        self.known = Known(lists_first=lists_first)
        self.journal_problems: tuple[Problem, ...] = (STARTING,)  # why not, or not the newest, release serves
        self.histories_problem: Problem | None = None
        self.histories_damaged: tuple[Stamp, ...] = ()  # the files that were found damaged at the last look
        self.lists_problem: Problem | None = None
        self.lists_damaged = ""  # the id of the lists that were found damaged
        self.new_items: NewItems | None = None
        self.new_items_problem: Problem | None = None
        self.new_items_damaged = ""  # the id of those that were found damaged
        self.swapped = swapped  # called after each swap, by the thread that made it
        self.swaps = 0
        self.refused = 0  # bundles that were not let in

    def nothing_serves(self) -> RequestError:
        """What a reader is told while no release can answer."""
        problem = self.journal_problems[0] if self.journal_problems else STARTING
        return RequestError(503, problem.where, problem.what, problem.fix)
