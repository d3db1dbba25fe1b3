"""Embeds a table with the Python module: batches of Arrow go in, and the same batches with vectors come out.

    spark-submit examples/spark/arrow.py IN.parquet OUT.parquet

IN has a column "text". OUT has all columns of IN and a column "embedding". The Python of the workers needs the wheel of
semsearch and pyarrow, and the workers need the model in their cache (`semsearch model fetch`).
"""

import sys

import embedding  # the file beside this one
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, FloatType, StructField, StructType

spark = SparkSession.builder.appName("semsearch arrow").getOrCreate()
# Each worker gets the file that says what to do there.
spark.sparkContext.addPyFile(embedding.__file__)
# A worker holds one batch of this many rows in memory, however long the table is.
spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 2048)

passages = spark.read.parquet(sys.argv[1])
column = StructField("embedding", ArrayType(FloatType(), containsNull=False))
schema = StructType([*passages.schema.fields, column])
# If a worker dies, Spark runs its task again. The vectors have the same bits then.
passages.mapInArrow(embedding.batches_with_vectors, schema).write.mode("overwrite").parquet(sys.argv[2])
spark.stop()
