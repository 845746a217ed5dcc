"""CSV as pandas, polars, DuckDB, pyarrow and Python write it, and the bytes that Excel in French and SAS write."""

import csv
import warnings

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.csv
from case import Case
from people import TEXTS, cells

# Texts that Windows-1252 has a place for are all of them; those without quotes or line breaks are for writers that quote
# nothing.
PLAIN = ["été à Nœux", "ordinary", "=1+1", "007", "NA", "Ÿ€œ", ""]


def columns(nirs, texts=TEXTS):
    rows = range(len(nirs))
    return {
        "row": list(rows),
        "nir": nirs,
        "text": [texts[row % len(texts)] for row in rows],
        "amount": [row / 8 for row in rows],
        "dépense": ["1 234,50"[: 3 + row % 6] for row in rows],
        "day": [f"{1 + row % 28:02}/03/2024" for row in rows],
        "never": [None for _ in rows],
    }


def pandas_cases(place, rows):
    ways = {
        "default.csv": {},
        "all.csv.gz": {"quoting": csv.QUOTE_ALL},
        "strings.csv.zst": {"quoting": csv.QUOTE_NONNUMERIC, "lineterminator": "\r\n"},
        "index.csv": {"index": True, "index_label": "key"},
        "na.csv": {"na_rep": "NA"},
        "bom.csv": {"encoding": "utf-8-sig", "sep": ";", "decimal": ","},
        "tabs.tsv": {"sep": "\t"},
        "tabs.txt.gz": {"sep": "\t", "lineterminator": "\r\n"},
        "bars.csv": {"sep": "|"},
        "utf-16.csv": {"encoding": "utf-16"},
        "windows.csv.gz": {"encoding": "windows-1252", "sep": ";"},
        "latin-9.csv": {"encoding": "iso-8859-15", "sep": ";"},
        # Not of RFC 4180: a backslash before a quote, or before a comma.
        "backslash.csv": {"doublequote": False, "escapechar": "\\"},
        "unquoted.csv": {"quoting": csv.QUOTE_NONE, "escapechar": "\\"},
        "apostrophes.csv": {"quotechar": "'"},
    }
    refused = {"backslash.csv": "text-after-quote", "unquoted.csv": "ragged-row", "apostrophes.csv": "ragged-row"}
    for number, (way, options) in enumerate(ways.items()):
        name = f"pandas-{way}"
        data = pandas.DataFrame(columns(cells(rows, 100 + number)))
        # pandas itself needs another package for Zstandard.
        if name.endswith(".zst"):
            with pa.output_stream(place / name) as out:
                data.to_csv(out, index=False, **options)
        else:
            data.to_csv(place / name, **{"index": False, **options})
        missing = (options["na_rep"],) if "na_rep" in options else ()
        encoding = options.get("encoding", "utf-8")
        yield Case(name, delimiter=options.get("sep", ","), missing=missing, encoding=encoding,
                   refused=refused.get(way, ""), renewed=way in ("windows.csv.gz", "strings.csv.zst"))
    # Identifiers that were numbers with an empty cell among them end with .0 from here on.
    numbers = [None if nir is None else float(nir) for nir in cells(rows, 120, numbers=True)]
    pandas.DataFrame(columns(numbers)).to_csv(place / "pandas-numbers.csv", index=False)
    yield Case("pandas-numbers.csv", options=("--numbers",))
    two = columns(cells(rows, 121)) | {"payer": cells(rows, 122)}
    pandas.DataFrame(two).to_csv(place / "pandas-two.csv.gz", index=False)
    yield Case("pandas-two.csv.gz", columns=("nir", "payer"), renewed=True)


def polars_cases(place, rows):
    ways = {
        "necessary.csv": {},
        "always.csv.gz": {"quote_style": "always", "compression": "gzip"},
        "always.csv.zst": {"quote_style": "always", "compression": "zstd"},
        "numbers.tsv": {"quote_style": "non_numeric", "separator": "\t", "line_terminator": "\r\n"},
        "never.csv": {"quote_style": "never"},
        "bom.csv": {"include_bom": True, "separator": ";", "decimal_comma": True, "null_value": "NULL"},
    }
    for number, (way, options) in enumerate(ways.items()):
        texts = PLAIN if way == "never.csv" else TEXTS
        name, frame = f"polars-{way}", polars.DataFrame(columns(cells(rows, 130 + number), texts))
        frame = frame.with_columns(polars.col("dépense").str.replace(",", ".")) if way == "never.csv" else frame
        frame.write_csv(place / name, **options)
        missing = ("NULL",) if "null_value" in options else ()
        yield Case(name, delimiter=options.get("separator", ","), missing=missing,
                   encoding="utf-8-sig" if "include_bom" in options else "utf-8")


def duckdb_cases(place, rows):
    ways = {
        "default.csv": "",
        "forced.csv.gz": ", force_quote *, compression gzip",
        "zstd.csv.zst": ", compression zstd",
        "tabs.tsv": ", delimiter '\t', nullstr 'NA'",
        "semicolon.csv": ", delimiter ';'",
        "escape.csv": ", escape '\\'",
    }
    database = duckdb.connect()
    for number, (way, options) in enumerate(ways.items()):
        database.register("t", pa.table(columns(cells(rows, 140 + number))))
        name = f"duckdb-{way}"
        database.execute(f"copy t to '{place / name}' (header{options})")
        yield Case(name, delimiter=";" if way.startswith("semi") else "\t" if way.endswith("tsv") else ",",
                   missing=("NA",) if "NA" in options else (), refused="text-after-quote" if "escape" in options else "")
    database.register("t", pa.table(columns(cells(rows, 146))))
    database.execute(f"""copy (select *, 2023 + row % 3 as year from t) to '{place / "duckdb-csv"}'
                     (format csv, header, partition_by (year))""")
    yield Case("duckdb-csv", renewed=True)


