"""For every suite a profile row that holds, and for every rule the change that breaks it, with what is said then."""

from dataclasses import dataclass

from freshet.anomalies.limits import DEFAULT_LIMITS
from freshet.evaluation.guards import GUARDS
from freshet.gates.suites import ANOMALY_RULES

OUR_BUG_FIX = "this is a fault of Freshet, not of your data: keep the stage and report it"
GATEWAY_BUG_FIX = "this is a fault of the gateway that wrote it, not of your data: keep the file and report it"
FROM_EVENTS_FIX = "materialize events and this table of that day in one run"
REFUSED_UPSTREAM = {"upstream_missing": 1, "upstream_why": "events of that day were refused (too bad)"}
AGREEING_INPUTS = {"days_off": 0, "days_off_why": "nothing"}
UPSTREAM_OK = {"upstream_missing": 0, "upstream_why": ""}

# Counts as the profile takes them; what follows from them (off, lost, bad_share, gaps, late, …) is derived by the test.
PASSING_PROFILES: dict[str, dict[str, object]] = {
    "raw_events": {
        "rows": 7, "files": 2, "files_read": 2, "broken_files": 0, "file_problems": "", "read_twice": 0, "bare_ids": 0,
        "skipped": 1, "unread": 0, "miscounted": "",
    },
    "quarantined_events": {**UPSTREAM_OK, "rows": 1, "unexplained": 0},
    "events": {
        **UPSTREAM_OK, "rows": 17, "landed": 20, "skipped": 1, "quarantined": 1, "duplicate": 1, "worst": "bad_price 1",
        "repeated_ids": 0, "counted_twice": 0, "counted_twice_where": "",
        "without_item": 0, "without_shopper": 0, "unknown_types": 0, "out_of_time": 0,
        "accepted": 0, **{f"{truth}_off": 1.0 for truth in DEFAULT_LIMITS}, **{f"{truth}_says": "" for truth in DEFAULT_LIMITS},
    },
    "items": {**UPSTREAM_OK, "rows": 4, "expected": 4, "repeated": 0, "bad_prices": 0, "untitled": 2},
    "item_features": {**UPSTREAM_OK, "rows": 3, "counted": 9, "expected": 9, "repeated": 0, "without_shopper": 0},
    "user_features": {**UPSTREAM_OK, "rows": 3, "counted": 9, "expected": 9, "repeated": 0, "overbought": 0},
    "histories": {**UPSTREAM_OK, "rows": 3, "counted": 9, "expected": 9, "repeated": 0, "unordered": 0},
    "impressions": {
        "rows": 17, "landed": 19, "skipped": 0, "quarantined": 1, "duplicate": 1, "repeated": 0, "empty_lists": 0,
        "repeated_items": 0, "unknown_tiers": 0, "bad_bundles": 0, "bare_shoppers": 0, "out_of_time": 0,
    },
    "vocabulary": {"rows": 4, "repeated": 0, "shared_indexes": 0, "lowest": 1, "highest": 4, "moved": 0, **AGREEING_INPUTS},
    "training_set": {
        "rows": 4, "repeated": 0, "uneven": 0, "unordered": 0, "lowest_index": 1, "highest_index": 4, "vocabulary": 4,
        "latest_day": 19785, "as_of": "2024-03-03", "cut": "2024-03-02", "unknown_types": 0, "returning": 2, **AGREEING_INPUTS,
    },
    "latest_histories": {
        "shoppers": 4, "events": 9, "unsorted": 0, "unordered": 0, "corrupt": 0, "probes": 5, "unlike": 0,
        "unlike_who": "",
    },
    "recommendations": {
        "rows": 5, "shoppers": 5, "repeated": 0, "bare_shoppers": 0, "off": 0, "unknown_items": 0, "dead_items": 0,
        "repeated_items": 0, "places": 20, "short": 0, "disordered": 0, "unknown_tiers": 0, "compared": 5,
        "overlap": 0.998, "overlap_needed": 0.99, "parity_missed": 0.0,
    },
    "content_embeddings": {"items": 4, "ragged": 0, "not_finite": 0, "least_share": 0.75, "thinnest": "picture"},
    "new_items": {"items": 4, "undescribed": 1, "undescribed_share": 0.25, "corrupt": 0},
    "tuning": {
        "trials": 6, "complete": 5, "needed": 5, "lacking": 0, "default_missing": 0, "default_why": "complete",
        "not_finite": 0, "better": 1, "sentence": "Trial 3: NDCG@10 0.3000 against 0.2000 of the default.",
    },
    "trained_model": {
        "not_finite": 0, "loss": 4.5, "chance": 5.0, "below_chance": 0.5, "older_cases": 40, "older_before": 0.1,
        "older_now": 0.095, "forgotten": 0.05,
    },
    "bundle": {
        "fp32_overlap": 0.999, "fp32_worst": "empty histories",
        "smaller": "int8", "smaller_overlap": 0.97, "smaller_worst": "batch of 64",
        "precision": "int8", "ndcg_loss": 0.001, "p99_ms": 3.0, "item_difference": 1e-6,
        "latency": "one request takes 140.0 ms", "together": 1.0,
        "corrupt": 0, "corrupt_why": "",
    },
    "edge_bundle": {
        "overlap": 0.97, "worst": "batch of 64", "ndcg_loss": 0.001, "bytes": 4_000_000, "room": 5_000_000,
        "share_of_room": 0.8, "largest": "item_vectors.int8.npz", "corrupt": 0, "corrupt_why": "",
    },
    "evaluation": {
        "cases": 50, "shoppers": 40, "cut": "2024-03-02", "minimum": 30, "minimum_shoppers": 20, "lacking": 0,
        "off": 0, "off_who": "", "recounted": 50, "leaked": 0, "judged": 60, "leaked_share": 0.0,
        "wrong": 0, "wrong_who": "",
        "short": 0, "short_who": "", "k": 10, **{f"{guard}_off": 0 for guard in GUARDS},
        **{f"{guard}_says": "" for guard in GUARDS},
    },
    "drift_report": {
        "compared": 3, "why": "", "not_finite": 0, "drifted": 0, "sentence": "The shop is as release 3 knows it.",
        "slow": 0, "slow_says": "", "rise": 0, "rise_says": "",
    },
    "release": {
        "released": 1, "sentence": "Released: it beats every baseline.", "waits": 0, "waits_says": "", "holds": 0,
        "hold": "",
    },
}  # fmt: skip


