"""Files as Spark, LibreOffice and R write them."""

import csv
import os
import platform
import shutil
import subprocess
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
from case import Case
from look import same
from parquet import table
from people import TEXTS, cells
from text import columns

# Types that Spark does not read, or reads as others.
NOT_SPARK = ["f16", "u64", "d256", "at_s", "at_ms", "at_us", "at_ns", "nano", "t_ns", "z_ns", "u_ns", "nothing", "uuid",
             "json", "for_s", "for_ms", "for_us", "for_ns"]

R = r"""
data <- read.csv("people.csv", colClasses = c(nir = "character", text = "character"), encoding = "UTF-8",
                 na.strings = "<none>")
data$factor <- factor(ifelse(data$row %% 2 == 0, "été", "hiver"))
data$amount <- ifelse(data$row %% 5 == 0, NA, data$row / 8)
data$day <- as.Date("2024-03-01") + data$row
data$flag <- data$row %% 3 == 0
data$nir[data$nir == ""] <- NA
numbers <- data
numbers$nir <- suppressWarnings(as.numeric(data$nir))
write.csv(data, "r-default.csv")
write.csv(data, "r-plain.csv", row.names = FALSE, na = "", eol = "\r\n")
write.csv2(data, "r-2.csv", row.names = FALSE)
write.csv2(data, "r-latin.csv", row.names = FALSE, fileEncoding = "windows-1252")
write.table(data, gzfile("r-table.tsv.gz"), sep = "\t", row.names = FALSE, qmethod = "double")
write.table(data, "r-escape.csv", sep = ",", row.names = FALSE)
options(digits = 15)
write.csv(numbers, "r-numbers.csv", row.names = FALSE)
"""


def command(words, place, **more):
    done = subprocess.run(words, cwd=place, capture_output=True, check=False, **more)
    if done.returncode != 0:
        raise SystemExit(f"{words[0]} failed: {done.stderr.decode(errors='replace')[-2000:]}")


def people(path, nirs, texts=TEXTS):
    made = columns(nirs, texts)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(made)
        writer.writerows(zip(*made.values(), strict=True))


def spark_cases(place, rows):
    """Folders of parts with `_SUCCESS` and sums beside them."""
    data = table(cells(rows, 200)).drop(NOT_SPARK)
    pq.write_table(data, place / "spark.source.parquet")
    spark = session(place)
    try:
        frame = spark.read.parquet(str(place / "spark.source.parquet")).repartition(3)
        year = frame.selectExpr("*", "2023 + row % 2 as year", "cast(f64 as decimal(38, 2)) as d")
        variant = frame.selectExpr("row", "nir", "parse_json('{\"a\": [1]}') as v", "cast(row % 100 as byte) as b")
        for name, codec in (("snappy", "snappy"), ("zstd", "zstd"), ("gzip", "gzip"), ("none", "uncompressed")):
            year.write.option("compression", codec).parquet(str(place / f"spark-{name}"))
            yield Case(f"spark-{name}", renewed=name == "snappy")
        year.write.partitionBy("year").parquet(str(place / "spark-hive"))
        yield Case("spark-hive")
        variant.write.parquet(str(place / "spark-variant"))
        yield Case("spark-variant")
        spark.conf.set("spark.sql.parquet.outputTimestampType", "INT96")
        year.write.parquet(str(place / "spark-int96"))
        yield Case("spark-int96")
        people(place / "spark.source.csv", cells(rows, 201))
        texts = spark.read.option("header", True).option("multiLine", True).option("escape", '"').csv(
            str(place / "spark.source.csv")).repartition(3)
        texts.write.option("header", True).option("escape", '"').csv(str(place / "spark-csv"))
        yield Case("spark-csv", renewed=True)
        texts.write.option("header", True).option("escape", '"').option("compression", "gzip").option(
            "quoteAll", True).csv(str(place / "spark-csv-gz"))
        yield Case("spark-csv-gz")
        # Spark's own way: a backslash before a quote.
        texts.write.option("header", True).csv(str(place / "spark-escape"))
        yield Case("spark-escape", refused="text-after-quote")
    finally:
        spark.stop()


