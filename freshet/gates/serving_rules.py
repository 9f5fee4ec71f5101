"""Rules of the latest histories, new items, precomputed lists and releases that the gateway serves from."""

from collections.abc import Mapping
from typing import Final

from freshet.gates.rules import BUG_FIX, Rule, zero_rule

_READS_BACK_RULE: Final = zero_rule(
    "files_read_back_unchanged", "corrupt",
    "the files do not read back as they were written",
    "check the disk, then materialize it again",
)  # fmt: skip

SERVING_SUITES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "latest_histories": (
        Rule(
            "there_are_histories", "events",
            "it contains no events",
            "land some days, then materialize it again",
            min_value=1,
        ),
        zero_rule(
            "shoppers_are_unique", "unsorted",
            "{unsorted} of {shoppers} shoppers are repeated or out of order",
            BUG_FIX,
        ),
        zero_rule("events_are_in_order", "unordered", "{unordered} of {events} events are out of order", BUG_FIX),
        _READS_BACK_RULE,
        zero_rule(
            "gateway_sees_what_training_sees", "mismatched_inputs",
            "{mismatched_inputs} of {probes} model inputs differ: {mismatched_inputs_examples}",
            "materialize events, histories and training_set of these days in one run",
        ),
    ),
    "new_items": (
        Rule(
            "items_are_described", "undescribed_share",
            "{undescribed} of {items} new items have no attribute that a model reads",
            "map `title` or `category` in the source mapping, or name further columns (docs/items.md)",
            max_value=0.5, severity="warn",
        ),
        _READS_BACK_RULE,
    ),
    "recommendations": (
        zero_rule("shoppers_are_unique", "repeated", "{repeated} of {rows} rows repeat a shopper", BUG_FIX),
        zero_rule(
            "shoppers_are_pseudonyms", "unhashed_shoppers",
            "{unhashed_shoppers} of {rows} rows contain an unhashed shopper id",
            BUG_FIX,
        ),
        zero_rule("every_shopper_has_a_list", "count_mismatch", "{rows} lists for {shoppers} shoppers", BUG_FIX),
        zero_rule(
            "items_are_known", "unknown_items",
            "{unknown_items} recommended items are not in the bundle's vocabulary",
            BUG_FIX,
        ),
        zero_rule(
            "delisted_items_are_left_out", "delisted_items",
            "{delisted_items} recommended items are delisted",
            BUG_FIX,
        ),
        zero_rule(
            "items_are_unique_in_list", "lists_with_repeats",
            "{lists_with_repeats} of {rows} lists contain an item twice",
            BUG_FIX,
        ),
        zero_rule(
            "lists_are_full", "short_lists",
            "{short_lists} of {rows} lists do not have {list_length} items",
            BUG_FIX,
        ),
        zero_rule(
            "best_comes_first", "unsorted_lists",
            "{unsorted_lists} of {rows} lists are not sorted by score",
            BUG_FIX,
        ),
        zero_rule(
            "tiers_are_known", "unknown_tiers",
            "{unknown_tiers} of {rows} lists name an unknown tier",
            BUG_FIX,
        ),
        zero_rule(
            "lists_are_the_rankers_own", "overlap_shortfall",
            "for {compared} shoppers ranked one by one, {overlap:.4f} of the list is the same (at least "
            "{min_overlap} is needed)",
            "materialize `latest_histories`, then `recommendations` again",
        ),
    ),
    "release": (
        Rule(
            "challenger_may_serve", "released",
            "{sentence}",
            "nothing, unless it waits for a person: the champion keeps serving",
            min_value=1, severity="warn",
        ),
        Rule(
            "no_bundle_waits_for_a_person", "waiting",
            "{waiting_message}",
            'look at its evaluation, then run `freshet release BUNDLE --why "…"`, or leave it: the champion keeps '
            "serving",
            max_value=0, severity="warn",
        ),
        Rule(
            "releases_are_open", "on_hold",
            "{on_hold_message}",
            "run `freshet release --resume` when releases may go on",
            max_value=0, severity="warn",
        ),
    ),
}  # fmt: skip
