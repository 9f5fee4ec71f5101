"""The suite of rules that each table, model or bundle has to pass; the rules are in `*_rules.py`."""

from typing import Final

from freshet.gates.daily_rules import DAILY_SUITES, events_rules, raw_events_rules
from freshet.gates.model_rules import MODEL_SUITES
from freshet.gates.rules import Rule
from freshet.gates.serving_rules import SERVING_SUITES
from freshet.settings import Settings

SUITE_NAMES: Final = ("raw_events", "events", *DAILY_SUITES, *MODEL_SUITES, *SERVING_SUITES)


def suite(name: str, settings: Settings) -> tuple[Rule, ...]:
    """Return the rules of one table, model or bundle.

    Raises KeyError for a name without a suite: nothing is published without a gate.
    """
    if name == "raw_events":
        return raw_events_rules(settings)
    if name == "events":
        return events_rules(settings)
    return {**DAILY_SUITES, **MODEL_SUITES, **SERVING_SUITES}[name]
