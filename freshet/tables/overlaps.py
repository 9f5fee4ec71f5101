"""Event ids that would be counted twice: counted in the staged rows themselves, whatever classified them."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from freshet import columns as c
from freshet.tables.duplicates import repeated

Overlaps = Mapping[date, Mapping[date, int]]  # staged day → the other day → event ids that stand in both


def overlaps(staged: DataFrame, standing: DataFrame, lookback_days: int) -> Overlaps:
    """Per staged day, how many of its event ids stand in another day within the look-back, before or after it.

    staged: the rows of a stage of `events`. standing: published rows that stay beside them. Under the day itself: how
    many of its rows repeat an id of the same day.
    """
    names = (c.EVENT_ID, c.LANDING_DATE)
    rows = staged.select(*names, F.lit(True).alias("_staged")).unionByName(
        standing.select(*names, F.lit(False).alias("_staged"))
    )
    with repeated(rows, F.col("_staged")) as copies:
        by_day = copies.groupBy(c.EVENT_ID, c.LANDING_DATE).agg(
            F.max("_staged").alias("_staged"), F.count("*").alias("_rows")
        )
        own = by_day.where("_staged").select(c.EVENT_ID, F.col(c.LANDING_DATE).alias("day"), "_rows")
        other = by_day.select(c.EVENT_ID, F.col(c.LANDING_DATE).alias("other"))
        near = own.join(other, on=c.EVENT_ID, how="inner").where(F.abs(F.date_diff("day", "other")) <= lookback_days)
        extra = F.when(F.col("day") == F.col("other"), F.col("_rows") - 1).otherwise(1)
        counts: dict[date, dict[date, int]] = defaultdict(dict)
        for row in near.groupBy("day", "other").agg(F.sum(extra).alias("ids")).where("ids > 0").collect():
            counts[row["day"]][row["other"]] = int(row["ids"])
    return counts
