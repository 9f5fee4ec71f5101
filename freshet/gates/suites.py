"""The suite of every hand-over: what must be true of its profile before anybody else may see it."""

from typing import Final

from freshet.anomalies.limits import Limit
from freshet.anomalies.metrics import MAX_FACTOR
from freshet.gates.rules import Rule
from freshet.settings import Settings


def suite(name: str, settings: Settings) -> tuple[Rule, ...]:
    """The rules of one table, model or bundle.

    Raises KeyError for a name without a suite: nothing is published ungated.
    """
    if name == "raw_events":
        return _raw_events(settings)
    if name == "events":
        return _events(settings)
    return SUITES[name]


def _zero_rule(name: str, column: str, message_template: str, fix: str) -> Rule:
    return Rule(name, column, message_template, fix, max_value=0)


def _guard_rule(name: str, guard: str, fix: str) -> Rule:
    """One of the verdict's guards: what it says is a warning here; whether it holds the release is in the verdict."""
    return Rule(name, f"{guard}_off", f"{{{guard}_says}}", fix, max_value=0, severity="warn")


_BUG_FIX = "this is a fault of Freshet, not of your data: keep the stage and report it"


def _upstream_rule(upstream: str) -> Rule:
    return _zero_rule(
        f"{upstream}_are_published",
        "upstream_missing",
        "{upstream_why}",
        f"materialize {upstream} of that day first, or mend what its gate refused",
    )


def _raw_events(settings: Settings) -> tuple[Rule, ...]:
    required = settings.delivery_schedule == "daily"
    return (
        Rule(
            "delivery_arrived",
            "files",
            "no file landed",
            "ask the producer, then `freshet land FILE…`; nothing else needs doing where the shop was closed",
            min_value=1,
            severity="error" if required else "warn",
        ),
        _zero_rule(
            "files_are_readable",
            "broken_files",
            "{file_problems}",
            "put a good copy in its place (or delete it and land the mended export) and run the day again",
        ),
        Rule(
            "every_file_gave_rows",
            "silent_files",
            "{silent_files} of {files} files gave no row",
            "check the producer's export",
            max_value=0,
            severity="warn",
        ),
        _zero_rule(
            "records_are_all_read",
            "unread",
            "{unread} records were not read: {miscounted}",
            "look for an unclosed quote or a stray line end in the file, replace it and run the day again",
        ),
        Rule(
            "rows_are_events",
            "skipped_share",
            "the mapping's `where` skips {skipped} of {rows} rows (limit {limit})",
            "see whether the export renamed a value or a list, mend the mapping and run the day again; "
            "FRESHET_MAX_SKIPPED_SHARE=1 accepts any share",
            max_value=settings.max_skipped_share,
        ),
        _zero_rule("rows_are_read_once", "read_twice", "{read_twice} records were read twice: {miscounted}", _BUG_FIX),
        _zero_rule(
            "ids_are_pseudonyms", "bare_ids", "{bare_ids} of {rows} rows carry a bare user or session id", _BUG_FIX
        ),
    )


def _events(settings: Settings) -> tuple[Rule, ...]:
    return (
        _upstream_rule("raw_events"),
        _zero_rule(
            "rows_are_conserved",
            "lost",
            "landed {landed} ≠ skipped {skipped} + quarantined {quarantined} + duplicate {duplicate} + published {rows}",  # noqa: E501
            "materialize raw_events, quarantined_events and events of that day in one run",
        ),
        Rule(
            "bad_share_is_within_limit",
            "bad_share",
            "{quarantined} of {candidates} rows break the contract ({worst}; limit {limit})",
            "look at quarantined_events of that day, mend the export or the mapping, then run the day again",
            max_value=settings.max_invalid_share,
        ),
        _zero_rule("event_ids_are_unique", "repeated_ids", "{repeated_ids} of {rows} event ids stand twice", _BUG_FIX),
        _zero_rule(
            "event_ids_count_once",
            "counted_twice",
            "{counted_twice} of {rows} event ids also stand in the published events of {counted_twice_where}",
            "mend those days where they were refused (`freshet days`), then run the daily tables of all of them as one range",  # noqa: E501
        ),
        _zero_rule("items_are_named", "without_item", "{without_item} of {rows} rows have no item_id", _BUG_FIX),
        _zero_rule(
            "shoppers_are_pseudonyms", "without_shopper", "{without_shopper} of {rows} have no shopper", _BUG_FIX
        ),
        _zero_rule(
            "event_types_are_known", "unknown_types", "{unknown_types} of {rows} have an unknown type", _BUG_FIX
        ),
        _zero_rule(
            "times_are_plausible", "out_of_time", "{out_of_time} of {rows} lie after their landing day", _BUG_FIX
        ),
        *(_anomaly_rule(truth, name, settings.parsed_anomaly_limits[truth]) for truth, name in ANOMALY_RULES.items()),
    )


