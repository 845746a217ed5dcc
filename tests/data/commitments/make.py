#!/usr/bin/env python3
"""Makes the requests and results of this folder anew, after a format changed before it was released.

    python3 tests/data/commitments/make.py PROGRAM

Two requests that are coded in one run, a renewal of the first, a look-up; each as CSV, a request with its manifest, a result
with its report, and the card of the service. The people are invented: those of `code.csv` and of `people`, below.
"""
import csv, pathlib, shutil, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ["ana", "ben", "chloe"]
PEOPLE = [  # department and commune, sex, year and month of the number follow from the rest
    ("MARTIN", "JEAN PAUL", "1", "1975-03-14", "75056"), ("O'BRIEN-LÉGER", "ANNE", "2", "1960-01-30", "13055"),
    ("BERNARD", "LUC", "1", "1955-12-24", "33063"), ("NGUYEN", "LINH", "2", "1988-05-05", "75113"),
    ("DUPONT", "MARIE", "2", "1982-11-02", "69123"), ("LE GOFF", "YANN", "1", "1990-07-21", "29019")]
FIELDS = ["nom", "prenoms", "sexe", "date_naissance", "code_lieu"]


def write(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def main(program):
    program = pathlib.Path(program).resolve()
    identifiers = [row["identifier"] for row in csv.DictReader(open(HERE / "code.csv", encoding="utf-8"))]
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)

        def run(command, said=None):
            subprocess.run([program, *command.split()], cwd=place, input=said, text=True, check=True, stdout=subprocess.DEVNULL)

        def quorum(command):
            run(f"{command} --kit ana --kit chloe")

        def keep(*files):
            for file in files:
                shutil.copy(place / file, HERE / file)

        def prepare(source, request, how):
            run(f"controller prepare {source} {how} --service home/card.json --domain population --request {request} "
                f"--retained kept-{request}")
            keep(request, f"{request}.manifest.json")

        for name in NAMES:
            run(f"custodian new {name} --name {name} --no-passphrase")
        cards = " ".join(f"--custodian {name}/card.json" for name in NAMES)
        run(f"service init home --name office --threshold 2 --shares shares --demo {cards}")
        for name in NAMES:
            run(f"custodian accept {name} shares/{name}.1.share --ledger home/ledger.jsonl", "yes\n")
        run("service receipt home " + " ".join(f"{name}/receipt-1-held.json" for name in NAMES))
        quorum("service open home population --kind statistics --minimum-batch 2")

        write(place / "first.csv", ["nir", "row"], ([text, row] for row, text in enumerate(identifiers)))
        write(place / "second.csv", ["nir", "row"], ([text, row] for row, text in enumerate(identifiers[::4])))
        prepare("first.csv", "code.csv", "--identifier-column nir")
        prepare("second.csv", "code-2.csv", "--identifier-column nir")
        quorum("service code home population --request code.csv code-2.csv --result coded.csv coded-2.csv --purpose wages")
        keep("coded.csv", "coded.csv.report.json", "coded-2.csv", "coded-2.csv.report.json")

        run("controller attach --retained kept-code.csv --result coded.csv --out old.csv")
        quorum("service new-key home population --reason scheduled")
        prepare("old.csv", "renew.csv", "--code-column code")
        quorum("service renew home population --request renew.csv --result renewed.csv --purpose wages")
        keep("renewed.csv", "renewed.csv.report.json")

        numbers = [f"{sex}{born[2:4]}{born[5:7]}{at}001" for _, _, sex, born, at in PEOPLE]
        write(place / "people.csv", ["nir", *FIELDS], ([number, *person] for number, person in zip(numbers, PEOPLE)))
        run("register build register --from people.csv")
        visits = [*PEOPLE, *PEOPLE, ("NOBODY, REALLY", "X", "", "1999-02-03", ""), ("",) * 5]
        write(place / "visits.csv", [*FIELDS, "row"], ([*visit, row] for row, visit in enumerate(visits)))
        prepare("visits.csv", "look-up.csv", "--civil-status")
        quorum("service code home population --request look-up.csv --result looked-up.csv --purpose income --register register")
        keep("looked-up.csv", "looked-up.csv.report.json")
        shutil.copy(place / "home" / "card.json", HERE / "card.json")


main(*sys.argv[1:])
