"""Makes the Parquet files of the tests: pip install pyarrow, then python make.py."""

from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

TABLE = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "text": pa.array(["bees dance", "bread rises", "rain falls"], pa.large_string()),
        "title": pa.array(["Bees", None, "Rain"], pa.string()),
        "topic": pa.array(["insects", "food", "insects"]).dictionary_encode(),
        "author": pa.array(
            [{"name": "Karl", "born": 1886}, None, {"name": "Ann", "born": None}],
            pa.struct([("name", pa.string()), ("born", pa.int16())]),
        ),
        "tags": pa.array([["a", "b"], [], None], pa.list_(pa.string())),
        "counts": pa.array([[("x", 1)], [], [("y", 2), ("z", 3)]], pa.map_(pa.string(), pa.int32())),
        "score": pa.array([0.1, None, 2.5], pa.float32()),
        "price": pa.array([Decimal("1.50"), None, Decimal("12.00")], pa.decimal128(9, 2)),
        "ok": pa.array([True, False, None], pa.bool_()),
        "day": pa.array([date(2020, 6, 1), None, date(1969, 12, 31)], pa.date32()),
        "at": pa.array([datetime(2020, 6, 1, 12, 30, tzinfo=timezone.utc), None, None], pa.timestamp("us", tz="UTC")),
        "picture": pa.array([b"\xff\xd8", None, b"plain"], pa.binary()),
    }
)

for compression in ["none", "snappy", "gzip", "zstd", "lz4"]:
    # Two rows a group: the third is in one of its own.
    pq.write_table(TABLE, f"{compression}.parquet", compression=compression, row_group_size=2)
pq.write_table(TABLE.slice(0, 1), "brotli.parquet", compression="brotli")
