"""Rules of the daily tables: what must hold for each landing day before readers see it."""

from collections.abc import Mapping
from typing import Final

from freshet.anomalies.limits import Limit
from freshet.anomalies.metrics import MAX_FACTOR
from freshet.gates.rules import BUG_FIX, Rule, zero_rule
from freshet.settings import Settings

_GATEWAY_BUG_FIX: Final = (
    "this is a bug of the gateway that wrote the file, not a fault of your data: keep the file and report the bug"
)
_EVENTS_FIX: Final = "materialize events and this table for that day in one run"


def _upstream_rule(upstream: str) -> Rule:
    return zero_rule(
        f"{upstream}_are_published", "upstream_missing",
        "{upstream_reason}",
        f"materialize {upstream} of that day first, or correct what its gate refused",
    )  # fmt: skip


_READING_RULES: Final = (
    zero_rule(
        "files_are_readable", "broken_files",
        "{file_problems}",
        "replace the file (or delete it and land a corrected export), then run the day again",
    ),
    Rule(
        "every_file_gave_rows", "files_without_rows",
        "{files_without_rows} of {files} files have no row",
        "check the producer's export",
        max_value=0, severity="warn",
    ),
    zero_rule(
        "records_are_all_read", "unread_records",
        "{unread_records} records were not read: {miscounted_files}",
        "look for an unclosed quote or a stray line break in the file, replace the file and run the day again",
    ),
)  # fmt: skip
_RAW_ROW_RULES: Final = (
    zero_rule(
        "rows_are_read_once", "records_read_twice",
        "{records_read_twice} records were read twice: {miscounted_files}",
        BUG_FIX,
    ),
    zero_rule(
        "ids_are_pseudonyms", "unhashed_ids",
        "{unhashed_ids} of {rows} rows contain an unhashed user or session id",
        BUG_FIX,
    ),
)  # fmt: skip
_EVENT_ROW_RULES: Final = (
    zero_rule(
        "event_ids_are_unique", "repeated_ids",
        "{repeated_ids} of {rows} rows repeat an event id of the same day",
        BUG_FIX,
    ),
    zero_rule(
        "event_ids_count_once", "shared_ids",
        "{shared_ids} of {rows} event ids are also among the published events of {shared_ids_days}",
        "correct the refused days among them (`freshet days`), then run the daily tables of all these days as one "
        "range",
    ),
    zero_rule(
        "items_are_named", "without_item",
        "{without_item} of {rows} rows have no item_id",
        BUG_FIX,
    ),
    zero_rule(
        "shoppers_are_pseudonyms", "without_shopper",
        "{without_shopper} of {rows} rows have no valid pseudonym as shopper",
        BUG_FIX,
    ),
    zero_rule(
        "event_types_are_known", "unknown_types",
        "{unknown_types} of {rows} rows have an unknown event type",
        BUG_FIX,
    ),
    zero_rule(
        "times_are_plausible", "after_landing_day",
        "{after_landing_day} of {rows} events lie more than a day after their landing day",
        BUG_FIX,
    ),
)  # fmt: skip


def raw_events_rules(settings: Settings) -> tuple[Rule, ...]:
    """Return the rules of `raw_events`."""
    is_required = settings.delivery_schedule == "daily"
    return (
        Rule(
            "delivery_arrived", "files",
            "no file landed",
            "ask the producer, then run `freshet land FILE…`; if the shop was closed, there is nothing to do",
            min_value=1, severity="error" if is_required else "warn",
        ),
        *_READING_RULES,
        Rule(
            "rows_are_events", "skipped_share",
            "the mapping's `where` skips {skipped} of {rows} rows (limit {limit})",
            "check whether the export renamed a column or a value, correct the mapping and run the day again; "
            "FRESHET_MAX_SKIPPED_SHARE=1 accepts any share",
            max_value=settings.max_skipped_share,
        ),
        *_RAW_ROW_RULES,
    )  # fmt: skip


def events_rules(settings: Settings) -> tuple[Rule, ...]:
    """Return the rules of `events`, those that compare a day with the days before it included."""
    return (
        _upstream_rule("raw_events"),
        zero_rule(
            "rows_are_conserved", "unaccounted_rows",
            "landed {landed} ≠ skipped {skipped} + quarantined {quarantined} + duplicate {duplicate} "
            "+ published {rows}",
            "materialize raw_events, quarantined_events and events of that day in one run",
        ),
        Rule(
            "bad_share_is_within_limit", "bad_share",
            "{quarantined} of {candidates} rows break the contract ({top_reason}; limit {limit})",
            "look at quarantined_events of that day, correct the export or the mapping, then run the day again",
            max_value=settings.max_invalid_share,
        ),
        *_EVENT_ROW_RULES,
        *(
            _anomaly_rule(check, name, settings.parsed_anomaly_limits[check])
            for check, name in ANOMALY_RULE_NAMES.items()
        ),
    )  # fmt: skip


ANOMALY_RULE_NAMES: Final[Mapping[str, str]] = {  # check of `freshet.anomalies` → name of its rule
    "volume": "volume_is_as_usual",
    "skipped": "skipped_rows_are_as_usual",
    "duplicates": "duplicates_are_as_usual",
    "event_types": "event_types_are_as_usual",
    "users": "users_are_as_usual",
    "shoppers": "shoppers_are_as_usual",
    "sessions": "sessions_are_as_usual",
    "items": "items_are_as_usual",
    "item_names": "item_names_are_as_usual",
    "prices": "prices_are_as_usual",
    "quantities": "quantities_are_plausible",
    "moments": "moments_are_as_usual",
}


