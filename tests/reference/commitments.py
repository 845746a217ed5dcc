"""The commitments of requests and results (SPEC section 6), with the manifest and the signed report that open
them. CSV only: the standard library does not read Parquet."""
import csv, hmac, pathlib, re, struct

import forms
from identifiers import parse, read_text, tag
from ledger import read_card
from record import SUITE, is_signed, open_note, read_canonical, read_json, sha256
from refusal import Refused

CHUNK = 4032
CAP = 65536
COLUMNS = {
    "code": (["identifier"], ["code", "quality"]),
    "renew": (["code"], ["code"]),
    "look-up": (["nom", "nom_usage", "prenoms", "sexe", "date_naissance", "code_lieu", "libelle_lieu", "pays"], ["code", "quality", "score"])}
USE = forms.one_of(*COLUMNS)
ANY = forms.ANY
MANIFEST = {"format": 2, "suite": SUITE, "service": forms.service, "domain": forms.name, "use": USE, "rows": forms.whole(),
            "values": forms.whole(), "distinct": forms.whole(), "commitment": forms.digits(32), "key": forms.digits(32),
            "scheme": forms.Maybe(forms.one_of("fr-nir", "fi-hetu")), "generation": forms.Maybe(forms.number),
            "identifier": forms.Maybe(forms.boolean), "previous": [forms.delivery], "accepted": forms.Maybe(ANY)}
REPORT = forms.signed({
    "format": 2, "tool": ANY, "spec": "1", "suite": SUITE, "service": forms.service, "domain": forms.name, "generation": forms.number,
    "use": USE, "check": forms.digits(32), "delivery": forms.delivery, "request": forms.digits(32),
    "result": {"commitment": forms.digits(32), "key": forms.digits(32)}, "recipient": forms.nullable(forms.digits(32)),
    "sender": forms.Maybe(forms.digits(32)), "minimum_batch": forms.Maybe(forms.number),
    "rows_in": forms.whole(), "rows_out": forms.whole(), "coded": forms.whole(), "rechecked": forms.Maybe(forms.whole()), "quality": ANY,
    "scheme": forms.Maybe(forms.one_of("fr-nir", "fi-hetu")), "look_up": forms.Maybe(forms.look_up), "scores": forms.Maybe(ANY),
    "overdue_since": forms.Maybe(forms.day), "left_out": forms.Maybe([forms.number]), "accepted": forms.Maybe(ANY), "destroyed": ANY, "begin": forms.moment, "end": forms.moment,
    "checkpoint": forms.TEXT})


def long(value):
    return struct.pack(">I", len(value)) + value


def texts(*values):
    return b"".join(long(value.encode()) for value in values)


class Commit:
    """One of the two commitments: its head, then the rows in chunks, then how many there are."""

    def __init__(self, key, head, columns):
        self.mac = hmac.new(key, head + struct.pack(">I", len(columns)) + texts(*columns), "sha256")
        self.pending, self.rows = b"", 0

    def row(self, index, values):
        row = index
        for value in values:
            row += b"\xff\xff\xff\xff" if value is None else long(value.encode())
        self.pending, self.rows = self.pending + row, self.rows + 1
        while len(self.pending) >= CHUNK:
            self.mac.update(sha256(self.pending[:CHUNK]))
            self.pending = self.pending[CHUNK:]

    def finish(self):
        if self.pending:
            self.mac.update(sha256(self.pending))
        self.mac.update(struct.pack(">Q", self.rows))
        return self.mac.hexdigest()


def request_head(about):
    generation = about["generation"] if about["use"] == "renew" else 0
    return (b"CStatNS/commitment/3\n" + texts(SUITE, about["service"], about["domain"], about["use"], about.get("scheme", ""))
            + struct.pack(">I", generation))


