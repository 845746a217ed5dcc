"""A peer codes a request: `peers.py PEER MAC FORMAT REQUEST RESULT THREADS`; prints the seconds that its work took.

PEER is polars-hash, datafusion or duckdb. MAC is `hash`, SHA-256 of key and identifier one behind the other (one
compression, and no MAC: whoever knows a few codes is not kept from extending them), or `hmac`, HMAC-SHA-256. Reads
`index, identifier`, writes `index, code`; nothing is validated, and nothing is committed to. Each peer streams, and
writes the form of code that its own function gives: hexadecimal text, DataFusion in Parquet the 32 bytes."""

import json
import os
import sys
import time

# 32 characters, as long as our keys.
KEY = "an invented key of 32 characters"
BLOCK = 64


def pad(byte):
    """The key as the first block of HMAC's inner (0x36) or outer (0x5c) hash, in hexadecimal."""
    return bytes(k ^ byte for k in KEY.encode().ljust(BLOCK, b"\0")).hex()


def polars_hash(mac, form, request, result):
    import polars as pl
    import polars_hash as plh
    begun = time.perf_counter()
    if form == "csv":
        rows = pl.scan_csv(request, schema={"index": pl.String, "identifier": pl.String})
    else:
        rows = pl.scan_parquet(request)
    if mac == "hash":
        code = plh.concat_str(pl.lit(KEY), pl.col("identifier")).chash.sha2_256()
    else:
        code = plh.col("identifier").chash.hmac_sha256(key=KEY)
    rows = rows.select("index", code=code)
    if form == "csv":
        rows.sink_csv(result, engine="streaming")
    else:
        rows.sink_parquet(result, compression="uncompressed", engine="streaming")
    return begun


def datafusion(mac, form, request, result, threads):
    import pyarrow
    from datafusion import SessionConfig, SessionContext
    begun = time.perf_counter()
    context = SessionContext(SessionConfig().with_target_partitions(threads))
    if form == "csv":
        columns = pyarrow.schema([("index", pyarrow.string()), ("identifier", pyarrow.string())])
        context.register_csv("request", request, schema=columns)
    else:
        context.register_parquet("request", request)
    if mac == "hash":
        code = f"sha256(concat('{KEY}', identifier))"
    else:
        inner = f"sha256(X'{pad(0x36)}' || arrow_cast(identifier, 'Binary'))"
        code = f"sha256(X'{pad(0x5c)}' || {inner})"
    if form == "csv":
        code, options = f"encode({code}, 'hex')", "STORED AS CSV OPTIONS ('format.has_header' 'true')"
    else:
        options = ("STORED AS PARQUET OPTIONS "
                   "('format.compression' 'uncompressed', 'format.dictionary_enabled' 'false')")
    context.sql(f"COPY (SELECT index, {code} AS code FROM request) TO '{result}' {options}").collect()
    return begun


def duckdb(mac, form, request, result, threads):
    import duckdb as engine
    begun = time.perf_counter()
    connection = engine.connect(config={"threads": threads})
    if form == "csv":
        columns = "{'index': 'VARCHAR', 'identifier': 'VARCHAR'}"
        rows = f"read_csv('{request}', header = true, delim = ',', auto_detect = false, columns = {columns})"
        options = "FORMAT csv, HEADER true"
    else:
        rows, options = f"read_parquet('{request}')", "FORMAT parquet, COMPRESSION uncompressed"
    if mac == "hash":
        code = f"sha256('{KEY}' || identifier)"
    else:
        inner = f"unhex(sha256(unhex('{pad(0x36)}') || encode(identifier)))"
        code = f"sha256(unhex('{pad(0x5c)}') || {inner})"
    connection.execute(f"COPY (SELECT index, {code} AS code FROM {rows}) TO '{result}' ({options})")
    connection.close()
    return begun


def main():
    peer, mac, form, request, result, threads = sys.argv[1:]
    # Before polars is loaded: it reads this once.
    os.environ["POLARS_MAX_THREADS"] = threads
    if peer == "polars-hash":
        begun = polars_hash(mac, form, request, result)
    elif peer == "datafusion":
        begun = datafusion(mac, form, request, result, int(threads))
    else:
        begun = duckdb(mac, form, request, result, int(threads))
    print(json.dumps({"seconds": time.perf_counter() - begun}))


if __name__ == "__main__":
    main()
