"""Looks at what came back, with the eyes of others: pyarrow and DuckDB for Parquet, Python's csv for text.

Each function reads the file that a writer wrote and the attached one, and complains of anything that differs. It gives
back the cells that were sent and the codes and qualities that came, column by column."""

import csv
import io
import json
import re

import duckdb
import pandas
import pyarrow as pa
import pyarrow.parquet as pq

PANDAS, SPARK = b"pandas", b"org.apache.spark.sql.parquet.row.metadata"


class Differs(Exception):
    """One line: which file, and what of it."""


def same(before, after, what):
    if before != after:
        raise Differs(f"{what}: {str(before)[:300]} was there, {str(after)[:300]} came back")


def parquet(data, out, sent, own):
    """The footer, the bytes of each chunk, types and metadata, and the values as two readers see them."""
    before, after = pq.ParquetFile(data), pq.ParquetFile(out)
    kept = [name for name in before.schema_arrow.names if name not in sent]
    same(own + kept, after.schema_arrow.names, "columns")
    for name in kept:
        fields = [file.schema_arrow.field(name) for file in (before, after)]
        if not fields[0].equals(fields[1], check_metadata=True):
            same(*fields, f"type of {name}")
    same(described(before, sent, []), described(after, [], own), "metadata")
    footers(before, after, sent)
    chunks(data, out, before, after, own)
    same(values(before, kept), values(after, kept), "values, as pyarrow reads them")
    same(by_duckdb(data, sent), by_duckdb(out, own), "values, as DuckDB reads them")
    if PANDAS in (before.metadata.metadata or {}):
        for engine in ("pyarrow", "fastparquet"):
            same_frames(data, out, sent, own, engine)
    was, came = before.read(sent), after.read(own)
    return [was[name].to_pylist() for name in sent], [came[name].to_pylist() for name in own]


def described(file, gone, own):
    """The metadata of a file, without what it says of these columns."""
    found = dict(file.metadata.metadata or {})
    # What it says is compared as the types of the columns.
    found = {key: value for key, value in found.items() if not key.startswith(b"cstatns.") and key != b"ARROW:schema"}
    if PANDAS in found:
        pandas = json.loads(found[PANDAS])
        pandas["index_columns"] = [name for name in pandas["index_columns"] if name not in gone]
        pandas["columns"] = [column for column in pandas["columns"] if column.get("field_name", column["name"]) not in gone]
        found[PANDAS] = pandas
    if SPARK in found:
        spark = json.loads(found[SPARK])
        named = [field["name"] for field in spark["fields"]]
        same(own, named[:len(own)], "columns as Spark's metadata names them")
        spark["fields"] = [field for field in spark["fields"] if field["name"] not in [*gone, *own]]
        found[SPARK] = spark
    return found


def footers(before, after, sent):
    """What both footers say; columns are counted from the first that was kept."""
    one, other = before.metadata, after.metadata
    # fastparquet reads files of its name as it writes them.
    if not one.created_by.startswith("fastparquet"):
        same(one.created_by, other.created_by, "writer")
    same(one.num_row_groups, other.num_row_groups, "number of row groups")
    paths = [leaves(file) for file in (before, after)]
    for group in range(one.num_row_groups):
        groups = [metadata.row_group(group) for metadata in (one, other)]
        same(groups[0].num_rows, groups[1].num_rows, f"rows of row group {group}")
        orders = []
        for row_group, names in zip(groups, paths, strict=True):
            by = [(names[column.column_index], column.descending, column.nulls_first)
                  for column in row_group.sorting_columns]
            orders.append(by[:next((at for at, (name, *_) in enumerate(by) if name in sent), len(by))])
        same(*orders, f"order of row group {group}")


def leaves(file):
    return [file.schema.column(at).path for at in range(file.metadata.num_columns)]


def chunks(data, out, before, after, own):
    """Each chunk that came back: its bytes, its type, what is known of it."""
    places = {name: at for at, name in enumerate(leaves(before))}
    with open(data, "rb") as one, open(out, "rb") as other:
        for group in range(after.metadata.num_row_groups):
            for at, name in enumerate(leaves(after)):
                if name in own:
                    continue
                was, came = (file.metadata.row_group(group).column(place)
                             for file, place in ((before, places[name]), (after, at)))
                facts = [known(chunk, file) for chunk, file in ((was, one), (came, other))]
                # Least and most in fields of the first form, as fastparquet writes them, pyarrow does not find again.
                if before.metadata.created_by.startswith("fastparquet"):
                    facts = [fact | {"statistics": None} for fact in facts]
                same(*map(repr, facts), f"what row group {group} says of {name}")
                # How often a value has which level is copied with the rest of the type.
                same(str(before.schema.column(places[name])), str(after.schema.column(at)), f"Parquet type of {name}")
                same(chunk_bytes(one, was), chunk_bytes(other, came), f"bytes of {name} in row group {group}")