def pyarrow_cases(place, rows):
    for number, (style, name) in enumerate(
            {"needed": "needed.csv", "all_valid": "all.csv.gz", "none": "none.csv"}.items()):
        data = pa.table(columns(cells(rows, 150 + number), PLAIN if style == "none" else TEXTS))
        data = data.drop("dépense" if style == "none" else [])
        with pa.output_stream(place / f"pyarrow-{name}") as out:
            pa.csv.write_csv(data, out, pa.csv.WriteOptions(quoting_style=style))
        yield Case(f"pyarrow-{name}")


def python_cases(place, rows):
    for number, (dialect, name) in enumerate({"excel": "excel.csv", "excel-tab": "tab.txt", "unix": "unix.csv"}.items()):
        made = columns(cells(rows, 160 + number))
        with open(place / f"python-{name}", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, dialect)
            writer.writerow(made)
            writer.writerows(zip(*made.values(), strict=True))
        yield Case(f"python-{name}", delimiter="\t" if dialect == "excel-tab" else ",")


def excel(nirs, formula=b'"=""%s"""'):
    """What Excel in French writes as « CSV (séparateur : point-virgule) »: the page of Windows, CR LF, decimal commas,
    quotes only where they are needed; the identifiers were kept as texts by a formula."""
    lines = [b"N\xb0 S\xe9cu;Nom de l'\xe9tablissement;Montant;Date;Note;Taux"]
    rests = [b"\xc9cole \xab Jean Moulin \xbb;1234,56;31/12/2024;;12,5%",
             b"\"Lyc\xe9e; annexe\";-0,5;01/01/2024;\"dit \"\"le vieux\"\"\";0,00%",
             b"\"deux\nlignes\";1,23E+15;29/02/2024;#N/A;#DIV/0!",
             b"\x8cuvre \x80;\"1 234,00 \x80\";;VRAI;"]
    for row, nir in enumerate(nirs):
        cell = b"" if nir is None else formula % nir.encode()
        lines.append(cell + b";" + rests[row % len(rests)])
    return b"".join(line + b"\r\n" for line in lines)


def sas(nirs):
    """What PROC EXPORT of SAS writes with DBMS=CSV: quotes only where they are needed, a point or nothing where a number
    is missing, dates and amounts as they are formatted, 15 digits with BEST16."""
    lines = [b"row,NIR,nom_etab,montant,date_debut,heure,cat"]
    rests = [b'"Coll\xc3\xa8ge ""La Source"", annexe",1234.56,12MAR2024,12MAR2024:08:30:00,A',
             b".,.,.,.,",
             b'"$1,234.50",-0.5,01/02/2024,0:00,"B,C"',
             b" en marge ,1.23E15,,,\xc3\xa9"]
    for row, nir in enumerate(nirs):
        lines.append(b"%d,%s,%s" % (row, b"" if nir is None else nir.encode(), rests[row % len(rests)]))
    return b"".join(line + b"\r\n" for line in lines)


def fixed_cases(place, rows):
    nirs = cells(rows, 170, numbers=True)
    (place / "excel-fr.csv").write_bytes(excel(nirs))
    yield Case("excel-fr.csv", columns=("N° Sécu",), delimiter=";", encoding="windows-1252",
               options=("--numbers",), renewed=True)
    (place / "excel-number.csv").write_bytes(excel(nirs))
    yield Case("excel-number.csv", columns=("#1",), delimiter=";", encoding="windows-1252", options=("--numbers",))
    (place / "excel-sep.csv").write_bytes(b"sep=;\r\n" + excel(nirs))
    yield Case("excel-sep.csv", columns=("#1",), encoding="windows-1252", options=("--numbers",))
    (place / "excel-no-encoding.csv").write_bytes(excel(nirs))
    yield Case("excel-no-encoding.csv", columns=("N° Sécu",), delimiter=";", refused="missing-column")
    (place / "excel-no-numbers.csv").write_bytes(excel(nirs))
    yield Case("excel-no-numbers.csv", columns=("#1",), delimiter=";", encoding="windows-1252", refused="wrong-column")
    short = [nir and f"{nir[0]},{nir[1:3]}E+14" for nir in nirs]
    (place / "excel-scientific.csv").write_bytes(excel(short, b"%s"))
    yield Case("excel-scientific.csv", columns=("#1",), delimiter=";", encoding="windows-1252",
               options=("--numbers",), refused="wrong-column")
    (place / "sas.csv").write_bytes(sas(cells(rows, 171)))
    yield Case("sas.csv", columns=("NIR",), renewed=True)
    (place / "sas-best.csv").write_bytes(sas([nir and f"   {nir}" for nir in cells(rows, 172, numbers=True)]))
    yield Case("sas-best.csv", columns=("NIR",))


def cases(place, rows):
    warnings.filterwarnings("ignore")
    for writer in (pandas_cases, polars_cases, duckdb_cases, pyarrow_cases, python_cases, fixed_cases):
        yield from writer(place, rows)
