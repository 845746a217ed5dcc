"""Parquet as pyarrow, polars, pandas, DuckDB and fastparquet write it."""

import datetime
import decimal
import warnings

import duckdb
import fastparquet
import numpy
import pandas
import polars
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from case import Case
from people import TEXTS, cells

DAY = datetime.date(1969, 12, 31)
MOMENT = datetime.datetime(1969, 12, 31, 23, 59, 59, 999_999)
FLOATS = [0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 1.5, None]


def cycle(values, rows):
    return [values[row % len(values)] for row in range(rows)]


def table(nirs):
    """Columns of every type of Arrow that Parquet has a place for."""
    rows = len(nirs)
    columns = {"row": pa.array(range(rows), pa.int32()), "nir": pa.array(nirs, pa.string())}

    def add(name, values, kind, **metadata):
        columns[name] = pa.array(cycle(values, rows), kind)

    for bits in (8, 16, 32, 64):
        add(f"i{bits}", [-2 ** (bits - 1), 2 ** (bits - 1) - 1, 0, None], getattr(pa, f"int{bits}")())
        add(f"u{bits}", [0, 2**bits - 1, None], getattr(pa, f"uint{bits}")())
    add("f16", [None if x is None else numpy.float16(x) for x in FLOATS], pa.float16())
    add("f32", FLOATS, pa.float32())
    add("f64", FLOATS, pa.float64())
    for kind in (pa.decimal32(9, 2), pa.decimal64(18, 0), pa.decimal128(38, 9), pa.decimal256(60, 3)):
        most = "9" * (kind.precision - kind.scale) + "." + "9" * kind.scale
        add(f"d{kind.bit_width}", [*map(decimal.Decimal, (most, f"-{most}", "0")), None], kind)
    add("flag", [True, False, None], pa.bool_())
    add("day", [DAY, datetime.date(9999, 12, 31), datetime.date(1, 1, 1), None], pa.date32())
    add("day64", [DAY, None], pa.date64())
    for unit in ("s", "ms", "us", "ns"):
        values = [MOMENT.replace(microsecond=0), datetime.datetime(2024, 3, 31, 2, 30), None]
        add(f"t_{unit}", values, pa.timestamp(unit))
        add(f"z_{unit}", values, pa.timestamp(unit, "Europe/Paris"))
        add(f"u_{unit}", values, pa.timestamp(unit, "UTC"))
        add(f"for_{unit}", [datetime.timedelta(seconds=-5), datetime.timedelta(days=400), None], pa.duration(unit))
        add(f"at_{unit}", [datetime.time(23, 59, 59), datetime.time(0), None],
            (pa.time32 if unit in ("s", "ms") else pa.time64)(unit))
    columns["nano"] = pa.array(cycle([1, -1, 2**62, None], rows), pa.timestamp("ns"))
    add("text", TEXTS, pa.string())
    add("large", TEXTS, pa.large_string())
    add("bytes", [b"", b"\x00\xff", b"PAR1", None], pa.binary())
    add("large_bytes", [b"x" * 100, None], pa.large_binary())
    add("fixed", [b"abcd", b"\x00" * 4, None], pa.binary(4))
    columns["class"] = pa.array(cycle(["lower", "été", None], rows)).dictionary_encode()
    levels = pa.array(cycle([0, 1, None], rows), pa.int8())
    columns["level"] = pa.DictionaryArray.from_arrays(levels, pa.array(["low", "high"]), ordered=True)
    add("list", [[1, None, 3], [], None, [4]], pa.list_(pa.int16()))
    add("large_list", [["a", ""], None], pa.large_list(pa.string()))
    add("pair", [[1.0, -0.0], None], pa.list_(pa.float32(), 2))
    add("struct", [{"a": 1, "b": {"c": ["x", None]}}, {"a": None, "b": None}, None],
        pa.struct([("a", pa.int64()), ("b", pa.struct([("c", pa.list_(pa.string()))]))]))
    add("map", [[("k", 1), ("é", None)], [], None], pa.map_(pa.string(), pa.int32()))
    add("deep", [[{"k": [[1], []], "m": [("x", [DAY])]}], [], None],
        pa.list_(pa.struct([("k", pa.list_(pa.list_(pa.int8()))), ("m", pa.map_(pa.string(), pa.list_(pa.date32())))])))
    add("nothing", [None], pa.null())
    add("never", [None], pa.string())
    add("empty", [""], pa.string())
    uuid = pa.array(cycle([bytes(range(16)), None], rows), pa.binary(16))
    columns["uuid"] = pa.ExtensionArray.from_storage(pa.uuid(), uuid)
    json = pa.array(cycle(['{"a": [1, null]}', None], rows))
    columns["json"] = pa.ExtensionArray.from_storage(pa.json_(), json)
    made = pa.table(columns)
    fields = [field.with_metadata({"label": f"étiquette de {field.name}"}) for field in made.schema]
    return made.cast(pa.schema(fields, {"source": "enquête 2024", "weights": "none"}))