def result_head(about):
    return (b"CStatNS/result/1\n" + texts(SUITE, about["service"], about["domain"], about["use"]) + struct.pack(">I", about["generation"])
            + bytes.fromhex(about["delivery"]["run"]) + struct.pack(">I", about["delivery"]["part"]) + bytes.fromhex(about["request"]))


def rows(path, columns):
    """(index, values) of each row of a CSV file with exactly these columns, ascending by index; None for an empty cell."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            if next(lines, None) != ["index", *columns]:
                raise Refused("columns")
            before = b""
            for line in lines:
                if not line:
                    continue
                if len(line) != len(columns) + 1 or not re.fullmatch("[0-9a-f]{32}", line[0]):
                    raise Refused("row")
                index = bytes.fromhex(line[0])
                if index <= before:
                    raise Refused("index-order")
                before = index
                yield index, [value or None for value in line[1:]]
        except csv.Error:
            raise Refused("csv") from None


def distinct_value(about, values):
    """What of a row is counted: of an identifier its canonical form, of civil status the row."""
    use = about["use"]
    if use == "code":
        canonical, _, compact = parse(values[0].encode(), about["scheme"])
        if compact != values[0]:
            raise Refused("not-compact")
        return canonical
    return tuple(values) if use == "look-up" else values[0]


def request(path):
    """Recomputes commitment and counts of a request from the file and its manifest."""
    manifest = read_json(pathlib.Path(f"{path}.manifest.json").read_bytes())
    forms.check(MANIFEST, manifest)
    use = manifest["use"]
    if (use == "renew") != ("generation" in manifest) or (use == "renew") == ("scheme" in manifest) or (use == "look-up") != ("identifier" in manifest):
        raise Refused("manifest")
    columns = COLUMNS[use][0] + (["identifier"] if manifest.get("identifier") else [])
    commit, values, seen = Commit(bytes.fromhex(manifest["key"]), request_head(manifest), columns), 0, set()
    for index, cells in rows(path, columns):
        commit.row(index, cells)
        if any(cells):
            values += 1
            if use == "renew":
                _, of, generation = read_text(cells[0])
                if of != tag(manifest["service"], manifest["domain"]):
                    raise Refused("other-tag")
                if generation != manifest["generation"]:
                    raise Refused("other-generation")
            seen.add(distinct_value(manifest, cells))
    counts = {"rows": commit.rows, "values": values, "distinct": min(len(seen), CAP)}
    if any(manifest[name] != count for name, count in counts.items()):
        raise Refused("counts", **counts)
    found = commit.finish()
    if found != manifest["commitment"]:
        raise Refused("request-changed", commitment=found)
    return {"commitment": found, **counts}


def result(path, card):
    """Verifies a result's report under the service's card, and recomputes its commitment from the file."""
    card, report = read_card(card), read_json(pathlib.Path(f"{path}.report.json").read_bytes())
    forms.check(REPORT, report)
    body = report["body"]
    if body["service"] != card["body"]["id"] or not is_signed("CStatNS/report/", report, card["body"]["signing"]):
        raise Refused("report-signature")
    try:
        head = open_note(body["checkpoint"].encode(), card)
    except Refused:
        raise Refused("report-checkpoint") from None
    columns = COLUMNS[body["use"]][1]
    commit, coded, quality = Commit(bytes.fromhex(body["result"]["key"]), result_head(body), columns), 0, {}
    for index, cells in rows(path, columns):
        commit.row(index, cells)
        coded += cells[0] is not None
        if cells[0] is not None and read_text(cells[0])[2] != body["generation"]:
            raise Refused("other-generation")
        for word in cells[1:2]:
            quality[word] = quality.get(word, 0) + 1
    found = commit.finish()
    if found != body["result"]["commitment"]:
        raise Refused("result-changed", commitment=found)
    if (commit.rows, coded) != (body["rows_out"], body["coded"]):
        raise Refused("counts")
    return {"commitment": found, "rows": commit.rows, "coded": coded, "quality": quality, "delivery": body["delivery"], "head": head}
