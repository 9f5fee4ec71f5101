"""A passing profile of every suite, and for every rule the change that breaks this rule and no other.

The messages are in `freshet/gates/*_rules.py` only. A case lists the facts that its message has to name.
"""

from dataclasses import dataclass

from freshet.anomalies.limits import DEFAULT_LIMITS
from freshet.evaluation.guards import GUARDS
from freshet.gates.daily_rules import ANOMALY_RULE_NAMES
from freshet.gates.suites import suite
from freshet.settings import Settings

# Counts as the profiler takes them; the columns that follow from them (count_mismatch, bad_share, …) are derived by
# the test.
PASSING_PROFILES: dict[str, dict[str, object]] = {
    "raw_events": {
        "rows": 7, "files": 2, "files_read": 2, "broken_files": 0, "file_problems": "", "records_read_twice": 0,
        "unhashed_ids": 0, "skipped": 1, "unread_records": 0, "miscounted_files": "",
    },
    "quarantined_events": {
        "upstream_missing": 0, "upstream_reason": "", "rows": 1, "unknown_reasons": 0,
    },
    "events": {
        "upstream_missing": 0, "upstream_reason": "", "rows": 17, "landed": 20, "skipped": 1, "quarantined": 1,
        "duplicate": 1, "top_reason": "bad_price 1", "repeated_ids": 0, "shared_ids": 0, "shared_ids_days": "",
        "without_item": 0, "without_shopper": 0, "unknown_types": 0, "after_landing_day": 0, "accepted": 0,
        **{f"{check}_factor": 1.0 for check in DEFAULT_LIMITS},
        **{f"{check}_message": "" for check in DEFAULT_LIMITS},
    },
    "items": {
        "upstream_missing": 0, "upstream_reason": "", "rows": 4, "expected": 4, "repeated": 0, "negative_prices": 0,
        "untitled": 2,
    },
    "item_features": {
        "upstream_missing": 0, "upstream_reason": "", "rows": 3, "counted": 9, "expected": 9, "repeated": 0,
        "without_shopper": 0,
    },
    "user_features": {
        "upstream_missing": 0, "upstream_reason": "", "rows": 3, "counted": 9, "expected": 9, "repeated": 0,
        "purchases_exceed_events": 0,
    },
    "histories": {
        "upstream_missing": 0, "upstream_reason": "", "rows": 3, "counted": 9, "expected": 9, "repeated": 0,
        "unordered": 0,
    },
    "impressions": {
        "rows": 17, "landed": 19, "skipped": 0, "quarantined": 1, "duplicate": 1, "repeated": 0, "empty_lists": 0,
        "lists_with_repeats": 0, "unknown_tiers": 0, "without_bundle": 0, "unhashed_shoppers": 0,
        "after_landing_day": 0,
    },
    "vocabulary": {
        "rows": 4, "repeated": 0, "shared_indexes": 0, "lowest_index": 1, "highest_index": 4, "reindexed_items": 0,
        "mismatched_days": 0, "mismatched_days_details": "nothing",
    },
    "training_set": {
        "rows": 4, "repeated": 0, "length_mismatch": 0, "unordered": 0, "lowest_item": 1, "highest_item": 4,
        "vocabulary_size": 4, "latest_day": 19785, "as_of": "2024-03-03", "train_until": "2024-03-02",
        "unknown_types": 0, "returning_shoppers": 2, "mismatched_days": 0, "mismatched_days_details": "nothing",
    },
    "latest_histories": {
        "shoppers": 4, "events": 9, "unsorted": 0, "unordered": 0, "corrupt": 0, "probes": 5, "mismatched_inputs": 0,
        "mismatched_inputs_examples": "",
    },
    "recommendations": {
        "rows": 5, "shoppers": 5, "repeated": 0, "unhashed_shoppers": 0, "count_mismatch": 0, "unknown_items": 0,
        "delisted_items": 0, "lists_with_repeats": 0, "list_length": 20, "short_lists": 0, "unsorted_lists": 0,
        "unknown_tiers": 0, "compared": 5, "overlap": 0.998, "min_overlap": 0.99, "overlap_shortfall": 0.0,
    },
    "content_embeddings": {
        "items": 4, "dim_mismatch": 0, "not_finite": 0, "min_coverage": 0.75, "least_covered": "picture",
    },
    "new_items": {
        "items": 4, "undescribed": 1, "undescribed_share": 0.25, "corrupt": 0,
    },
    "tuning": {
        "trials": 6, "completed": 5, "min_trials": 5, "missing_trials": 0, "default_missing": 0,
        "default_missing_reason": "complete", "not_finite": 0, "winner_is_better": 1,
        "sentence": "Trial 3: NDCG@10 0.3000 against 0.2000 of the default.",
    },
    "trained_model": {
        "not_finite": 0, "loss": 4.5, "chance_loss": 5.0, "below_chance": 0.5, "older_cases": 40,
        "champion_older_ndcg": 0.1, "older_ndcg": 0.095, "forgetting": 0.05,
    },
    "bundle": {
        "fp32_overlap": 0.999, "fp32_details": "empty histories", "low_precision": "int8",
        "low_precision_overlap": 0.97, "low_precision_details": "batch of 64", "precision": "int8", "ndcg_loss": 0.001,
        "p99_ms": 3.0, "item_encoder_error": 1e-06, "latency": "one request takes 140.0 ms", "batch_agreement": 1.0,
        "corrupt": 0, "corrupt_reason": "",
    },
    "edge_bundle": {
        "overlap": 0.97, "overlap_details": "batch of 64", "ndcg_loss": 0.001, "bytes": 4000000,
        "size_budget": 5000000, "share_of_size_budget": 0.8, "largest_file": "item_embeddings.int8.npz", "corrupt": 0,
        "corrupt_reason": "",
    },
    "evaluation": {
        "cases": 50, "shoppers": 40, "train_until": "2024-03-02", "min_cases": 30, "min_shoppers": 20,
        "missing_cases": 0, "mismatched_cases": 0, "mismatched_cases_examples": "", "recounted_cases": 50,
        "leaked_events": 0, "evaluated_events": 60, "leaked_share": 0.0, "mismatched_metrics": 0,
        "mismatched_metrics_examples": "", "short_lists": 0, "short_lists_details": "", "k": 10,
        **{f"{guard}_failed": 0 for guard in GUARDS},
        **{f"{guard}_message": "" for guard in GUARDS},
    },
    "drift_report": {
        "compared_days": 3, "missing_reason": "", "not_finite": 0, "drifted": 0,
        "sentence": "The shop is as release 3 knows it.", "drifted_from_anchor": 0, "drifted_from_anchor_message": "",
        "implausible_rise": 0, "implausible_rise_message": "",
    },
    "release": {
        "released": 1, "sentence": "Released: it beats every baseline.", "waiting": 0, "waiting_message": "",
        "on_hold": 0, "on_hold_message": "",
    },
}  # fmt: skip


