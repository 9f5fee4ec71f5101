"""Count event ids that occur twice, within a staged day or on two days, from the staged rows themselves."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from freshet.data import columns as c
from freshet.ingest.duplicates import rows_with_repeated_ids

Overlaps = Mapping[date, Mapping[date, int]]  # staged day → other day → number of event ids that both have


def count_overlaps(staged: DataFrame, published: DataFrame, lookback_days: int) -> Overlaps:
    """Return, per staged day, how many of its event ids another day within the look-back has, too.

    staged: the staged rows of `events`. published: the published rows that stay. The entry of the day itself is the
    number of its rows that repeat an id of that day.
    """
    names = (c.EVENT_ID, c.LANDING_DATE)
    rows = staged.select(*names, F.lit(True).alias("_staged")).unionByName(
        published.select(*names, F.lit(False).alias("_staged"))
    )
    with rows_with_repeated_ids(rows, F.col("_staged")) as copies:
        by_day = copies.groupBy(c.EVENT_ID, c.LANDING_DATE).agg(
            F.max("_staged").alias("_staged"), F.count("*").alias("_rows")
        )
        staged_ids = by_day.where("_staged").select(c.EVENT_ID, F.col(c.LANDING_DATE).alias("day"), "_rows")
        other_ids = by_day.select(c.EVENT_ID, F.col(c.LANDING_DATE).alias("other"))
        pairs = staged_ids.join(other_ids, on=c.EVENT_ID, how="inner").where(
            F.abs(F.date_diff("day", "other")) <= lookback_days
        )
        repeats = F.when(F.col("day") == F.col("other"), F.col("_rows") - 1).otherwise(1)
        counts: dict[date, dict[date, int]] = defaultdict(dict)
        for row in pairs.groupBy("day", "other").agg(F.sum(repeats).alias("ids")).where("ids > 0").collect():
            counts[row["day"]][row["other"]] = int(row["ids"])
    return counts
