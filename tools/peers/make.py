"""Makes the data: `make.py ROWS SEED FILE`, CSV or Parquet by the extension. Everybody in it is invented.

Five columns, `nir,year,place,amount,note`; identifiers have the form and the key of SPEC §3.2, one in a hundred is
Corsican. The same rows and seed make the same data, the first rows of a longer file are those of a shorter one."""

import sys
from pathlib import Path

import polars as pl

# Rows made at once: memory stays flat.
CHUNK = 1_000_000
SEX, YEAR, MONTH, COMMUNE, ORDER = 2, 100, 12, 990, 999


def mixed(number):
    """Splitmix64's last steps: neighbours become strangers."""
    for shift, factor in ((2**30, 0xBF58476D1CE4E5B9), (2**27, 0x94D049BB133111EB)):
        number = (number ^ (number // shift)) * pl.lit(factor, pl.UInt64)
    return number ^ (number // 2**31)


def digits(number, width):
    return number.cast(pl.String).str.zfill(width)


def chunk(first, rows, seed):
    """Rows `first` to `first + rows` as a frame of text and numbers."""
    row = pl.int_range(first, first + rows, dtype=pl.UInt64, eager=True).alias("row")
    start = pl.col("row") + pl.lit(seed % 2**32 * 2**31, pl.UInt64)
    frame = pl.DataFrame(row).select(a=mixed(start * 2), b=mixed(start * 2 + 1))
    a, b = pl.col("a"), pl.col("b")
    frame = frame.select(
        sex=1 + a % SEX,
        born=a // SEX % YEAR,
        month=1 + a // (SEX * YEAR) % MONTH,
        # 20 is Corsica, as 2A or 2B.
        department=1 + a // (SEX * YEAR * MONTH) % 95,
        corsica=a // (SEX * YEAR * MONTH * 95) % 2,
        commune=1 + a // (SEX * YEAR * MONTH * 190) % COMMUNE,
        order=1 + a // (SEX * YEAR * MONTH * 190 * COMMUNE) % ORDER,
        year=1990 + b % 35,
        place=75_000 + b // 35 % 990,
        amount=b // (35 * 990) % 100_000,
        note=b // (35 * 990 * 100_000) % 4,
    )
    department, corsican = pl.col("department"), pl.col("department") == 20
    birth = (pl.col("sex") * 100 + pl.col("born")) * 100 + pl.col("month")
    last = pl.col("commune") * 1000 + pl.col("order")
    # The key counts 2A as 19 and 2B as 18.
    counted = pl.when(corsican).then(19 - pl.col("corsica")).otherwise(department)
    key = 97 - ((birth * 100 + counted) * 1_000_000 + last) % 97
    written = pl.when(corsican).then(pl.when(pl.col("corsica") == 0).then(pl.lit("2A")).otherwise(pl.lit("2B")))
    written = written.otherwise(digits(department, 2))
    notes = ["ordinary", "urgent", "follow-up", "none"]
    return frame.select(
        pl.concat_str(digits(birth, 5), written, digits(last, 6), digits(key, 2)).alias("nir"),
        "year",
        "place",
        "amount",
        pl.col("note").replace_strict(list(range(4)), notes, return_dtype=pl.String),
    )


def write_csv(path, rows, seed):
    with open(path, "xb") as file:
        for first in range(0, rows, CHUNK):
            chunk(first, min(CHUNK, rows - first), seed).write_csv(file, include_header=first == 0)


def main():
    rows, seed, path = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    if path.suffix == ".csv":
        write_csv(path, rows, seed)
        return
    csv = path.with_suffix(".making.csv")
    write_csv(csv, rows, seed)
    try:
        data = pl.scan_csv(csv, schema_overrides={"nir": pl.String})
        data.sink_parquet(path, compression="snappy", row_group_size=131_072)
    finally:
        csv.unlink()


if __name__ == "__main__":
    main()