def known(chunk, file):
    """What the footer says of a chunk, without the places; and its filter."""
    fact = chunk.to_dict()
    for moved in ("file_offset", "file_path", "dictionary_page_offset", "data_page_offset"):
        fact.pop(moved)
    place, length = fact.pop("bloom_filter_offset", None), fact.get("bloom_filter_length")
    if place and length:
        file.seek(place)
        fact["filter"] = file.read(length)
    fact["encodings"] = sorted(fact["encodings"])
    return fact


def chunk_bytes(file, chunk):
    offsets = [chunk.data_page_offset, *([chunk.dictionary_page_offset] if chunk.has_dictionary_page else [])]
    file.seek(min(offset for offset in offsets if offset))
    return file.read(chunk.total_compressed_size)


def values(file, names):
    """The values as text: a NaN is a NaN, and -0.0 is not 0.0."""
    return [(name, plain(column)) for name, column in zip(names, file.read(names).columns, strict=True)]


def plain(column):
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time64(kind):
        # Python knows no nanoseconds, and no year 10000.
        column = column.cast(pa.int64())
    return repr(column.to_pylist())


def same_frames(data, out, sent, own, engine):
    """As pandas reads them, with the index; where it reads the data at all."""
    frames = []
    for path, gone in ((data, sent), (out, own)):
        try:
            frame = pandas.read_parquet(path, engine=engine)
        except Exception:
            if path == data:
                return
            raise
        index = [name for name in frame.index.names if name in gone]
        frames.append((frame.reset_index(index) if index else frame).drop(columns=gone))
    try:
        pandas.testing.assert_frame_equal(*frames, check_exact=True, check_index_type=False)
    except AssertionError as error:
        raise Differs(f"as pandas reads it with {engine}: {error}") from None


def by_duckdb(path, gone):
    names = ", ".join(f'"{name}"' for name in gone)
    kept = duckdb.sql(f"select * exclude ({names}) from read_parquet('{path}', hive_partitioning = false)")
    # As text: Python has no type for some of these.
    return kept.columns, [*map(str, kept.types)], duckdb.sql("select columns(*)::varchar from kept").fetchall()


def decoded(path, encoding):
    # By its extension.
    with pa.input_stream(path) as file:
        return file.read().decode(encoding)


FIELD = '("(?:[^"]|"")*"|[^{0}\r\n]*)({0}|\r\n|\r|\n|$)'


def records(text, delimiter):
    """The fields of each record as they are written, and the line break behind it; blank lines are none."""
    found, fields, at = [], [], 0
    pattern = re.compile(FIELD.format(re.escape(delimiter)))
    while at < len(text):
        field, end = pattern.match(text, at).groups()
        at += len(field) + len(end)
        fields.append(field)
        if end != delimiter:
            if fields != [""]:
                found.append((fields, end))
            fields = []
    return found


def text(data, out, case, sent, own):
    """Fields as they are written, quotes too; line breaks, byte order mark, first line; and as csv reads them."""
    was = decoded(data, case.encoding.removesuffix("-sig"))
    # Text in UTF-16 becomes UTF-8.
    came = decoded(out, "utf-8" if case.encoding == "utf-16" else case.encoding.removesuffix("-sig"))
    delimiter = case.delimiter
    for mark in ("\ufeff", "sep=;\r\n"):
        same(was.startswith(mark), came.startswith(mark), f"{mark!r} at the start")
        if was.startswith(mark):
            was, came = was.removeprefix(mark), came.removeprefix(mark)
            delimiter = ";" if mark.startswith("sep") else delimiter
    before, after = records(was, delimiter), records(came, delimiter)
    header = [unquoted(name) for name in before[0][0]]
    sent = [int(name[1:]) - 1 if name.startswith("#") else header.index(name) for name in sent]
    same(own, after[0][0][:len(own)], "own columns")
    same(len(before), len(after), "number of records")
    for row, ((fields, _), (found, end)) in enumerate(zip(before, after, strict=True)):
        kept = [field for at, field in enumerate(fields) if at not in sent]
        same(kept, found[len(own):], f"fields of record {row}")
        same(before[0][1], end, f"line break of record {row}")
    one, other = ([row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
                  for text in (was, came))
    kept = [[field for at, field in enumerate(row) if at not in sent] for row in one]
    same(kept, [row[len(own):] for row in other], "rows, as Python's csv reads them")
    return ([[row[at] for row in one[1:]] for at in sent],
            [[row[at] for row in other[1:]] for at in range(len(own))])


def unquoted(field):
    return field[1:-1].replace('""', '"') if field.startswith('"') else field
