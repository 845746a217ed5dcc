"""Counts what a ledger records, from its lines alone and without the program: what an auditor's
report shows must be these figures. Prints JSON. Usage: figures.py LEDGER [FROM TO]"""

import collections
import datetime
import json
import sys


def day(text):
    return datetime.date.fromisoformat(text[:10])


def main(path, first="0001-01-01", last="9999-12-31"):
    lines = [json.loads(line) for line in open(path, encoding="utf-8")]
    asked, approved, keys, made = {}, {}, collections.defaultdict(dict), {}
    named, lost, doubts, ends, gone = set(), set(), [], {}, {}
    runs = collections.Counter()
    approvals, attempts = collections.Counter(), collections.Counter()
    years = {}
    for line in lines:
        event, number, time = line["event"], line["sequence"], line["time"]
        kind, run = event["type"], event.get("run")
        action = asked.get(run, {})
        within = first <= time[:10] <= last
        if kind == "proposed":
            question = event["question"]
            asked[question["run"]] = question["action"]
        elif kind == "intent":
            approved[run] = [consent["body"]["by"] for consent in event["consents"]]
        elif kind == "opened":
            domain = action["domain"]
            keys[domain][1] = (number, time)
            if action["kind"]["kind"] == "research":
                ends[domain] = action["kind"]["ends"]
            else:
                years[domain] = action["kind"]["cryptoperiod_years"]
        elif kind == "key-made":
            keys[action["domain"]][action["generation"]] = (number, time)
        elif kind in ("coded", "renewed"):
            delivery = (run, event["part"])
            for of in action.get("of") or []:
                named.add(of if isinstance(of, str) else (of["run"], of["part"]))
            made[delivery] = (action["domain"], action["generation"], number)
            if within:
                runs[time[:7], action["purpose"], action["domain"], kind] += 1
                runs[time[:7], action["purpose"], action["domain"], "rows"] += event["rows"]
                approvals.update(approved[run])
        elif kind == "doubted":
            doubts.append((number, time))
        elif kind in ("refused", "failed", "lapsed"):
            attempts[kind] += within
        elif kind == "destroyed" and event["what"]["kind"] == "keys":
            gone[event["what"]["domain"]] = time
        elif kind == "destroyed" and event["how"] == "lost" and event["what"]["kind"] == "result":
            lost.add((event["what"]["run"], event["what"]["part"]))

    def is_named(delivery):
        run, part = delivery
        return delivery in named or run in named or f"{run}.{part}" in named

    out = sorted(
        number
        for delivery, (domain, generation, number) in made.items()
        if generation < max(keys[domain])
        and domain not in gone
        and delivery not in lost
        and not is_named(delivery)
    )
    late = {}
    for domain, of in keys.items():
        for generation, (_, time) in of.items():
            if domain in years and generation + 1 in of:
                since = day(time)
                due = since.replace(year=since.year + years[domain])
                days = (day(of[generation + 1][1]) - due).days
                if days > 0:
                    late[f"{domain}.{generation}"] = days
    ended = {}
    for domain, last_day in ends.items():
        end = datetime.datetime.fromisoformat(last_day) + datetime.timedelta(days=1)
        if domain in gone:
            after = datetime.datetime.fromisoformat(gone[domain].rstrip("Z")) - end
            ended[domain] = after.days if after > datetime.timedelta(hours=72) else None
    return {
        "events": len(lines),
        "results": len(made),
        "renewals": sum(asked[run]["verb"] == "renew" for run, _ in made),
        "keys": {domain: len(of) for domain, of in sorted(keys.items())},
        "out": out,
        "late": late,
        "ended": ended,
        "doubts": [number for number, _ in doubts],
        "runs": {" ".join(key): count for key, count in sorted(runs.items())},
        "approvals": dict(sorted(approvals.items())),
        "attempts": {kind: attempts[kind] for kind in ("refused", "failed", "lapsed")},
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