ANOMALY_RULES: Final = {
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


def _anomaly_rule(metric: str, name: str, limit: Limit | None) -> Rule:
    """A day beside its past. Where the setting switches it off, the rule stays and cannot fail: names do not change."""
    return Rule(
        name,
        f"{metric}_off",
        f"{{{metric}_says}}",
        "mend the export and land it again; where the day is right as it is, accept it with "
        "`freshet days accept {where} --why REASON` and run it again",
        max_value=limit.refuse if limit else MAX_FACTOR,
        warn_above=limit.warn if limit else None,
        waiver_column="accepted",
    )


_DAYS_MATCH_RULE = _zero_rule(
    "days_match_events", "days_off", "{days_off_why}", "then materialize vocabulary and training_set again"
)
_GATEWAY_FIX = "this is a fault of the gateway that wrote it, not of your data: keep the file and report it"
_EVENTS_FIX = "materialize events and this table of that day in one run"
SUITES: dict[str, tuple[Rule, ...]] = {
    "quarantined_events": (
        _upstream_rule("raw_events"),
        _zero_rule("reasons_are_known", "unexplained", "{unexplained} of {rows} rows have no known reason", _BUG_FIX),
    ),
    "items": (
        _upstream_rule("events"),
        _zero_rule("items_are_unique", "repeated", "{repeated} of {rows} items stand twice", _BUG_FIX),
        _zero_rule("items_match_events", "off", "{rows} items where events have {expected}", _EVENTS_FIX),
        _zero_rule("prices_are_not_negative", "bad_prices", "{bad_prices} of {rows} prices are negative", _BUG_FIX),
        Rule(
            "titles_are_known", "untitled_share", "{untitled} of {rows} items have no title",
            "map `title` in the source mapping", max_value=0.5, severity="warn",
        ),
    ),
    "item_features": (
        _upstream_rule("events"),
        _zero_rule("items_are_unique", "repeated", "{repeated} of {rows} items stand twice", _BUG_FIX),
        _zero_rule("events_are_all_counted", "off", "{counted} events counted where events have {expected}", _EVENTS_FIX),
        _zero_rule("items_have_shoppers", "without_shopper", "{without_shopper} of {rows} items have no shopper", _BUG_FIX),
    ),
    "user_features": (
        _upstream_rule("events"),
        _zero_rule("shoppers_are_unique", "repeated", "{repeated} of {rows} shoppers stand twice", _BUG_FIX),
        _zero_rule("events_are_all_counted", "off", "{counted} events counted where events have {expected}", _EVENTS_FIX),
        _zero_rule("purchases_are_events", "overbought", "{overbought} shoppers bought more often than they came", _BUG_FIX),
    ),
    "histories": (
        _upstream_rule("events"),
        _zero_rule("shoppers_are_unique", "repeated", "{repeated} of {rows} shoppers stand twice", _BUG_FIX),
        _zero_rule("events_are_all_there", "off", "{counted} events kept where events have {expected}", _EVENTS_FIX),
        _zero_rule("events_are_in_order", "unordered", "{unordered} of {rows} histories are out of order", _BUG_FIX),
    ),
    "impressions": (
        _zero_rule(
            "rows_are_conserved", "lost",
            "landed {landed} ≠ malformed {quarantined} + duplicate {duplicate} + published {rows}", _BUG_FIX,
        ),
        Rule(
            "lines_are_whole", "bad_share", "{quarantined} of {landed} lines are torn or malformed (limit {limit})",
            "look at the landed files of that day; what cannot be mended, move out of the landing and run the day again",  # noqa: E501
            max_value=0.1,
        ),
        _zero_rule("request_ids_are_unique", "repeated", "{repeated} of {rows} request ids stand twice", _BUG_FIX),
        Rule(
            "lists_are_not_empty", "empty_lists", "{empty_lists} of {rows} answers were empty",
            "see whether filters or exclusions leave nothing to recommend", max_value=0, severity="warn",
        ),
        _zero_rule("items_stand_once", "repeated_items", "{repeated_items} of {rows} lists hold an item twice", _GATEWAY_FIX),
        _zero_rule("tiers_are_known", "unknown_tiers", "{unknown_tiers} of {rows} answers name an unknown tier", _GATEWAY_FIX),
        _zero_rule("bundles_are_named", "bad_bundles", "{bad_bundles} of {rows} answers name no bundle", _GATEWAY_FIX),
        _zero_rule("shoppers_are_pseudonyms", "bare_shoppers", "{bare_shoppers} of {rows} name a bare shopper", _GATEWAY_FIX),
        _zero_rule("times_are_plausible", "out_of_time", "{out_of_time} of {rows} were shown after their landing day",
              _GATEWAY_FIX),
    ),
    "vocabulary": (
        Rule(
            "there_is_a_choice", "rows", "the shop has {rows} item(s), and a recommender needs two to choose between",
            "land more days, or look whether the mapping's item_id or `where` throws items away",
            min_value=2, severity="hold",
        ),
        _DAYS_MATCH_RULE,
        _zero_rule("items_are_unique", "repeated", "{repeated} items stand twice", _BUG_FIX),
        _zero_rule("indexes_are_dense", "gaps", "indexes run from {lowest} to {highest} for {rows} items", _BUG_FIX),
        _zero_rule(
            "indexes_never_move", "moved", "{moved} published items lost or changed their index",
            "start a new generation: launchpad, vocabulary, `new_generation: true`",
        ),
    ),
    "training_set": (
        _DAYS_MATCH_RULE,
        _zero_rule("shoppers_are_unique", "repeated", "{repeated} of {rows} shoppers stand twice", _BUG_FIX),
        _zero_rule("arrays_are_even", "uneven", "{uneven} of {rows} shoppers have arrays of different lengths", _BUG_FIX),
        _zero_rule("events_are_in_order", "unordered", "{unordered} of {rows} histories are out of order", _BUG_FIX),
        _zero_rule(
            "items_are_known", "unknown_items", "indexes run from {lowest_index} to {highest_index} of {vocabulary}",
            "materialize items for every day of histories, then vocabulary and training_set in one run",
        ),
        _zero_rule("event_types_are_known", "unknown_types", "{unknown_types} of {rows} have an unknown type", _BUG_FIX),
        _zero_rule("nothing_landed_later", "late", "rows landed after {as_of} are in the set", _BUG_FIX),
        Rule(
            "shoppers_came_twice", "returning",
            "{returning} of {rows} shoppers have two baskets by {cut}; a sequence needs at least 2 such shoppers",
            "land more days, or shorten `holdout_days`", min_value=2, severity="hold",
        ),
    ),
    "latest_histories": (
        Rule("there_are_histories", "events", "there is no event in it", "land some days, then materialize it again",
             min_value=1),
        _zero_rule("shoppers_are_unique", "unsorted", "{unsorted} of {shoppers} shoppers stand twice or out of order",
              _BUG_FIX),
        _zero_rule("events_are_in_order", "unordered", "{unordered} of {events} events are out of order", _BUG_FIX),
        _zero_rule("files_answer_as_gathered", "corrupt", "what was written does not read back", "look at the disk"),
        _zero_rule("gateway_sees_what_training_sees", "unlike", "{unlike} of {probes} model inputs differ: {unlike_who}",
              "materialize events, histories and training_set of these days in one run"),
    ),
    "content_embeddings": (
        _zero_rule("vectors_have_one_length", "ragged", "{ragged} landed vectors have another length than the others",
              "land them again, all made by the same encoder"),
        _zero_rule("vectors_are_finite", "not_finite", "{not_finite} vectors hold something that is not a number",
              "mend what makes them, then land them again"),
        Rule("most_items_have_vectors", "least_share", "{least_share:.0%} of {items} items have a vector {thinnest}",
             "land vectors for the others, or take it out of FRESHET_ITEM_SCHEMA", min_value=0.5, severity="warn"),
    ),
    "new_items": (
        Rule("items_are_described", "undescribed_share",
             "of {undescribed} of {items} new items nothing is known that a model reads",
             "map `title` or `category` in the source mapping, or name further columns (docs/items.md)",
             max_value=0.5, severity="warn"),
        _zero_rule("files_answer_as_gathered", "corrupt", "what was written does not read back", "look at the disk"),
    ),
    "recommendations": (
        _zero_rule("shoppers_are_unique", "repeated", "{repeated} of {rows} shoppers stand twice", _BUG_FIX),
        _zero_rule("shoppers_are_pseudonyms", "bare_shoppers", "{bare_shoppers} of {rows} name a bare shopper", _BUG_FIX),
        _zero_rule("every_shopper_has_a_list", "off", "{rows} lists for {shoppers} shoppers", _BUG_FIX),
        _zero_rule("items_are_known", "unknown_items", "{unknown_items} items are not in the bundle's vocabulary", _BUG_FIX),
        _zero_rule("delisted_items_are_left_out", "dead_items", "{dead_items} items have a tombstone", _BUG_FIX),
        _zero_rule("items_stand_once", "repeated_items", "{repeated_items} of {rows} lists hold an item twice", _BUG_FIX),
        _zero_rule("lists_are_whole", "short", "{short} of {rows} lists have not {places} items", _BUG_FIX),
        _zero_rule("best_comes_first", "disordered", "{disordered} of {rows} lists are not in the order of their scores",
              _BUG_FIX),
        _zero_rule("tiers_are_known", "unknown_tiers", "{unknown_tiers} of {rows} lists name an unknown tier", _BUG_FIX),
        _zero_rule("lists_are_the_rankers_own", "parity_missed",
              "of {compared} shoppers asked one by one {overlap:.4f} of the list is the same (needed {overlap_needed})",
              "materialize `latest_histories`, then `recommendations` again"),
    ),
    "tuning": (
        _zero_rule("default_was_tried", "default_missing", "the default configuration has no score: {default_why}",
              "set in `fixed` what it needs to get through, then search again"),
        _zero_rule("scores_are_finite", "not_finite", "{not_finite} of {complete} scores are not finite", _BUG_FIX),
        Rule(
            "enough_trials_are_complete", "lacking",
            "{complete} of {trials} trials went to their end, and {needed} are needed",
            "search again, it goes on where it stopped; raise `trials` or `max_minutes`", max_value=0, severity="hold",
        ),
        Rule("winner_beats_the_default", "better", "{sentence}", "nothing: the configuration in use stays",
             min_value=1, severity="warn"),
    ),
    "trained_model": (
        _zero_rule("weights_are_finite", "not_finite", "{not_finite} weights are not finite", "lower `learning_rate`"),
        Rule(
            "something_was_learned", "below_chance",
            "the training loss ended at {loss:.3f}, and guessing gives {chance:.3f}",
            "raise `max_epochs` or `max_minutes`, or land more days", min_value=0,
        ),
        Rule(
            "older_baskets_are_remembered", "forgotten",
            "NDCG@10 of {older_cases} older baskets is {older_now:.4f}, {forgotten:.0%} below the champion's "
            "{older_before:.4f}",
            "train cold: set `warm_start` to off or auto", max_value=0.1,
        ),
    ),
    "bundle": (
        Rule("fp32_answers_as_torch", "fp32_overlap", "fp32 shares {fp32_overlap:.4f} of torch's top 20: {fp32_worst}",
             "look at the exporter's version; the model is kept, materialize `bundle` again", min_value=0.99),
        Rule("smaller_answers_as_torch", "smaller_overlap",
             "{smaller} shares {smaller_overlap:.4f} of torch's top 20: {smaller_worst}",
             "nothing: the bundle serves fp32", min_value=0.95, severity="warn"),
        Rule("precision_costs_no_quality", "ndcg_loss",
             "{precision} loses {ndcg_loss:.2%} of NDCG on real histories", "export again", max_value=0.005),
        Rule("item_encoder_answers_as_torch", "item_difference",
             "vectors of items differ from torch's by {item_difference:.2g} of the largest number",
             "look at the exporter's version; the model is kept, materialize `bundle` again", max_value=1e-3),
        _zero_rule("bundle_answers_as_sealed", "corrupt", "the sealed bundle does not prove itself: {corrupt_why}",
              "materialize `bundle` again"),
        Rule("answers_are_the_same_in_a_group", "together",
             "only {together:.4f} of histories get the same list alone and in a group",
             "look at the exporter's version: an encoder must not round a history by what is asked with it", min_value=1),
        Rule("answers_are_fast", "p99_ms", "{latency}", "then materialize `bundle` again", max_value=100),
    ),
    "edge_bundle": (
        Rule("edge_answers_as_fp32", "overlap", "it shares {overlap:.4f} of the full bundle's top 20: {worst}",
             "nothing: serve the full bundle there", min_value=0.95),
        Rule("precision_costs_no_quality", "ndcg_loss", "it loses {ndcg_loss:.2%} of NDCG on real histories",
             "nothing: serve the full bundle there", max_value=0.005),
        Rule("edge_is_small", "share_of_room", "its files have {bytes:,} bytes, and {room:,} are allowed: {largest}",
             "lower `members` or `vector`, which every item pays for", max_value=1, severity="hold"),
        _zero_rule("edge_answers_as_sealed", "corrupt", "the sealed edge bundle does not prove itself: {corrupt_why}",
              "materialize `edge_bundle` again"),
    ),
    "evaluation": (
        Rule("there_are_enough_cases", "lacking",
             "{cases} baskets of {shoppers} shoppers landed after {cut}, {minimum} of {minimum_shoppers} are needed",
             "raise `holdout_days` or land more days", max_value=0, severity="warn"),
        _zero_rule("cases_match_events", "off",
              "{off} baskets are not what the events say ({cases} are asked for, {recounted} counted): {off_who}",
              "where a day was published again meanwhile, materialize `training_set` and what follows; else report it"),
        Rule("nothing_leaked", "leaked_share", "{leaked} of {judged} judged events had landed on days learned from",
             "look for deliveries that repeat old events; mend the export, or land those days without the copies",
             max_value=0.001, warn_above=0),
        _zero_rule("metrics_match_a_recount", "wrong", "{wrong} figures are not what lists and events give: {wrong_who}",
              _BUG_FIX),
        Rule("everybody_answered_in_full", "short", "lists with fewer than {k} items: {short_who}",
             "a champion of another generation lacks items: release a model of this one", max_value=0, severity="warn"),
        _guard_rule("encoder_carries_its_weight", "encoder", "look at the training's curve and at `trained_model`"),
        _guard_rule("answers_differ_between_shoppers", "sameness", "look at the training's curve and at `trained_model`"),
        _guard_rule("lists_are_no_narrower", "narrowing", "see whether the shop became narrower, too"),
        _guard_rule("slices_do_not_fall", "slices", "look at what landed of that part of the shop"),
        _guard_rule("anchor_is_not_better", "anchor", "look for what was lost since: data, mapping or parameters"),
        _guard_rule("ratio_to_baselines_is_kept", "ratio", "look for what was lost since: data, mapping or parameters"),
        _guard_rule("quality_is_plausible", "rise", "look at the newest days before anybody believes it"),
        _guard_rule("baskets_are_questions", "echo", "look at the tracker: it may write events twice"),
    ),
    "drift_report": (
        Rule("there_is_something_to_compare", "compared", "{why}",
             "nothing by hand: the report is made again when the next day has landed", min_value=1, severity="warn"),
        _zero_rule("figures_are_finite", "not_finite", "{not_finite} figures are not finite", _BUG_FIX),
        Rule("shop_is_as_the_champion_knows_it", "drifted", "{sentence}",
             "nothing by hand: the sensor `drift` starts a retraining", max_value=0, severity="warn"),
        Rule("shop_is_as_the_anchor_knew_it", "slow", "{slow_says}",
             "see whether the shop itself changed; where it did, name a later release in FRESHET_ANCHOR_RELEASE",
             max_value=0, severity="warn"),
        Rule("quality_is_plausible", "rise", "{rise_says}", "look at the newest days before anybody believes it",
             max_value=0, severity="warn"),
    ),
    "release": (
        Rule("challenger_may_serve", "released", "{sentence}",
             "nothing, unless it waits for a person: production stays as it was", min_value=1, severity="warn"),
        Rule("no_bundle_waits_for_a_person", "waits", "{waits_says}",
             'look at its evaluation, then `freshet release BUNDLE --why "…"`, or leave it: what serves goes on',
             max_value=0, severity="warn"),
        Rule("releases_are_open", "holds", "{hold}",
             "nothing until whoever holds them is content: `freshet release --resume`", max_value=0, severity="warn"),
    ),
}  # fmt: skip
