"""Looks at results: that nothing was measured which was not done. Prints one JSON object.

    check.py people DATA                    the identifiers of a sample: the first people of the data
    check.py peer MAC REQUEST RESULT        rows, and the digests of a sample computed again with hashlib
    check.py ours SAMPLE REQUEST RESULT     rows, indexes, and what became of the values that SAMPLE lists (JSON)
    check.py attached CODES DATA ATTACHED   rows, and that people whose codes CODES gives kept what was theirs (JSON)"""

import base64
import hashlib
import hmac
import json
import sys

import polars as pl
from peers import KEY

# People looked at, and the characters of a code.
SAMPLE, CODE = 1000, 52


def scan(path):
    """The rows of a file, every column of CSV as text."""
    if path.endswith(".csv"):
        return pl.scan_csv(path, infer_schema=False)
    return pl.scan_parquet(path)


def rows(path):
    return scan(path).select(pl.len()).collect(engine="streaming").item()


def require(holds, what):
    if not holds:
        sys.exit(what)


def digest(mac, identifier):
    if mac == "hash":
        return hashlib.sha256((KEY + identifier).encode()).hexdigest()
    return hmac.digest(KEY.encode(), identifier.encode(), "sha256").hex()


def text(code):
    return code.hex() if isinstance(code, bytes) else code


def same_order(request, result):
    """Whether both files have the same indexes in the same order."""
    pair = [scan(request).select("index"), scan(result).select(other="index")]
    differing = pl.concat(pair, how="horizontal").filter(pl.col("index").ne_missing(pl.col("other")))
    return differing.select(pl.len()).collect(engine="streaming").item() == 0


def peer(mac, request, result):
    count = rows(request)
    require(rows(result) == count, f"the peer wrote {rows(result)} rows of {count}")
    sample = scan(request).gather_every(max(1, count // SAMPLE)).collect(engine="streaming")
    found = scan(result).filter(pl.col("index").is_in(sample["index"].to_list())).collect(engine="streaming")
    codes = dict(found.select("index", "code").iter_rows())
    require(len(codes) == sample.height, "the peer lost an index")
    for index, identifier in sample.iter_rows():
        require(text(codes[index]) == digest(mac, identifier), "a peer's digest is not that of hashlib")
    return {"rows": count, "ordered": same_order(request, result)}


def ours(sample, request, result):
    """The codes that were given for identifiers, or for former codes, without what stands before their last dot."""
    count = rows(request)
    require(rows(result) == count, f"the result has {rows(result)} rows of {count}")
    require(same_order(request, result), "the result has other indexes than the request, or another order")
    with open(sample) as file:
        wanted = json.load(file)
    columns = scan(request).collect_schema()
    sent = pl.col("sent")
    if "identifier" in columns:
        chosen = sent.is_in(wanted)
    elif columns["code"] == pl.String:
        chosen = sent.str.slice(-CODE).is_in(wanted)
    else:
        chosen = sent.is_in([base64.b32decode(code.upper() + "====") for code in wanted])
    value = "identifier" if "identifier" in columns else "code"
    pair = [scan(request).select(sent=value), scan(result).select("code")]
    pair = pl.concat(pair, how="horizontal").filter(chosen).collect(engine="streaming")
    codes = {}
    for former, code in pair.iter_rows():
        require(code is not None, "a row has no code")
        former, code = plain(former), plain(code)
        require(codes.setdefault(former, code) == code, "one value has two codes")
    require(len(codes) == len(set(wanted)), "values of the sample are missing")
    require(len(set(codes.values())) == len(codes), "two values have one code")
    return {"rows": count, "codes": codes}


def attached(codes, data, out):
    """Whether each code of the sample stands beside the same values as its identifier did."""
    with open(codes) as file:
        codes = json.load(file)
    before = scan(data).filter(pl.col("nir").is_in(list(codes))).collect(engine="streaming")
    after = scan(out).filter(pl.col("code").str.slice(-CODE).is_in(list(codes.values())))
    after = after.select("code", pl.exclude("code", "quality")).collect(engine="streaming")
    require(before.columns[1:] == after.columns[1:], "the attached file has other columns than the data")
    expected = sorted((codes[nir], *rest) for nir, *rest in before.iter_rows())
    found = sorted((plain(code), *rest) for code, *rest in after.iter_rows())
    require(expected == found, "a code stands beside what is not its own")
    return {"rows": rows(out)}


def plain(value):
    """The 52 characters of a code (SPEC §5.2) from its text or its 32 bytes; an identifier as it is."""
    if isinstance(value, bytes):
        return base64.b32encode(value).decode().lower().rstrip("=")
    return value.rsplit(".", 1)[-1]


def people(data):
    return {"people": scan(data).head(SAMPLE).collect()["nir"].to_list()}


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    print(json.dumps({"people": people, "peer": peer, "ours": ours, "attached": attached}[kind](*rest)))