def _anomaly_rule(check: str, name: str, limit: Limit | None) -> Rule:
    """Return the rule that compares a day with the days before it.

    A check that the setting switches off (limit None) keeps its rule, which then cannot fail: Dagster's check names
    do not depend on settings.
    """
    return Rule(
        name, f"{check}_factor",
        f"{{{check}_message}}",
        "correct the export and land it again; if the day is right as it is, accept it with "
        "`freshet days accept {where} --why REASON` and run it again",
        max_value=limit.refuse if limit else MAX_FACTOR, warn_above=limit.warn if limit else None,
        waiver_column="accepted",
    )  # fmt: skip


DAILY_SUITES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "quarantined_events": (
        _upstream_rule("raw_events"),
        zero_rule(
            "reasons_are_known", "unknown_reasons",
            "{unknown_reasons} of {rows} rows have an unknown reason",
            BUG_FIX,
        ),
    ),
    "items": (
        _upstream_rule("events"),
        zero_rule("items_are_unique", "repeated", "{repeated} of {rows} rows repeat an item", BUG_FIX),
        zero_rule("items_match_events", "count_mismatch", "{rows} items, but events has {expected}", _EVENTS_FIX),
        zero_rule(
            "prices_are_not_negative", "negative_prices",
            "{negative_prices} of {rows} prices are negative",
            BUG_FIX,
        ),
        Rule(
            "titles_are_known", "untitled_share",
            "{untitled} of {rows} items have no title",
            "map `title` in the source mapping",
            max_value=0.5, severity="warn",
        ),
    ),
    "item_features": (
        _upstream_rule("events"),
        zero_rule("items_are_unique", "repeated", "{repeated} of {rows} rows repeat an item", BUG_FIX),
        zero_rule(
            "events_are_all_counted", "count_mismatch",
            "{counted} events counted, but events has {expected}",
            _EVENTS_FIX,
        ),
        zero_rule(
            "items_have_shoppers", "without_shopper",
            "{without_shopper} of {rows} items have no shopper",
            BUG_FIX,
        ),
    ),
    "user_features": (
        _upstream_rule("events"),
        zero_rule("shoppers_are_unique", "repeated", "{repeated} of {rows} rows repeat a shopper", BUG_FIX),
        zero_rule(
            "events_are_all_counted", "count_mismatch",
            "{counted} events counted, but events has {expected}",
            _EVENTS_FIX,
        ),
        zero_rule(
            "purchases_are_events", "purchases_exceed_events",
            "{purchases_exceed_events} of {rows} shoppers have more purchases than events",
            BUG_FIX,
        ),
    ),
    "histories": (
        _upstream_rule("events"),
        zero_rule("shoppers_are_unique", "repeated", "{repeated} of {rows} rows repeat a shopper", BUG_FIX),
        zero_rule(
            "events_are_all_there", "count_mismatch",
            "{counted} events in the histories, but events has {expected}",
            _EVENTS_FIX,
        ),
        zero_rule(
            "events_are_in_order", "unordered",
            "{unordered} of {rows} histories are out of order",
            BUG_FIX,
        ),
    ),
    "impressions": (
        zero_rule(
            "rows_are_conserved", "unaccounted_rows",
            "landed {landed} ≠ malformed {quarantined} + duplicate {duplicate} + published {rows}",
            BUG_FIX,
        ),
        Rule(
            "lines_are_whole", "bad_share",
            "{quarantined} of {landed} lines are truncated or malformed (limit {limit})",
            "look at the landed files of that day; move a file that cannot be corrected out of the landing and run the "
            "day again",
            max_value=0.1,
        ),
        zero_rule("request_ids_are_unique", "repeated", "{repeated} of {rows} rows repeat a request id", BUG_FIX),
        Rule(
            "lists_are_not_empty", "empty_lists",
            "{empty_lists} of {rows} lists are empty",
            "check whether filters or exclusions leave any item to recommend",
            max_value=0, severity="warn",
        ),
        zero_rule(
            "items_are_unique_in_list", "lists_with_repeats",
            "{lists_with_repeats} of {rows} lists contain an item twice",
            _GATEWAY_BUG_FIX,
        ),
        zero_rule(
            "tiers_are_known", "unknown_tiers",
            "{unknown_tiers} of {rows} lists name an unknown tier",
            _GATEWAY_BUG_FIX,
        ),
        zero_rule(
            "bundles_are_named", "without_bundle",
            "{without_bundle} of {rows} lists name no bundle",
            _GATEWAY_BUG_FIX,
        ),
        zero_rule(
            "shoppers_are_pseudonyms", "unhashed_shoppers",
            "{unhashed_shoppers} of {rows} rows contain an unhashed shopper id",
            _GATEWAY_BUG_FIX,
        ),
        zero_rule(
            "times_are_plausible", "after_landing_day",
            "{after_landing_day} of {rows} lists were shown more than a day after their landing day",
            _GATEWAY_BUG_FIX,
        ),
    ),
}  # fmt: skip
