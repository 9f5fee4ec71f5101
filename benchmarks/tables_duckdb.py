"""The daily tables in DuckDB's SQL, the peer in `benchmarks.tables`."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

HMAC_BLOCK_BYTES = 64  # of SHA-256
DEDUP_DAYS = 7

RAW_EVENTS_SQL = """
SELECT nullif(trim(id), '') AS event_id, {user} AS user_id, {visit} AS session_id, nullif(trim(item), '') AS item_id,
       lower(trim(kind)) AS event_type, try_cast("at" AS TIMESTAMP) AS event_time,
       try_cast(pieces AS DOUBLE) AS quantity, try_cast(price AS DECIMAL(18, 4)) AS price, title, category,
       dt AS landing_date, filename AS source_file,
       row_number() OVER () AS source_row
FROM read_csv('{files}', header = true, all_varchar = true, hive_partitioning = true, filename = true)
"""
VALID_EVENT_SQL = """item_id IS NOT NULL AND coalesce(user_id, session_id) IS NOT NULL AND event_time IS NOT NULL
    AND event_time < landing_date + INTERVAL 2 DAY AND event_type IN ('view', 'cart', 'purchase', 'return')
    AND (quantity IS NULL OR quantity > 0) AND (price IS NULL OR price >= 0)"""
TABLE_QUERIES = {
    "quarantined_events": f"SELECT * FROM raw_events WHERE NOT coalesce({VALID_EVENT_SQL}, false)",
    "events": f"""
        SELECT *, coalesce(user_id, session_id) AS shopper FROM raw_events WHERE {VALID_EVENT_SQL}
        QUALIFY coalesce(landing_date - lag(landing_date) OVER (
            PARTITION BY event_id ORDER BY landing_date, source_file, source_row) > {DEDUP_DAYS}, true)""",
    "items": """
        SELECT landing_date, item_id, max_by(title, (event_time, source_row)) AS title,
               max_by(category, (event_time, source_row)) AS category, max_by(price, (event_time, source_row)) AS price
        FROM events GROUP BY ALL""",
    "item_features": """
        SELECT landing_date, item_id, count_if(event_type = 'view') AS views, count_if(event_type = 'cart') AS carts,
               count_if(event_type = 'purchase') AS purchases, count(DISTINCT shopper) AS shoppers
        FROM events GROUP BY landing_date, item_id""",
    "user_features": """
        SELECT landing_date, shopper, count(*) AS events, count_if(event_type = 'purchase') AS purchases
        FROM events GROUP BY landing_date, shopper""",
    "histories": """
        SELECT landing_date, shopper, list(struct_pack(event_time, item_id, event_type)
               ORDER BY event_time, source_file, source_row) AS events
        FROM events GROUP BY landing_date, shopper""",
}


def duckdb_tables(landing: Path, folder: Path, key: bytes) -> Iterator[tuple[str, Callable[[], int]]]:
    """(name, function that writes the table as parquet and returns its number of rows) of every table."""
    import duckdb

    folder.mkdir()
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false; SET TimeZone = 'UTC'")
    raw_events_query = RAW_EVENTS_SQL.format(
        files=landing / "*" / "*.csv",
        user=_pseudonym_sql('"user"', "user", key),
        visit=_pseudonym_sql("visit", "session", key),
    )

    def write_table(name: str, query: str) -> int:
        path = folder / f"{name}.parquet"
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
        return int(connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])

    yield "raw_events", lambda: write_table("raw_events", raw_events_query)
    for name, query in TABLE_QUERIES.items():
        yield name, lambda name=name, query=query: write_table(name, query)  # type: ignore[misc]


def _pseudonym_sql(column: str, kind: str, key: bytes) -> str:
    """SQL of the pseudonym: the first 32 hex characters of HMAC-SHA256 of `kind:value`, as in Freshet's tables."""
    padded = (sha256(key).digest() if len(key) > HMAC_BLOCK_BYTES else key).ljust(HMAC_BLOCK_BYTES, b"\0")
    inner, outer = ("".join(f"\\x{byte ^ pad:02X}" for byte in padded) for pad in (0x36, 0x5C))
    value = f"nullif(trim({column}), '')"
    inner_digest = f"unhex(sha256('{inner}'::BLOB || encode('{kind}:' || {value})))"
    return f"CASE WHEN {value} IS NOT NULL THEN substr(sha256('{outer}'::BLOB || {inner_digest}), 1, 32) END"