@dataclass(frozen=True)
class RuleCase:
    """The change that breaks one rule of a suite, and only that one. stops: whether it keeps the row from readers."""

    suite: str
    rule: str
    change: dict[str, object]
    says: str
    fix: str
    stops: bool = True

    @property
    def name(self) -> str:
        return f"{self.suite}.{self.rule}"


def _bug_case(suite: str, rule: str, column: str, message: str) -> RuleCase:
    return RuleCase(suite, rule, {column: 1}, message, OUR_BUG_FIX)


def _gateway_case(rule: str, column: str, message: str) -> RuleCase:
    return RuleCase("impressions", rule, {column: 1}, message, GATEWAY_BUG_FIX)


def _guard_case(rule: str, guard: str, fix: str) -> RuleCase:
    """What a guard of the verdict says is shown as a warning."""
    message = f"the {guard} is not as it should be"
    return RuleCase("evaluation", rule, {f"{guard}_off": 1, f"{guard}_says": message}, message, fix, stops=False)


def _refused_case(suite: str, upstream: str) -> RuleCase:
    return RuleCase(
        suite, f"{upstream}_are_published", REFUSED_UPSTREAM, "events of that day were refused (too bad)",
        f"materialize {upstream} of that day first, or mend what its gate refused",
    )  # fmt: skip


def _unusual_day_case(rule: str, truth: str) -> RuleCase:
    return RuleCase(
        "events", rule, {f"{truth}_off": 99.0, f"{truth}_says": "nothing like the days before"},
        "nothing like the days before",
        "mend the export and land it again; where the day is right as it is, accept it with "
        "`freshet days accept 2024-03-02 --why REASON` and run it again",
    )  # fmt: skip


def _mismatch_case(suite: str) -> RuleCase:
    return RuleCase(
        suite, "days_match_events", {"days_off": 1, "days_off_why": "histories 2024-03-02 hold 0 events; run it again"},
        "histories 2024-03-02 hold 0 events; run it again", "then materialize vocabulary and training_set again",
    )  # fmt: skip