def session(place):
    import pyspark
    from pyspark.sql import SparkSession

    # Where musl is installed beside glibc, its Snappy takes the library for musl, unless it is told which.
    library, machine = place / "snappy", platform.machine().replace("amd64", "x86_64")
    library.mkdir()
    jar = next(Path(pyspark.__file__).parent.glob("jars/snappy-java-*.jar"))
    with zipfile.ZipFile(jar) as archive:
        (library / "libsnappyjava.so").write_bytes(archive.read(f"org/xerial/snappy/native/Linux/{machine}/libsnappyjava.so"))
    os.environ["JAVA_TOOL_OPTIONS"] = f"-Dorg.xerial.snappy.lib.path={library} -Dorg.xerial.snappy.lib.name=libsnappyjava.so"
    return (SparkSession.builder.master("local[2]").appName("writers").config("spark.ui.enabled", "false")
            .config("spark.sql.warehouse.dir", str(place / "spark.warehouse")).config("spark.log.level", "ERROR")
            .config("spark.ui.showConsoleProgress", "false").getOrCreate())


def seen_by_spark(place, coded):
    """Spark reads what came back: its own schema has the codes, and the rest is as it was."""
    spark = session(place)
    try:
        for _, data, out in coded:
            before, after = (spark.read.parquet(str(path)) for path in (data, out))
            same(["code", "quality", *before.drop("nir").columns], after.columns, f"{data.name}: columns in Spark")
            same(before.drop("nir").schema, after.drop("code", "quality").schema, f"{data.name}: types in Spark")
            rows = [frame.selectExpr(*(f"cast({name} as string)" for name in before.drop("nir").columns)).orderBy("row")
                    for frame in (before, after)]
            same(*(frame.collect() for frame in rows), f"{data.name}: values in Spark")
            same(before.selectExpr("count(*)").first()[0] > 0, after.where("code is not null").count() > 0, "codes")
    finally:
        spark.stop()


def office_cases(place, rows):
    """Spreadsheets that LibreOffice writes, and the text that it makes of them."""
    people(place / "office.csv", cells(rows, 210))
    # Comma, quotes, UTF-8, from the first line; the first three columns and the fifth are texts.
    texts = "44,34,76,1,1/2/2/2/3/2/5/2"
    command(["soffice", "--headless", f"-env:UserInstallation=file://{place}/office.profile", f"--infilter=CSV:{texts}",
             "--convert-to", "xlsx", "office.csv"], place)
    ways = {
        "office-comma.csv": ("44,34,76,1", {}),
        "office-quoted.csv": ("44,34,76,1,,0,true", {}),
        "office-windows.csv": ("59,34,1,1", {"delimiter": ";", "encoding": "windows-1252"}),
        "office-tab.txt": ("9,34,76,1", {"delimiter": "\t"}),
        "office-utf-16.csv": ("59,34,65535,1", {"delimiter": ";", "encoding": "utf-16"}),
    }
    for name, (options, form) in ways.items():
        folder = place / "office.out"
        command(["soffice", "--headless", f"-env:UserInstallation=file://{place}/office.profile", "--convert-to",
                 f"csv:Text - txt - csv (StarCalc):{options}", "--outdir", str(folder), "office.xlsx"], place)
        shutil.move(folder / "office.csv", place / name)
        yield Case(name, renewed=name == "office-comma.csv", **form)


def r_cases(place, rows):
    people(place / "people.csv", cells(rows, 220, numbers=True), [text for text in TEXTS if text != "Ÿ€œ"])
    command(["Rscript", "--vanilla", "-e", R], place, env={**os.environ, "LC_ALL": "C.UTF-8"})
    yield Case("r-default.csv", missing=("NA",), renewed=True)
    yield Case("r-plain.csv")
    yield Case("r-2.csv", missing=("NA",), delimiter=";", renewed=True)
    yield Case("r-latin.csv", missing=("NA",), delimiter=";", encoding="windows-1252")
    yield Case("r-table.tsv.gz", missing=("NA",), delimiter="\t")
    # write.table writes a quote in a text as \".
    yield Case("r-escape.csv", missing=("NA",), refused="text-after-quote")
    yield Case("r-numbers.csv", missing=("NA",), options=("--numbers",))


def cases(place, rows):
    for writer in (spark_cases, office_cases, r_cases):
        yield from writer(place, rows)
