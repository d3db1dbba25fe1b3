"""Embeds a column of Parquet with the Python module: batches of Arrow in, batches of Arrow out.

    spark-submit examples/spark/arrow.py IN.parquet OUT.parquet [PRECISION]

The input has a column "text"; the output has all columns and "embedding". Each worker process of Python loads the model
once, and keeps it for all its batches. Give Spark as many workers as there are cores, each with one thread.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, FloatType, StructField, StructType

PRECISION = sys.argv[3] if len(sys.argv) > 3 else "f32"


def embedded(batches):
    import pyarrow
    import semsearch

    model = semsearch.Embedder(precision=PRECISION, threads=1)
    for batch in batches:
        vectors = semsearch.to_arrow(model.encode(batch.column("text")))
        # Spark knows lists of any length, and none of a fixed one. The floats stay where they are.
        vectors = pyarrow.ListArray.from_arrays(range(0, model.dim * len(vectors) + 1, model.dim), vectors.flatten())
        yield pyarrow.RecordBatch.from_arrays([*batch.columns, vectors], [*batch.schema.names, "embedding"])


spark = SparkSession.builder.appName("semsearch arrow").getOrCreate()
# A batch in memory has so many rows.
spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 2048)
frame = spark.read.parquet(sys.argv[1])
embedding = StructField("embedding", ArrayType(FloatType(), containsNull=False))
schema = StructType([*frame.schema.fields, embedding])
frame.mapInArrow(embedded, schema).write.mode("overwrite").parquet(sys.argv[2])
spark.stop()