FAILING_CASES = (
    RuleCase(
        "raw_events", "delivery_arrived", {"files": 0, "files_read": 0, "rows": 0, "skipped": 0}, "no file landed",
        "ask the producer, then `freshet land FILE…`; nothing else needs doing where the shop was closed", stops=False,
    ),
    RuleCase(
        "raw_events", "files_are_readable",
        {"broken_files": 1, "file_problems": "dt=2024-03-01/a.csv is empty (deliver it again)", "files_read": 1},
        "dt=2024-03-01/a.csv is empty (deliver it again)",
        "put a good copy in its place (or delete it and land the mended export) and run the day again",
    ),
    RuleCase(
        "raw_events", "every_file_gave_rows", {"files_read": 1}, "1 of 2 files gave no row",
        "check the producer's export", stops=False,
    ),
    RuleCase(
        "raw_events", "records_are_all_read",
        {"unread": 49, "miscounted": "dt=2024-03-01/a.csv holds 200 records and 151 were read"},
        "49 records were not read: dt=2024-03-01/a.csv holds 200 records and 151 were read",
        "look for an unclosed quote or a stray line end in the file, replace it and run the day again",
    ),
    RuleCase(
        "raw_events", "rows_are_events", {"skipped": 7}, "the mapping's `where` skips 7 of 7 rows (limit 0.99)",
        "see whether the export renamed a value or a list, mend the mapping and run the day again; "
        "FRESHET_MAX_SKIPPED_SHARE=1 accepts any share",
    ),
    RuleCase(
        "raw_events", "rows_are_read_once",
        {"read_twice": 7, "miscounted": "dt=2024-03-01/a.csv holds 7 records and 14 were read"},
        "7 records were read twice: dt=2024-03-01/a.csv holds 7 records and 14 were read", OUR_BUG_FIX,
    ),
    _bug_case("raw_events", "ids_are_pseudonyms", "bare_ids", "1 of 7 rows carry a bare user or session id"),
    _refused_case("quarantined_events", "raw_events"),
    _bug_case("quarantined_events", "reasons_are_known", "unexplained", "1 of 1 rows have no known reason"),
    _refused_case("events", "raw_events"),
    RuleCase(
        "events", "rows_are_conserved", {"rows": 16},
        "landed 20 ≠ skipped 1 + quarantined 1 + duplicate 1 + published 16",
        "materialize raw_events, quarantined_events and events of that day in one run",
    ),
    RuleCase(
        "events", "bad_share_is_within_limit", {"quarantined": 2, "rows": 16, "worst": "bad_price 2"},
        "2 of 19 rows break the contract (bad_price 2; limit 0.1)",
        "look at quarantined_events of that day, mend the export or the mapping, then run the day again",
    ),
    _bug_case("events", "event_ids_are_unique", "repeated_ids", "1 of 17 event ids stand twice"),
    RuleCase(
        "events", "event_ids_count_once", {"counted_twice": 3, "counted_twice_where": "2024-03-04 (3)"},
        "3 of 17 event ids also stand in the published events of 2024-03-04 (3)",
        "mend those days where they were refused (`freshet days`), then run the daily tables of all of them as one "
        "range",
    ),
    _bug_case("events", "items_are_named", "without_item", "1 of 17 rows have no item_id"),
    _bug_case("events", "shoppers_are_pseudonyms", "without_shopper", "1 of 17 have no shopper"),
    _bug_case("events", "event_types_are_known", "unknown_types", "1 of 17 have an unknown type"),
    _bug_case("events", "times_are_plausible", "out_of_time", "1 of 17 lie after their landing day"),
    *(_unusual_day_case(rule, truth) for truth, rule in ANOMALY_RULES.items()),
    _refused_case("items", "events"),
    _bug_case("items", "items_are_unique", "repeated", "1 of 4 items stand twice"),
    RuleCase("items", "items_match_events", {"expected": 5}, "4 items where events have 5", FROM_EVENTS_FIX),
    _bug_case("items", "prices_are_not_negative", "bad_prices", "1 of 4 prices are negative"),
    RuleCase(
        "items", "titles_are_known", {"untitled": 3}, "3 of 4 items have no title",
        "map `title` in the source mapping", stops=False,
    ),
    _refused_case("item_features", "events"),
    _bug_case("item_features", "items_are_unique", "repeated", "1 of 3 items stand twice"),
    RuleCase(
        "item_features", "events_are_all_counted", {"counted": 8}, "8 events counted where events have 9", FROM_EVENTS_FIX
    ),
    _bug_case("item_features", "items_have_shoppers", "without_shopper", "1 of 3 items have no shopper"),
    _refused_case("user_features", "events"),
    _bug_case("user_features", "shoppers_are_unique", "repeated", "1 of 3 shoppers stand twice"),
    RuleCase(
        "user_features", "events_are_all_counted", {"counted": 10}, "10 events counted where events have 9", FROM_EVENTS_FIX
    ),
    _bug_case("user_features", "purchases_are_events", "overbought", "1 shoppers bought more often than they came"),
    _refused_case("histories", "events"),
    _bug_case("histories", "shoppers_are_unique", "repeated", "1 of 3 shoppers stand twice"),
    RuleCase("histories", "events_are_all_there", {"counted": 8}, "8 events kept where events have 9", FROM_EVENTS_FIX),
    _bug_case("histories", "events_are_in_order", "unordered", "1 of 3 histories are out of order"),
    RuleCase(
        "impressions", "rows_are_conserved", {"rows": 16},
        "landed 19 ≠ malformed 1 + duplicate 1 + published 16", OUR_BUG_FIX,
    ),
    RuleCase(
        "impressions", "lines_are_whole", {"quarantined": 2, "rows": 16},
        "2 of 19 lines are torn or malformed (limit 0.1)",
        "look at the landed files of that day; what cannot be mended, move out of the landing and run the day again",
    ),
    _bug_case("impressions", "request_ids_are_unique", "repeated", "1 of 17 request ids stand twice"),
    RuleCase(
        "impressions", "lists_are_not_empty", {"empty_lists": 1}, "1 of 17 answers were empty",
        "see whether filters or exclusions leave nothing to recommend", stops=False,
    ),
    _gateway_case("items_stand_once", "repeated_items", "1 of 17 lists hold an item twice"),
    _gateway_case("tiers_are_known", "unknown_tiers", "1 of 17 answers name an unknown tier"),
    _gateway_case("bundles_are_named", "bad_bundles", "1 of 17 answers name no bundle"),
    _gateway_case("shoppers_are_pseudonyms", "bare_shoppers", "1 of 17 name a bare shopper"),
    _gateway_case("times_are_plausible", "out_of_time", "1 of 17 were shown after their landing day"),
    RuleCase(
        "vocabulary", "there_is_a_choice", {"rows": 1, "highest": 1},
        "the shop has 1 item(s), and a recommender needs two to choose between",
        "land more days, or look whether the mapping's item_id or `where` throws items away",
    ),
    _mismatch_case("vocabulary"),
    _bug_case("vocabulary", "items_are_unique", "repeated", "1 items stand twice"),
    RuleCase("vocabulary", "indexes_are_dense", {"highest": 5}, "indexes run from 1 to 5 for 4 items", OUR_BUG_FIX),
    RuleCase(
        "vocabulary", "indexes_never_move", {"moved": 2}, "2 published items lost or changed their index",
        "start a new generation: launchpad, vocabulary, `new_generation: true`",
    ),
    _mismatch_case("training_set"),
    _bug_case("training_set", "shoppers_are_unique", "repeated", "1 of 4 shoppers stand twice"),
    _bug_case("training_set", "arrays_are_even", "uneven", "1 of 4 shoppers have arrays of different lengths"),
    _bug_case("training_set", "events_are_in_order", "unordered", "1 of 4 histories are out of order"),
    RuleCase(
        "training_set", "items_are_known", {"lowest_index": 0}, "indexes run from 0 to 4 of 4",
        "materialize items for every day of histories, then vocabulary and training_set in one run",
    ),
    _bug_case("training_set", "event_types_are_known", "unknown_types", "1 of 4 have an unknown type"),
    RuleCase(
        "training_set", "nothing_landed_later", {"latest_day": 19786},
        "rows landed after 2024-03-03 are in the set", OUR_BUG_FIX,
    ),
    RuleCase(
        "training_set", "shoppers_came_twice", {"returning": 1},
        "1 of 4 shoppers have two baskets by 2024-03-02; a sequence needs at least 2 such shoppers",
        "land more days, or shorten `holdout_days`",
    ),
    RuleCase(
        "latest_histories", "there_are_histories", {"events": 0}, "there is no event in it",
        "land some days, then materialize it again",
    ),
    _bug_case("latest_histories", "shoppers_are_unique", "unsorted", "1 of 4 shoppers stand twice or out of order"),
    _bug_case("latest_histories", "events_are_in_order", "unordered", "1 of 9 events are out of order"),
    RuleCase(
        "latest_histories", "files_answer_as_gathered", {"corrupt": 1}, "what was written does not read back",
        "look at the disk",
    ),
    RuleCase(
        "latest_histories", "gateway_sees_what_training_sees",
        {"unlike": 1, "unlike_who": "shopper 5f3a at 2024-03-01T09:00:00: items differ"},
        "1 of 5 model inputs differ: shopper 5f3a at 2024-03-01T09:00:00: items differ",
        "materialize events, histories and training_set of these days in one run",
    ),
    _bug_case("recommendations", "shoppers_are_unique", "repeated", "1 of 5 shoppers stand twice"),
    _bug_case("recommendations", "shoppers_are_pseudonyms", "bare_shoppers", "1 of 5 name a bare shopper"),
    _bug_case("recommendations", "every_shopper_has_a_list", "off", "5 lists for 5 shoppers"),
    _bug_case("recommendations", "items_are_known", "unknown_items", "1 items are not in the bundle's vocabulary"),
    _bug_case("recommendations", "delisted_items_are_left_out", "dead_items", "1 items have a tombstone"),
    _bug_case("recommendations", "items_stand_once", "repeated_items", "1 of 5 lists hold an item twice"),
    _bug_case("recommendations", "lists_are_whole", "short", "1 of 5 lists have not 20 items"),
    _bug_case("recommendations", "best_comes_first", "disordered", "1 of 5 lists are not in the order of their scores"),
    _bug_case("recommendations", "tiers_are_known", "unknown_tiers", "1 of 5 lists name an unknown tier"),
    RuleCase(
        "recommendations", "lists_are_the_rankers_own", {"overlap": 0.9, "parity_missed": 0.09},
        "of 5 shoppers asked one by one 0.9000 of the list is the same (needed 0.99)",
        "materialize `latest_histories`, then `recommendations` again",
    ),
    RuleCase(
        "tuning", "default_was_tried", {"default_missing": 1, "default_why": "training, epoch 1: the loss is nan"},
        "the default configuration has no score: training, epoch 1: the loss is nan",
        "set in `fixed` what it needs to get through, then search again",
    ),
    RuleCase("tuning", "scores_are_finite", {"not_finite": 1}, "1 of 5 scores are not finite", OUR_BUG_FIX),
    RuleCase(
        "tuning", "enough_trials_are_complete", {"complete": 4, "lacking": 1},
        "4 of 6 trials went to their end, and 5 are needed",
        "search again, it goes on where it stopped; raise `trials` or `max_minutes`",
    ),
    RuleCase(
        "tuning", "winner_beats_the_default",
        {"better": 0, "sentence": "Nothing beat the default configuration, NDCG@10 0.2000."},
        "Nothing beat the default configuration, NDCG@10 0.2000.",
        "nothing: the configuration in use stays", stops=False,
    ),
    RuleCase("trained_model", "weights_are_finite", {"not_finite": 3}, "3 weights are not finite", "lower `learning_rate`"),
    RuleCase(
        "trained_model", "something_was_learned", {"loss": 5.25, "below_chance": -0.25},
        "the training loss ended at 5.250, and guessing gives 5.000",
        "raise `max_epochs` or `max_minutes`, or land more days",
    ),
    RuleCase(
        "trained_model", "older_baskets_are_remembered", {"older_now": 0.085, "forgotten": 0.15},
        "NDCG@10 of 40 older baskets is 0.0850, 15% below the champion's 0.1000",
        "train cold: set `warm_start` to off or auto",
    ),
    RuleCase(
        "content_embeddings", "vectors_have_one_length", {"ragged": 2},
        "2 landed vectors have another length than the others", "land them again, all made by the same encoder",
    ),
    RuleCase(
        "content_embeddings", "vectors_are_finite", {"not_finite": 1}, "1 vectors hold something that is not a number",
        "mend what makes them, then land them again",
    ),
    RuleCase(
        "content_embeddings", "most_items_have_vectors", {"least_share": 0.25}, "25% of 4 items have a vector picture",
        "land vectors for the others, or take it out of FRESHET_ITEM_SCHEMA", stops=False,
    ),
    RuleCase(
        "new_items", "items_are_described", {"undescribed": 3, "undescribed_share": 0.75},
        "of 3 of 4 new items nothing is known that a model reads",
        "map `title` or `category` in the source mapping, or name further columns (docs/items.md)", stops=False,
    ),
    RuleCase(
        "new_items", "files_answer_as_gathered", {"corrupt": 1}, "what was written does not read back",
        "look at the disk",
    ),
    RuleCase(
        "bundle", "fp32_answers_as_torch", {"fp32_overlap": 0.98},
        "fp32 shares 0.9800 of torch's top 20: empty histories",
        "look at the exporter's version; the model is kept, materialize `bundle` again",
    ),
    RuleCase(
        "bundle", "smaller_answers_as_torch", {"smaller_overlap": 0.9},
        "int8 shares 0.9000 of torch's top 20: batch of 64",
        "nothing: the bundle serves fp32", stops=False,
    ),
    RuleCase(
        "bundle", "precision_costs_no_quality", {"ndcg_loss": 0.02}, "int8 loses 2.00% of NDCG on real histories",
        "export again",
    ),
    RuleCase(
        "bundle", "item_encoder_answers_as_torch", {"item_difference": 0.2},
        "vectors of items differ from torch's by 0.2 of the largest number",
        "look at the exporter's version; the model is kept, materialize `bundle` again",
    ),
    RuleCase(
        "bundle", "bundle_answers_as_sealed", {"corrupt": 1, "corrupt_why": "golden.npz: changed; make it again"},
        "the sealed bundle does not prove itself: golden.npz: changed; make it again", "materialize `bundle` again",
    ),
    RuleCase(
        "bundle", "answers_are_the_same_in_a_group", {"together": 0.99},
        "only 0.9900 of histories get the same list alone and in a group",
        "look at the exporter's version: an encoder must not round a history by what is asked with it",
    ),
    RuleCase(
        "bundle", "answers_are_fast", {"p99_ms": 140.0}, "one request takes 140.0 ms", "then materialize `bundle` again"
    ),
    RuleCase(
        "edge_bundle", "edge_answers_as_fp32", {"overlap": 0.9},
        "it shares 0.9000 of the full bundle's top 20: batch of 64",
        "nothing: serve the full bundle there",
    ),
    RuleCase(
        "edge_bundle", "precision_costs_no_quality", {"ndcg_loss": 0.01}, "it loses 1.00% of NDCG on real histories",
        "nothing: serve the full bundle there",
    ),
    RuleCase(
        "edge_bundle", "edge_is_small", {"bytes": 6_000_000, "share_of_room": 1.2},
        "its files have 6,000,000 bytes, and 5,000,000 are allowed: item_vectors.int8.npz",
        "lower `members` or `vector`, which every item pays for",
    ),
    RuleCase(
        "edge_bundle", "edge_answers_as_sealed", {"corrupt": 1, "corrupt_why": "golden requests differ"},
        "the sealed edge bundle does not prove itself: golden requests differ", "materialize `edge_bundle` again",
    ),
    RuleCase(
        "evaluation", "there_are_enough_cases", {"cases": 29, "shoppers": 25, "lacking": 1},
        "29 baskets of 25 shoppers landed after 2024-03-02, 30 of 20 are needed",
        "raise `holdout_days` or land more days", stops=False,
    ),
    RuleCase(
        "evaluation", "cases_match_events", {"off": 1, "recounted": 49, "off_who": "shopper 5f3a at second 9"},
        "1 baskets are not what the events say (50 are asked for, 49 counted): shopper 5f3a at second 9",
        "where a day was published again meanwhile, materialize `training_set` and what follows; else report it",
    ),
    RuleCase(
        "evaluation", "nothing_leaked", {"leaked": 2, "leaked_share": 2 / 60},
        "2 of 60 judged events had landed on days learned from",
        "look for deliveries that repeat old events; mend the export, or land those days without the copies",
    ),
    RuleCase(
        "evaluation", "metrics_match_a_recount",
        {"wrong": 1, "wrong_who": "champion for shopper 5f3a: 0.5000, by hand 1.0000"},
        "1 figures are not what lists and events give: champion for shopper 5f3a: 0.5000, by hand 1.0000", OUR_BUG_FIX,
    ),
    RuleCase(
        "evaluation", "everybody_answered_in_full", {"short": 3, "short_who": "champion 3"},
        "lists with fewer than 10 items: champion 3",
        "a champion of another generation lacks items: release a model of this one", stops=False,
    ),
    _guard_case("encoder_carries_its_weight", "encoder", "look at the training's curve and at `trained_model`"),
    _guard_case("answers_differ_between_shoppers", "sameness", "look at the training's curve and at `trained_model`"),
    _guard_case("lists_are_no_narrower", "narrowing", "see whether the shop became narrower, too"),
    _guard_case("slices_do_not_fall", "slices", "look at what landed of that part of the shop"),
    _guard_case("anchor_is_not_better", "anchor", "look for what was lost since: data, mapping or parameters"),
    _guard_case("ratio_to_baselines_is_kept", "ratio", "look for what was lost since: data, mapping or parameters"),
    _guard_case("quality_is_plausible", "rise", "look at the newest days before anybody believes it"),
    _guard_case("baskets_are_questions", "echo", "look at the tracker: it may write events twice"),
    RuleCase(
        "drift_report", "there_is_something_to_compare",
        {"compared": 0, "why": "nothing is released yet, so there is nothing to watch", "drifted": None},
        "nothing is released yet, so there is nothing to watch",
        "nothing by hand: the report is made again when the next day has landed", stops=False,
    ),
    _bug_case("drift_report", "figures_are_finite", "not_finite", "1 figures are not finite"),
    RuleCase(
        "drift_report", "shop_is_as_the_champion_knows_it",
        {"drifted": 1, "sentence": "The shop has drifted away from release 3: category drifted."},
        "The shop has drifted away from release 3: category drifted.",
        "nothing by hand: the sensor `drift` starts a retraining", stops=False,
    ),
    RuleCase(
        "drift_report", "shop_is_as_the_anchor_knew_it",
        {"slow": 1, "slow_says": "since release 1 (2024-01-01…2024-01-28) category drifted"},
        "since release 1 (2024-01-01…2024-01-28) category drifted",
        "see whether the shop itself changed; where it did, name a later release in FRESHET_ANCHOR_RELEASE",
        stops=False,
    ),
    RuleCase(
        "drift_report", "quality_is_plausible",
        {"rise": 1, "rise_says": "NDCG@10 0.2000 → 0.3000: look for events that are written twice"},
        "NDCG@10 0.2000 → 0.3000: look for events that are written twice",
        "look at the newest days before anybody believes it", stops=False,
    ),
    RuleCase(
        "release", "challenger_may_serve", {"released": 0, "sentence": "Not released: item to item is better."},
        "Not released: item to item is better.", "nothing, unless it waits for a person: production stays as it was",
        stops=False,
    ),
    RuleCase(
        "release", "no_bundle_waits_for_a_person",
        {"waits": 1, "waits_says": "bundle 7c491366e4d4 waits for a person: it was taken back"},
        "bundle 7c491366e4d4 waits for a person: it was taken back",
        'look at its evaluation, then `freshet release BUNDLE --why "…"`, or leave it: what serves goes on',
        stops=False,
    ),
    RuleCase(
        "release", "releases_are_open",
        {"holds": 1, "hold": "releases are held by ann since 2026-11-28 09:30 UTC: conversion fell"},
        "releases are held by ann since 2026-11-28 09:30 UTC: conversion fell",
        "nothing until whoever holds them is content: `freshet release --resume`", stops=False,
    ),
)  # fmt: skip
