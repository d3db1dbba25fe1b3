"""Embeds records with the program: each partition of the records goes through `semsearch embed`.

    spark-submit examples/spark/pipe.py RECORDS.jsonl OUT

A record is a line of JSON that has a "text". It comes out with an "embedding". The program must be in the PATH of the
workers, and the model in their cache (`semsearch model fetch`). The program starts once for each partition, and needs a
few hundredths of a second for that.
"""

import os
import sys

from pyspark.sql import SparkSession

# Spark starts the program with these variables only. They are those of the machine on which this script runs: if the
# workers have other paths, write the workers' paths here.
needed = {name: os.environ[name] for name in ("PATH", "HOME", "HF_HUB_OFFLINE") if name in os.environ}
# A partition may be empty, and to the program no records are an error. So the shell looks for a first record.
command = """sh -c 'IFS= read -r first || exit 0
{ printf "%s\\n" "$first"; cat; } | semsearch embed - --format jsonl --precision f32 --threads 1 -q'"""

spark = SparkSession.builder.appName("semsearch pipe").getOrCreate()
records = spark.sparkContext.textFile(sys.argv[1])
# With checkCode, a program that fails or is killed fails its task, and Spark runs the task again. Without it, Spark would
# take what the program has written so far for the whole.
records.pipe(command, env=needed, checkCode=True).saveAsTextFile(sys.argv[2])
spark.stop()
