"""Embeds records with the program: each partition is piped through `semsearch embed`.

    spark-submit examples/spark/pipe.py RECORDS.jsonl OUT

A record is a line of JSON with a text. It comes out with an "embedding". The program must be on the workers' PATH, and the
model in their cache (`semsearch model fetch`). The program loads the model once for each partition, so make partitions of
ten thousand records and more.
"""

import os
import sys

from pyspark.sql import SparkSession

records, out = sys.argv[1:3]
spark = SparkSession.builder.appName("semsearch pipe").getOrCreate()
lines = spark.sparkContext.textFile(records)
# Spark gives the program an empty environment. It needs the PATH, and HOME to find the model.
needed = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME") or name.startswith(("HF_", "SEMSEARCH_"))}
# A status other than 0 fails the task, and Spark runs it again: on the same records, with the same result.
embedded = lines.pipe("semsearch embed - -q --threads 1", env=needed, checkCode=True)
embedded.saveAsTextFile(out)
spark.stop()