def pyarrow_cases(place, rows):
    """Every codec, both versions of pages, dictionaries or none, encodings, times in 96 bits."""
    ways = {
        "snappy": {"compression": "snappy", "data_page_version": "1.0"},
        "gzip": {"compression": "gzip", "data_page_version": "2.0", "use_dictionary": False},
        "zstd": {"compression": "zstd", "write_page_index": True, "sorting_columns": [pq.SortingColumn(0)]},
        "lz4": {"compression": "lz4", "data_page_version": "2.0", "write_page_checksum": True},
        "brotli": {"compression": "brotli", "store_schema": False},
        "none": {"compression": "none", "write_statistics": False, "data_page_size": 500},
        "encodings": {"use_dictionary": False, "write_page_index": True,
                      "column_encoding": {"f64": "BYTE_STREAM_SPLIT", "i64": "DELTA_BINARY_PACKED", "text":
                                          "DELTA_BYTE_ARRAY", "large": "DELTA_LENGTH_BYTE_ARRAY", "flag": "RLE"}},
        "int96": {"use_deprecated_int96_timestamps": True},
        "old": {"version": "1.0", "compression": {"nir": "gzip", "text": "brotli"}},
        "mixed": {"compression": "zstd", "compression_level": 19, "use_dictionary": ["nir", "class"]},
    }
    for number, (way, options) in enumerate(ways.items()):
        name = f"pyarrow-{way}.parquet"
        # Of the first version of the format there are no nanoseconds.
        data = table(cells(rows, number)).drop("nano" if way == "old" else [])
        pq.write_table(data, place / name, row_group_size=rows // 3 + 1, **options)
        yield Case(name, renewed=way in ("zstd", "lz4"))
    nirs = cells(rows, 50)
    views = pa.table({"nir": pa.array(nirs, pa.string_view()), "v": pa.array(cycle(TEXTS, rows), pa.string_view())})
    pq.write_table(views, place / "pyarrow-views.parquet")
    yield Case("pyarrow-views.parquet")
    coded = pa.table({"nir": pa.array(nirs).dictionary_encode(), "v": list(range(rows))})
    pq.write_table(coded, place / "pyarrow-dictionary.parquet")
    yield Case("pyarrow-dictionary.parquet")
    pq.write_table(coded.set_column(0, "nir", pa.array(nirs, pa.binary())), place / "pyarrow-bytes.parquet")
    yield Case("pyarrow-bytes.parquet")
    yield from pyarrow_numbers(place, rows)
    # The insured and who pays: two columns, of which one is in many rows empty.
    two = table(cells(rows, 51)).rename_columns({"nir": "assuré"})
    payer = [nir if row % 3 else None for row, nir in enumerate(cells(rows, 52))]
    pq.write_table(two.append_column("payer", pa.array(payer, pa.string())), place / "pyarrow-two.parquet")
    yield Case("pyarrow-two.parquet", columns=("assuré", "payer"), renewed=True)
    parts = table(cells(rows, 53)).append_column("year", pa.array(cycle([2023, 2024, 2025], rows), pa.int16()))
    pa.dataset.write_dataset(parts, place / "pyarrow-hive", format="parquet", partitioning=["year"],
                             partitioning_flavor="hive", max_rows_per_file=rows // 5, max_rows_per_group=rows // 5)
    yield Case("pyarrow-hive", renewed=True)


def pyarrow_numbers(place, rows):
    numbers = [None if nir is None else int(nir) for nir in cells(rows, 54, numbers=True)]
    kinds = {"int64": pa.int64(), "uint64": pa.uint64(), "double": pa.float64(), "decimal": pa.decimal128(17, 2)}
    for name, kind in kinds.items():
        values = [decimal.Decimal(x) if x is not None and name == "decimal" else x for x in numbers]
        column = pa.array(values, pa.decimal128(15, 0) if name == "decimal" else pa.int64()).cast(kind)
        pq.write_table(pa.table({"nir": column, "v": range(rows)}), place / f"pyarrow-{name}.parquet")
        yield Case(f"pyarrow-{name}.parquet", options=("--numbers",))
    pq.write_table(pa.table({"nir": pa.array(numbers), "v": range(rows)}), place / "pyarrow-no-numbers.parquet")
    yield Case("pyarrow-no-numbers.parquet", refused="column-type")
    pq.write_table(pa.table({"nir": pa.array(numbers), "code": range(rows)}), place / "pyarrow-code.parquet")
    yield Case("pyarrow-code.parquet", options=("--numbers",), refused="reserved-column")
    pq.write_table(pa.table({"nir": pa.array([None] * rows), "v": range(rows)}), place / "pyarrow-null.parquet")
    # Nobody is in it: a request of it alone is below the minimum of any domain.
    yield Case("pyarrow-null.parquet", refused="too-few-values")
    kept = pa.table({"nir": cells(rows, 55), "payer": cells(rows, 56)})
    pq.write_table(kept, place / "pyarrow-kept.parquet")
    yield Case("pyarrow-kept.parquet", refused="identity-kept")


def frame(nirs):
    """Columns of every type of polars that it writes."""
    rows = len(nirs)
    exact = polars.from_arrow(table(nirs).drop(["uuid", "json", "map", "deep", "nothing", "f16", "d256"]))
    return exact.with_columns(
        polars.Series("enum", cycle(["a", "b", None], rows), polars.Enum(["a", "b", "c"])),
        polars.Series("cat", cycle(["été", "hiver", None], rows), polars.Categorical),
        polars.Series("array", cycle([[1, 2], None], rows), polars.Array(polars.Int8, 2)),
        polars.Series("nothing", [None] * rows, polars.Null),
    )


def polars_cases(place, rows):
    codecs = ("zstd", "snappy", "gzip", "lz4", "brotli", "uncompressed")
    for number, codec in enumerate(codecs):
        name = f"polars-{codec}.parquet"
        frame(cells(rows, 60 + number)).write_parquet(place / name, compression=codec, row_group_size=rows // 4 + 1,
                                                      statistics="full" if number % 2 else False)
        yield Case(name, renewed=codec == "zstd")
    parts = frame(cells(rows, 66)).with_columns(year=polars.int_range(rows) % 3 + 2023)
    parts.write_parquet(place / "polars-hive", partition_by="year", mkdir=True)
    yield Case("polars-hive")


def pandas_frame(nirs):
    rows = len(nirs)
    return pandas.DataFrame({
        "nir": pandas.Series(nirs, dtype="object"),
        "text": pandas.Series(cycle(TEXTS, rows), dtype="str"),
        "object": pandas.Series(cycle(["a", "é", None], rows), dtype="object"),
        "category": pandas.Categorical(cycle(["été", "hiver", None], rows)),
        "level": pandas.Categorical(cycle([2, 1, None], rows), categories=[1, 2, 3], ordered=True),
        "nullable": pandas.array(cycle([2**62, None, -1], rows), dtype="Int64"),
        "boolean": pandas.array(cycle([True, None, False], rows), dtype="boolean"),
        "float": cycle([x for x in FLOATS if x is not None], rows),
        "at": pandas.to_datetime(pandas.Series(cycle([MOMENT, None], rows))).astype("datetime64[ns]"),
        "zone": pandas.to_datetime(pandas.Series(cycle([MOMENT, None], rows)), utc=True).dt.tz_convert("Europe/Paris"),
        "took": pandas.to_timedelta(pandas.Series(cycle([1, None, -5], rows)), unit="s"),
        "int": numpy.arange(rows, dtype="int16"),
        "key": [f"k{row}" for row in range(rows)],
    })


def pandas_cases(place, rows):
    """Indexes: of rows, named, of times, of several columns, of identifiers."""
    ways = {
        "range": lambda data: data,
        "named": lambda data: data.set_index("key"),
        "times": lambda data: data.set_index(pandas.date_range("2024-01-01", periods=rows, freq="h", tz="UTC")),
        "several": lambda data: data.set_index(["key", "int"]),
        "nir": lambda data: data.set_index("nir"),
        "nir-key": lambda data: data.set_index(["nir", "key"]),
    }
    for number, (way, indexed) in enumerate(ways.items()):
        data = indexed(pandas_frame(cells(rows, 70 + number)))
        data.attrs = {"source": "enquête"}
        data.to_parquet(place / f"pandas-{way}.parquet", engine="pyarrow", compression="gzip")
        yield Case(f"pandas-{way}.parquet", renewed=way == "nir")


def duckdb_cases(place, rows):
    codecs = ("snappy", "gzip", "zstd", "lz4", "lz4_raw", "brotli", "uncompressed")
    database = duckdb.connect()
    for number, codec in enumerate(codecs):
        rows_of(database, cells(rows, 80 + number))
        name = f"duckdb-{codec}.parquet"
        database.execute(f"""copy t to '{place / name}' (format parquet, codec {codec}, row_group_size 2048,
                         parquet_version v{number % 2 + 1}, kv_metadata {{source: 'enquête', empty: ''}})""")
        yield Case(name, renewed=codec == "lz4")
    rows_of(database, cells(rows, 87))
    database.execute(f"""copy (select *, 2023 + row % 3 as year, row % 2 as half from t) to '{place / "duckdb-hive"}'
                     (format parquet, partition_by (year, half))""")
    yield Case("duckdb-hive")


def rows_of(database, nirs):
    """The table `t`, with the types of DuckDB that it writes."""
    rows, moment = len(nirs), "timestamp '1969-12-31 23:59:59.999999'"
    database.register("people", pa.table({"row": range(rows), "nir": pa.array(nirs, pa.string()),
                                          "text": cycle(TEXTS, rows)}))
    database.execute(f"""create or replace table t as select row, nir, text,
        case when row % 3 > 0 then (170141183460469231731687303715884105727 - row)::hugeint end as huge,
        case when row % 3 > 0 then uuid() end as uuid,
        interval (row) month + interval (row) day + interval 5 second as every,
        {moment} + interval (row) day as us, ({moment})::timestamp_s as s, ({moment})::timestamp_ms as ms,
        ({moment})::timestamp_ns as ns, timestamptz '2024-03-31 02:30:00+01' as zone, time '23:59:59.999999' as at,
        timetz '23:59:59+02' as atz, (row / 7)::decimal(38, 9) as d, (row)::decimal(4, 1) as d4,
        (case row % 3 when 0 then 'été' when 1 then 'hiver' end)::enum('été', 'hiver') as season,
        [row, null, -row] as list, {{'a': row, 'b': [{{'c': text}}]}} as struct,
        map {{'k': row, 'é': null}} as map, '\\x00\\xFF'::blob as bytes, '101'::bit as bits,
        '{{"a": [1]}}'::json as json, case row % 4 when 0 then 'nan'::double when 1 then '-0.0'::double
        when 2 then '-inf'::double end as f, 1.5::float as f32, row % 2 = 0 as flag, row::utinyint as u8,
        date '0001-01-01' + row::int as day, null as nothing from people""".replace(
            "row::utinyint", "(row % 256)::utinyint").replace("(row)::decimal(4, 1)", "(row % 999)::decimal(4, 1)"))


# fastparquet writes a duration as a time of the day.
LEFT_OUT = ["took"]


def fastparquet_cases(place, rows):
    ways = {
        "snappy": {"compression": "SNAPPY"},
        "gzip": {"compression": "GZIP", "row_group_offsets": rows // 3 + 1},
        "zstd": {"compression": "ZSTD", "times": "int96"},
        "lz4": {"compression": "LZ4_RAW", "stats": True},
        "brotli": {"compression": "BROTLI", "has_nulls": True},
        "none": {"compression": None, "custom_metadata": {"source": "enquête"}},
    }
    for number, (way, options) in enumerate(ways.items()):
        data = pandas_frame(cells(rows, 90 + number)).drop(columns=LEFT_OUT)
        name = f"fastparquet-{way}.parquet"
        fastparquet.write(str(place / name), data, write_index=False, **options)
        yield Case(name)
    data = pandas_frame(cells(rows, 96)).drop(columns=LEFT_OUT)
    fastparquet.write(str(place / "fastparquet-nir.parquet"), data.set_index("nir"), write_index=True)
    yield Case("fastparquet-nir.parquet", renewed=True)
    data["year"] = cycle([2023, 2024], rows)
    # Beside the parts lie _metadata and _common_metadata.
    fastparquet.write(str(place / "fastparquet-hive"), data, file_scheme="hive", partition_on=["year"])
    yield Case("fastparquet-hive")


def cases(place, rows):
    warnings.filterwarnings("ignore")
    for writer in (pyarrow_cases, polars_cases, pandas_cases, duckdb_cases, fastparquet_cases):
        yield from writer(place, rows)