@dataclass(frozen=True)
class RuleCase:
    """The change of a passing profile that breaks one rule.

    facts: what the message has to name. shown_by: a test that breaks the rule one step earlier, with rows, files or
    models; "" where only the profile shows it. blocks: whether the row is kept from readers.
    """

    suite: str
    rule: str
    change: dict[str, object]
    facts: tuple[str, ...]
    shown_by: str = ""
    blocks: bool = True

    @property
    def name(self) -> str:
        return f"{self.suite}.{self.rule}"


def _anomaly_case(check: str, rule: str) -> RuleCase:
    message = f"{check} differ from the days before"
    shown_by = "test_a_bad_day_within_a_range_breaks_its_rule_and_is_not_published"
    if check == "skipped":
        shown_by = "test_an_anomaly_is_found_by_its_check"
    return RuleCase("events", rule, {f"{check}_factor": 99.0, f"{check}_message": message}, (message,), shown_by)


ANOMALY_CASES = tuple(_anomaly_case(check, rule) for check, rule in ANOMALY_RULE_NAMES.items())

FAILING_CASES = (
    RuleCase(
        "raw_events", "delivery_arrived", {"files": 0, "files_read": 0, "rows": 0, "skipped": 0}, (),
        shown_by="test_a_day_without_a_delivery_is_empty_in_every_table", blocks=False,
    ),
    RuleCase(
        "raw_events", "files_are_readable",
        {"broken_files": 1, "file_problems": "dt=2024-03-01/a.csv is empty (deliver it again)", "files_read": 1},
        ("dt=2024-03-01/a.csv is empty (deliver it again)",),
        shown_by="test_a_file_cut_short_refuses_its_day_only_and_is_named",
    ),
    RuleCase(
        "raw_events", "every_file_gave_rows", {"files_read": 1}, ("1", "2"),
        shown_by="test_a_file_without_rows_is_a_warning", blocks=False,
    ),
    RuleCase(
        "raw_events", "records_are_all_read",
        {"unread_records": 49, "miscounted_files": "dt=2024-03-01/a.csv holds 200 records and 151 were read"},
        ("49", "dt=2024-03-01/a.csv holds 200 records and 151 were read"),
        shown_by="test_a_reader_that_swallows_records_refuses_the_day",
    ),
    RuleCase(
        "raw_events", "rows_are_events", {"skipped": 7}, ("7", "7", "0.99"),
        shown_by="test_a_day_whose_rows_are_all_skipped_is_refused",
    ),
    RuleCase(
        "raw_events", "rows_are_read_once",
        {"records_read_twice": 7, "miscounted_files": "dt=2024-03-01/a.csv holds 7 records and 14 were read"},
        ("7", "dt=2024-03-01/a.csv holds 7 records and 14 were read"),
        shown_by="test_miscounted_files_are_named",
    ),
    RuleCase("raw_events", "ids_are_pseudonyms", {"unhashed_ids": 1}, ("1", "7"), shown_by="test_raw_events"),
    RuleCase(
        "quarantined_events", "raw_events_are_published",
        {"upstream_missing": 1, "upstream_reason": "events of that day were refused (too bad)"},
        ("events of that day were refused (too bad)",),
        shown_by="test_later_tables_refuse_the_day_too_with_the_same_reason",
    ),
    RuleCase(
        "quarantined_events", "reasons_are_known", {"unknown_reasons": 1}, ("1", "1"),
        shown_by="test_quarantined_events",
    ),
    RuleCase(
        "events", "raw_events_are_published",
        {"upstream_missing": 1, "upstream_reason": "events of that day were refused (too bad)"},
        ("events of that day were refused (too bad)",),
        shown_by="test_later_tables_refuse_the_day_too_with_the_same_reason",
    ),
    RuleCase(
        "events", "rows_are_conserved", {"rows": 16}, ("20", "1", "1", "1", "16"),
        shown_by="test_events_run_without_their_quarantine_are_refused",
    ),
    RuleCase(
        "events", "bad_share_is_within_limit", {"quarantined": 2, "rows": 16, "top_reason": "bad_price 2"},
        ("2", "19", "bad_price 2", "0.1"),
        shown_by="test_a_day_of_bad_rows_is_refused_and_its_rows_are_quarantined",
    ),
    RuleCase(
        "events", "event_ids_are_unique", {"repeated_ids": 1}, ("1", "17"),
        shown_by="test_an_id_repeated_on_its_own_day_is_repeated_and_not_shared",
    ),
    RuleCase(
        "events", "event_ids_count_once", {"shared_ids": 3, "shared_ids_days": "2024-03-04 (3)"},
        ("3", "17", "2024-03-04 (3)"),
        shown_by="test_an_event_of_a_day_that_cannot_be_rebuilt_is_not_published_twice",
    ),
    RuleCase("events", "items_are_named", {"without_item": 1}, ("1", "17"), shown_by="test_events"),
    RuleCase("events", "shoppers_are_pseudonyms", {"without_shopper": 1}, ("1", "17"), shown_by="test_events"),
    RuleCase("events", "event_types_are_known", {"unknown_types": 1}, ("1", "17"), shown_by="test_events"),
    RuleCase("events", "times_are_plausible", {"after_landing_day": 1}, ("1", "17"), shown_by="test_events"),
    *ANOMALY_CASES,
    RuleCase(
        "items", "events_are_published",
        {"upstream_missing": 1, "upstream_reason": "events of that day were refused (too bad)"},
        ("events of that day were refused (too bad)",),
        shown_by="test_a_day_refused_upstream_gives_the_reason_and_keeps_its_rows",
    ),
    RuleCase("items", "items_are_unique", {"repeated": 1}, ("1", "4"), shown_by="test_items"),
    RuleCase(
        "items", "items_match_events", {"expected": 5}, ("4", "5"),
        shown_by="test_if_every_day_is_refused_the_published_rows_are_unchanged",
    ),
    RuleCase(
        "items", "prices_are_not_negative", {"negative_prices": 1}, ("1", "4"),
        shown_by="test_good_days_of_a_range_are_published_without_the_bad_day",
    ),
    RuleCase("items", "titles_are_known", {"untitled": 3}, ("3", "4"), shown_by="test_items", blocks=False),
    RuleCase(
        "item_features", "events_are_published",
        {"upstream_missing": 1, "upstream_reason": "events of that day were refused (too bad)"},
        ("events of that day were refused (too bad)",),
        shown_by="test_a_day_refused_or_never_run_upstream_is_missing_with_the_reason",
    ),
    RuleCase("item_features", "items_are_unique", {"repeated": 1}, ("1", "3"), shown_by="test_item_features"),
    RuleCase(
        "item_features", "events_are_all_counted", {"counted": 8}, ("8", "9"),
        shown_by="test_counts_that_differ_from_the_expected_ones_are_a_mismatch",
    ),
    RuleCase("item_features", "items_have_shoppers", {"without_shopper": 1}, ("1", "3"), shown_by="test_item_features"),
    RuleCase(
        "user_features", "events_are_published",
        {"upstream_missing": 1, "upstream_reason": "events of that day were refused (too bad)"},
        ("events of that day were refused (too bad)",),
        shown_by="test_good_days_of_the_range_are_published_down_to_the_features",
    ),
    RuleCase("user_features", "shoppers_are_unique", {"repeated": 1}, ("1", "3"), shown_by="test_user_features"),
    RuleCase(
        "user_features", "events_are_all_counted", {"counted": 10}, ("10", "9"),
        shown_by="test_counts_that_differ_from_the_expected_ones_are_a_mismatch",
    ),
    RuleCase(
        "user_features", "purchases_are_events", {"purchases_exceed_events": 1}, ("1", "3"),
        shown_by="test_user_features",
    ),
    RuleCase(
        "histories", "events_are_published",
        {"upstream_missing": 1, "upstream_reason": "events of that day were refused (too bad)"},
        ("events of that day were refused (too bad)",),
        shown_by="test_a_day_refused_or_never_run_upstream_is_missing_with_the_reason",
    ),
    RuleCase("histories", "shoppers_are_unique", {"repeated": 1}, ("1", "3"), shown_by="test_histories"),
    RuleCase(
        "histories", "events_are_all_there", {"counted": 8}, ("8", "9"),
        shown_by="test_counts_that_differ_from_the_expected_ones_are_a_mismatch",
    ),
    RuleCase("histories", "events_are_in_order", {"unordered": 1}, ("1", "3"), shown_by="test_histories"),
    RuleCase(
        "impressions", "rows_are_conserved", {"rows": 16}, ("19", "1", "1", "16"),
        shown_by="test_malformed_lines_and_repeated_requests_are_counted",
    ),
    RuleCase(
        "impressions", "lines_are_whole", {"quarantined": 2, "rows": 16}, ("2", "19", "0.1"),
        shown_by="test_a_day_of_malformed_lines_is_refused_and_keeps_its_rows",
    ),
    RuleCase(
        "impressions", "request_ids_are_unique", {"repeated": 1}, ("1", "17"),
        shown_by="test_malformed_lines_and_repeated_requests_are_counted",
    ),
    RuleCase(
        "impressions", "lists_are_not_empty", {"empty_lists": 1}, ("1", "17"),
        shown_by="test_an_empty_list_is_a_warning", blocks=False,
    ),
    RuleCase(
        "impressions", "items_are_unique_in_list", {"lists_with_repeats": 1}, ("1", "17"),
        shown_by="test_invalid_impressions_refuse_the_day_and_keep_its_rows",
    ),
    RuleCase(
        "impressions", "tiers_are_known", {"unknown_tiers": 1}, ("1", "17"),
        shown_by="test_invalid_impressions_refuse_the_day_and_keep_its_rows",
    ),
    RuleCase(
        "impressions", "bundles_are_named", {"without_bundle": 1}, ("1", "17"),
        shown_by="test_invalid_impressions_refuse_the_day_and_keep_its_rows",
    ),
    RuleCase(
        "impressions", "shoppers_are_pseudonyms", {"unhashed_shoppers": 1}, ("1", "17"),
        shown_by="test_invalid_impressions_refuse_the_day_and_keep_its_rows",
    ),
    RuleCase(
        "impressions", "times_are_plausible", {"after_landing_day": 1}, ("1", "17"),
        shown_by="test_invalid_impressions_refuse_the_day_and_keep_its_rows",
    ),
    RuleCase(
        "vocabulary", "at_least_two_items", {"rows": 1, "highest_index": 1}, ("1", "2"),
        shown_by="test_a_shop_with_one_item_is_refused_and_the_published_vocabulary_stays",
    ),
    RuleCase(
        "vocabulary", "days_match_events",
        {"mismatched_days": 1, "mismatched_days_details": "histories 2024-03-02 hold 0 events; run it again"},
        ("histories 2024-03-02 hold 0 events; run it again",),
        shown_by="test_an_item_deleted_from_a_day_refuses_the_vocabulary",
    ),
    RuleCase("vocabulary", "items_are_unique", {"repeated": 1}, ("1", "4"), shown_by="test_vocabulary"),
    RuleCase(
        "vocabulary", "indexes_are_dense", {"highest_index": 5}, ("1", "5", "4"),
        shown_by="test_indexes_are_dense_when_they_run_from_one_to_the_number_of_items",
    ),
    RuleCase(
        "vocabulary", "indexes_never_move", {"reindexed_items": 2}, ("2",),
        shown_by="test_changed_and_lost_indexes_are_counted",
    ),
    RuleCase(
        "training_set", "days_match_events",
        {"mismatched_days": 1, "mismatched_days_details": "histories 2024-03-02 hold 0 events; run it again"},
        ("histories 2024-03-02 hold 0 events; run it again",),
        shown_by="test_rows_deleted_from_a_source_table_refuse_the_training_set",
    ),
    RuleCase("training_set", "shoppers_are_unique", {"repeated": 1}, ("1", "4"), shown_by="test_training_set"),
    RuleCase("training_set", "arrays_are_even", {"length_mismatch": 1}, ("1", "4"), shown_by="test_training_set"),
    RuleCase("training_set", "events_are_in_order", {"unordered": 1}, ("1", "4"), shown_by="test_training_set"),
    RuleCase(
        "training_set", "items_are_known", {"lowest_item": 0}, ("0", "4", "4"),
        shown_by="test_an_item_newer_than_the_vocabulary_is_refused",
    ),
    RuleCase("training_set", "event_types_are_known", {"unknown_types": 1}, ("1", "4"), shown_by="test_training_set"),
    RuleCase(
        "training_set", "nothing_landed_later", {"latest_day": 19786}, ("2024-03-03",),
        shown_by="test_unknown_items_and_leaked_rows_of_a_training_set_are_counted",
    ),
    RuleCase(
        "training_set", "shoppers_came_twice", {"returning_shoppers": 1}, ("1", "4", "2024-03-02", "2"),
        shown_by="test_a_shop_without_returning_shoppers_is_held_back",
    ),
    RuleCase("latest_histories", "there_are_histories", {"events": 0}, ()),
    RuleCase("latest_histories", "shoppers_are_unique", {"unsorted": 1}, ("1", "4")),
    RuleCase("latest_histories", "events_are_in_order", {"unordered": 1}, ("1", "9")),
    RuleCase(
        "latest_histories", "files_read_back_unchanged", {"corrupt": 1}, (),
        shown_by="test_a_file_that_changed_is_no_history",
    ),
    RuleCase(
        "latest_histories", "gateway_sees_what_training_sees",
        {"mismatched_inputs": 1, "mismatched_inputs_examples": "shopper 5f3a at 2024-03-01T09:00:00: items differ"},
        ("1", "5", "shopper 5f3a at 2024-03-01T09:00:00: items differ"),
        shown_by="test_an_event_that_the_gateway_has_not_received_is_a_mismatch",
    ),
    RuleCase("recommendations", "shoppers_are_unique", {"repeated": 1}, ("1", "5"), shown_by="test_recommendations"),
    RuleCase(
        "recommendations", "shoppers_are_pseudonyms", {"unhashed_shoppers": 1}, ("1", "5"),
        shown_by="test_recommendations",
    ),
    RuleCase(
        "recommendations", "every_shopper_has_a_list", {"count_mismatch": 1}, ("5", "5"),
        shown_by="test_lists_that_differ_from_the_rankers_fail_the_gate",
    ),
    RuleCase(
        "recommendations", "items_are_known", {"unknown_items": 1}, ("1",),
        shown_by="test_lists_that_differ_from_the_rankers_fail_the_gate",
    ),
    RuleCase(
        "recommendations", "delisted_items_are_left_out", {"delisted_items": 1}, ("1",),
        shown_by="test_lists_that_differ_from_the_rankers_fail_the_gate",
    ),
    RuleCase(
        "recommendations", "items_are_unique_in_list", {"lists_with_repeats": 1}, ("1", "5"),
        shown_by="test_recommendations",
    ),
    RuleCase(
        "recommendations", "lists_are_full", {"short_lists": 1}, ("1", "5", "20"),
        shown_by="test_lists_that_differ_from_the_rankers_fail_the_gate",
    ),
    RuleCase("recommendations", "best_comes_first", {"unsorted_lists": 1}, ("1", "5"), shown_by="test_recommendations"),
    RuleCase("recommendations", "tiers_are_known", {"unknown_tiers": 1}, ("1", "5"), shown_by="test_recommendations"),
    RuleCase(
        "recommendations", "lists_are_the_rankers_own", {"overlap": 0.9, "overlap_shortfall": 0.09},
        ("5", "0.9000", "0.99"), shown_by="test_lists_that_differ_from_the_rankers_fail_the_gate",
    ),
    RuleCase(
        "tuning", "default_was_tried",
        {"default_missing": 1, "default_missing_reason": "training, epoch 1: the loss is nan"},
        ("training, epoch 1: the loss is nan",), shown_by="test_a_failed_default_trial_is_not_published",
    ),
    RuleCase("tuning", "scores_are_finite", {"not_finite": 1}, ("1", "5")),
    RuleCase(
        "tuning", "enough_trials_are_complete", {"completed": 4, "missing_trials": 1}, ("4", "6", "5"),
        shown_by="test_too_few_complete_trials_are_not_published",
    ),
    RuleCase(
        "tuning", "winner_beats_the_default",
        {"winner_is_better": 0, "sentence": "Nothing beat the default configuration, NDCG@10 0.2000."},
        ("Nothing beat the default configuration, NDCG@10 0.2000.",),
        shown_by="test_a_trial_that_does_not_beat_the_default_is_not_published", blocks=False,
    ),
    RuleCase(
        "trained_model", "weights_are_finite", {"not_finite": 3}, ("3",),
        shown_by="test_a_model_with_a_weight_that_is_not_finite_is_refused",
    ),
    RuleCase(
        "trained_model", "loss_beats_chance", {"loss": 5.25, "below_chance": -0.25}, ("5.250", "5.000"),
        shown_by="test_every_refusal_is_a_line",
    ),
    RuleCase(
        "trained_model", "no_forgetting", {"older_ndcg": 0.085, "forgetting": 0.15}, ("40", "0.0850", "15%", "0.1000"),
        shown_by="test_a_forgetting_warm_start_is_refused_or_trained_cold",
    ),
    RuleCase(
        "content_embeddings", "vectors_have_one_length", {"dim_mismatch": 2}, ("2",),
        shown_by="test_vectors_of_two_lengths_are_refused_and_not_written",
    ),
    RuleCase("content_embeddings", "vectors_are_finite", {"not_finite": 1}, ("1",)),
    RuleCase(
        "content_embeddings", "most_items_have_vectors", {"min_coverage": 0.25}, ("25%", "4", "picture"),
        blocks=False,
    ),
    RuleCase(
        "new_items", "items_are_described", {"undescribed": 3, "undescribed_share": 0.75}, ("3", "4"),
        blocks=False,
    ),
    RuleCase(
        "new_items", "files_read_back_unchanged", {"corrupt": 1}, (),
        shown_by="test_a_file_of_new_items_that_changed_is_refused",
    ),
    RuleCase(
        "bundle", "fp32_answers_as_torch", {"fp32_overlap": 0.98}, ("0.9800", "empty histories"),
        shown_by="test_fp32_without_parity_is_refused_and_not_stored",
    ),
    RuleCase(
        "bundle", "smaller_answers_as_torch", {"low_precision_overlap": 0.9}, ("int8", "0.9000", "batch of 64"),
        shown_by="test_int8_without_parity_is_dropped_and_fp32_ships", blocks=False,
    ),
    RuleCase("bundle", "precision_costs_no_quality", {"ndcg_loss": 0.02}, ("int8", "2.00%")),
    RuleCase(
        "bundle", "item_encoder_answers_as_torch", {"item_encoder_error": 0.2}, ("0.2",),
        shown_by="test_an_item_encoder_with_other_outputs_fails_parity",
    ),
    RuleCase(
        "bundle", "bundle_answers_as_sealed", {"corrupt": 1, "corrupt_reason": "golden.npz: changed; make it again"},
        ("golden.npz: changed; make it again",), shown_by="test_a_changed_golden_response_is_refused",
    ),
    RuleCase(
        "bundle", "answers_are_the_same_in_a_group", {"batch_agreement": 0.99}, ("0.9900",),
        shown_by="test_an_encoder_that_rounds_by_batch_fails_batch_invariance",
    ),
    RuleCase(
        "bundle", "answers_are_fast", {"p99_ms": 140.0}, ("one request takes 140.0 ms",),
        shown_by="test_other_load_neither_refuses_a_fast_bundle_nor_hides_a_slow_one",
    ),
    RuleCase("edge_bundle", "edge_answers_as_fp32", {"overlap": 0.9}, ("0.9000", "batch of 64")),
    RuleCase("edge_bundle", "precision_costs_no_quality", {"ndcg_loss": 0.01}, ("1.00%",)),
    RuleCase(
        "edge_bundle", "edge_is_small", {"bytes": 6000000, "share_of_size_budget": 1.2},
        ("6,000,000", "5,000,000", "item_embeddings.int8.npz"),
        shown_by="test_an_edge_bundle_that_is_too_large_is_refused_and_not_stored",
    ),
    RuleCase(
        "edge_bundle", "edge_answers_as_sealed", {"corrupt": 1, "corrupt_reason": "golden requests differ"},
        ("golden requests differ",),
    ),
    RuleCase(
        "evaluation", "there_are_enough_cases", {"cases": 29, "shoppers": 25, "missing_cases": 1},
        ("29", "25", "2024-03-02", "30", "20"), shown_by="test_too_few_cases_are_refused_with_the_reason",
        blocks=False,
    ),
    RuleCase(
        "evaluation", "cases_match_events",
        {"mismatched_cases": 1, "recounted_cases": 49, "mismatched_cases_examples": "shopper 5f3a at second 9"},
        ("1", "50", "49", "shopper 5f3a at second 9"),
        shown_by="test_changed_missing_and_invented_baskets_are_named",
    ),
    RuleCase(
        "evaluation", "nothing_leaked", {"leaked_events": 2, "leaked_share": 0.03333333333333333}, ("2", "60"),
        shown_by="test_an_event_delivered_again_is_detected_by_its_id_alone",
    ),
    RuleCase(
        "evaluation", "metrics_match_a_recount",
        {"mismatched_metrics": 1, "mismatched_metrics_examples": "champion for shopper 5f3a: 0.5000, by hand 1.0000"},
        ("1", "champion for shopper 5f3a: 0.5000, by hand 1.0000"),
        shown_by="test_hits_and_targets_that_differ_from_the_events_are_detected",
    ),
    RuleCase(
        "evaluation", "every_list_is_full", {"short_lists": 3, "short_lists_details": "champion 3"},
        ("10", "champion 3"), blocks=False,
    ),
    RuleCase(
        "evaluation", "encoder_carries_its_weight",
        {"encoder_failed": 1, "encoder_message": "the encoder is not as it should be"},
        ("the encoder is not as it should be",),
        shown_by="test_weights_that_are_all_zero_pass_the_statistics_and_are_held", blocks=False,
    ),
    RuleCase(
        "evaluation", "answers_differ_between_shoppers",
        {"sameness_failed": 1, "sameness_message": "the sameness is not as it should be"},
        ("the sameness is not as it should be",), shown_by="test_the_same_list_for_all_shoppers_holds", blocks=False,
    ),
    RuleCase(
        "evaluation", "lists_are_no_narrower",
        {"narrowing_failed": 1, "narrowing_message": "the narrowing is not as it should be"},
        ("the narrowing is not as it should be",), shown_by="test_narrower_lists_than_the_champions_are_a_warning",
        blocks=False,
    ),
    RuleCase(
        "evaluation", "slices_do_not_fall",
        {"slices_failed": 1, "slices_message": "the slices is not as it should be"},
        ("the slices is not as it should be",),
        shown_by="test_a_slice_that_is_significantly_and_far_worse_holds_with_its_metrics", blocks=False,
    ),
    RuleCase(
        "evaluation", "anchor_is_not_better",
        {"anchor_failed": 1, "anchor_message": "the anchor is not as it should be"},
        ("the anchor is not as it should be",), shown_by="test_a_significantly_better_anchor_holds", blocks=False,
    ),
    RuleCase(
        "evaluation", "ratio_to_baselines_is_kept",
        {"ratio_failed": 1, "ratio_message": "the ratio is not as it should be"},
        ("the ratio is not as it should be",), shown_by="test_a_loss_against_the_baselines_over_releases_is_a_warning",
        blocks=False,
    ),
    RuleCase(
        "evaluation", "quality_is_plausible", {"rise_failed": 1, "rise_message": "the rise is not as it should be"},
        ("the rise is not as it should be",), shown_by="test_metrics_far_above_past_releases_hold", blocks=False,
    ),
    RuleCase(
        "evaluation", "baskets_are_not_echoes", {"echo_failed": 1, "echo_message": "the echo is not as it should be"},
        ("the echo is not as it should be",),
        shown_by="test_a_higher_share_of_echo_baskets_holds", blocks=False,
    ),
    RuleCase(
        "drift_report", "there_is_something_to_compare",
        {"compared_days": 0, "missing_reason": "no release yet", "drifted": None},
        ("no release yet",),
        shown_by="test_without_days_after_the_training_set_there_is_no_report_and_no_failure", blocks=False,
    ),
    RuleCase("drift_report", "figures_are_finite", {"not_finite": 1}, ("1",)),
    RuleCase(
        "drift_report", "shop_is_as_the_champion_knows_it",
        {"drifted": 1, "sentence": "The shop has drifted away from release 3: category drifted."},
        ("The shop has drifted away from release 3: category drifted.",),
        shown_by="test_a_report_with_drift_is_published_with_a_warning", blocks=False,
    ),
    RuleCase(
        "drift_report", "shop_is_as_the_anchor_knew_it",
        {"drifted_from_anchor": 1, "drifted_from_anchor_message": "since release 1 category drifted"},
        ("since release 1 category drifted",),
        shown_by="test_the_current_days_are_compared_with_the_anchors_days_too", blocks=False,
    ),
    RuleCase(
        "drift_report", "quality_is_plausible",
        {"implausible_rise": 1, "implausible_rise_message": "NDCG@10 0.2000 → 0.3000"},
        ("NDCG@10 0.2000 → 0.3000",),
        shown_by="test_metrics_far_above_past_releases_hold", blocks=False,
    ),
    RuleCase(
        "release", "challenger_may_serve", {"released": 0, "sentence": "Not released: item to item is better."},
        ("Not released: item to item is better.",),
        shown_by="test_a_rejected_challenger_adds_no_entry_and_does_not_fail_the_run", blocks=False,
    ),
    RuleCase(
        "release", "no_bundle_waits_for_a_person",
        {"waiting": 1, "waiting_message": "bundle 7c491366e4d4 waits for a person: it was taken back"},
        ("bundle 7c491366e4d4 waits for a person: it was taken back",),
        shown_by="test_a_rolled_back_bundle_is_not_released_automatically", blocks=False,
    ),
    RuleCase(
        "release", "releases_are_open",
        {"on_hold": 1, "on_hold_message": "releases are held by ann since 2026-11-28 09:30 UTC: conversion fell"},
        ("releases are held by ann since 2026-11-28 09:30 UTC: conversion fell",),
        shown_by="test_while_releases_are_held_no_release_is_written_and_the_run_succeeds", blocks=False,
    ),
)  # fmt: skip


def refusal_reason(
    suite_name: str, rule_name: str, where: str = "", max_invalid_share: float = 0.05, **row: object
) -> str:
    """Return the message of a rule over a row of the profile and its fix, as a gate gives them for a refused row."""
    settings = Settings(_env_file=None, lake="lake", max_invalid_share=max_invalid_share)
    rules = {rule.name: rule for rule in suite(suite_name, settings)}
    return f"{rules[rule_name].format_message(row)}; {rules[rule_name].fix.replace('{where}', where)}"
