"""The closed sets of fields of SPEC sections 8, 9 and 11: what a line, a statement and a file may hold."""
import datetime, re

from record import LARGEST, SUITE, seconds
from refusal import Refused


class Maybe:
    """A field that may be absent."""

    def __init__(self, form):
        self.form = form


def check(form, value):
    """Refuses a value that has not this form."""
    if isinstance(form, dict):
        if not isinstance(value, dict) or not value.keys() <= form.keys():
            raise Refused("form")
        for name, inner in form.items():
            if name in value:
                check(inner.form if isinstance(inner, Maybe) else inner, value[name])
            elif not isinstance(inner, Maybe):
                raise Refused("form")
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise Refused("form")
        for item in value:
            check(form[0], item)
    elif callable(form):
        if not form(value):
            raise Refused("form")
    elif value != form or type(value) is not type(form):
        raise Refused("form")


def text(pattern):
    compiled = re.compile(pattern, re.A)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def digits(count):
    """Bytes in hex."""
    return text(f"[0-9a-f]{{{2 * count}}}")


def whole(least=0, most=LARGEST):
    return lambda value: type(value) is int and least <= value <= most


def one_of(*words):
    return lambda value: isinstance(value, str) and value in words


def nullable(form):
    return lambda value: value is None or fits(form, value)


def chosen(by, **forms):
    """A form that a word in the value chooses."""
    def fit(value):
        word = value.get(by) if isinstance(value, dict) else None
        form = forms.get(word.replace("-", "_")) if isinstance(word, str) and "_" not in word else None
        return form is not None and fits({by: word, **form}, value)
    return fit


def fits(form, value):
    try:
        check(form, value)
        return True
    except Refused:
        return False


def moment(value):
    try:
        return isinstance(value, str) and seconds(value) is not None
    except Refused:
        return False


def day(value):
    try:
        return isinstance(value, str) and datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


boolean = lambda value: isinstance(value, bool)
name = text("[a-z][a-z0-9-]{0,31}")
service = text(r"[a-z][a-z0-9-]{0,31}\.[a-z2-7]{26}")
number = whole(1, 2**32 - 1)  # of a generation or an epoch
run = digits(16)
delivery = {"run": run, "part": whole(1, 64)}


ANY = lambda value: True
TEXT = lambda value: isinstance(value, str)


def signed(body):
    return {"body": body, "signature": digits(64)}


# Section 8

card = signed({"format": 2, "name": name, "external": boolean, "protected": boolean, "signing": digits(32), "receiving": digits(1216)})
party_card = signed({"format": 2, "name": name, "protected": boolean, "signing": digits(32), "receiving": digits(1216)})
service_card = signed({"format": 2, "id": service, "signing": digits(32)})
threshold = {"k": whole(2, 255), "n": whole(2, 255)}
dealing = {"epoch": number, "threshold": threshold, "demo": boolean, "service": service_card,
           "roster": [{"card": card, "commitment": digits(32)}], "root_check": digits(32), "receiving": digits(1216)}
head = {"size": whole(), "root": digits(32)}
cosignature = {"head": head, "time": moment, "signature": digits(64)}
statement = {"format": 2, "suite": SUITE, "service": service, "by": name, "card": digits(32), "count": whole(), "cosignature": cosignature}
receipt = signed({**statement, "statement": chosen(
    "kind", share_held={"epoch": number, "dealing": digits(32)}, share_forgotten={"epoch": number}, checkpoint_seen={},
    service_key={"key": digits(32), "replaces": digits(32)}, party_ended={"party": digits(32)}, file_destroyed={"delivery": delivery})})
about = chosen("kind", key={"domain": name, "generation": number}, custody={"epoch": number})
doubt = signed({**statement, "about": about})
consent = signed({**statement, "epoch": number, "question": digits(32), "share": digits(32)})

stated = chosen("kind", receipt={"receipt": receipt}, doubt={"doubt": doubt}, consent=dict.fromkeys(
    ("consent", "run", "action", "line", "proposal", "intent"), ANY) | {"proof": Maybe(ANY)})
evidence = signed({"format": 2, "suite": SUITE, "service": service_card, "card": card, "count": whole(),
                   "checkpoint": TEXT, "statements": [stated]})

# Section 6

received = signed({
    "format": 2, "suite": SUITE, "service": service, "domain": name, "generation": number, "delivery": delivery, "request": digits(32),
    "result": digits(32), "rows": whole(), "received": moment, "destroyed": whole(), "by": Maybe(digits(32)), "checkpoint": Maybe(TEXT)})

# Section 21

compared = {"tag": text("[a-z2-7]{4}"), "generations": [number], "rows": whole(), "coded": whole(), "distinct": whole(), "chi_squared": whole(),
            "reported": Maybe({"delivery": delivery, "request": digits(32), "rows": whole()})}
checks = ("domain", "generations", "rows", "distinct", "multiplicities", "disjoint", "uniform")
comparison = signed({
    "format": 2, "suite": SUITE, "service": Maybe(service), "domain": Maybe(name), "old": compared, "new": compared, "common": whole(),
    "checks": dict.fromkeys(checks, boolean), "made": moment, "by": party_card})

# Section 9

sent = {"key": digits(16), "sender": digits(32), "for": Maybe(digits(32)), "signature": digits(64)}
held = {"commitment": digits(32), "rows": whole(), "values": whole(), "distinct": whole(), "engine": Maybe("other")}
counts = {**held, "sent": Maybe(sent)}
sends = {name: form for name, form in sent.items() if name != "signature"}
declaration = signed({
    "format": 2, "suite": SUITE, "service": service, "domain": name, "use": one_of("code", "look-up", "renew"),
    "scheme": Maybe(one_of("fr-nir", "fi-hetu")), "generation": Maybe(number), **held, **sends})
kind = chosen("kind", statistics={"cryptoperiod_years": whole()}, research={"ends": day})
look_up = {"register": digits(16), "commitment": digits(32), "accept": one_of("found", "rectified", "usage-name"), "min_score": whole(0, 10000)}
key = {"domain": name, "generation": number}
coding = {"domain": name, "generation": number, "purpose": name, "inputs": [counts], "recipient": nullable(digits(32)), "keep_request": boolean}
action = chosen(
    "verb",
    open={"domain": name, "kind": kind, "minimum_batch": whole(0, 2**32 - 1), "authorisation": Maybe(name)},
    extend={"domain": name, "ends": day},
    code={**coding, "scheme": one_of("fr-nir", "fi-hetu"), "look_up": Maybe(look_up)},
    new_key={"domain": name, "generation": number, "reason": one_of("scheduled", "doubt")},
    renew={**coding, "from": number, "of": nullable([delivery])},
    close={"domain": name},
    examined={"domain": nullable(name), "doubts": [digits(32)]},
    party={"card": party_card, "role": one_of("controller", "holder", "linking", "researcher", "register"), "domains": [name]},
    deal={"epoch": number, "threshold": threshold, "cards": [card], "left_behind": [key]},
    abandon={"epoch": number})
question = {"format": 2, "suite": SUITE, "service": service, "epoch": number, "action": action, "expires": moment, "run": run, "run_key": digits(32)}

# Section 11

STEPS = ("founding", "loss", "doubt", "renewal", "recovery", "expiry", "audit")
result = {**delivery, "rows": whole(), "result": digits(32), "rechecked": Maybe(whole())}
made = {"run": run, "check": digits(32)}
what = chosen("kind", request=delivery, result=delivery, keys={"domain": name}, request_key={"key": digits(16)}, seals={"epoch": number})
sealed = [{**key, "check": digits(32), "seal": digits(32)}]
sealed_requests = [{"key": digits(16), "seal": digits(32)}]


def some(form):
    """A list that is left out where it is empty."""
    return Maybe(lambda value: value != [] and fits(form, value))


event = chosen(
    "type", dealt={"dealing": dealing, "keys": some(sealed), "request_keys": some(sealed_requests)},
    registered={"run": run}, request_key_ended={"key": digits(16)}, request_key_issued={
        "key": digits(16), "party": digits(32), "domain": name, "public": digits(32), "expires": moment, "places": whole(0, 2**32 - 1)},
    abandoned={"run": run}, received={"receipt": receipt}, proposed={"question": question},
    epoch_working={"epoch": number, "keys": [{**key, "check": digits(32)}]},
    intent={"run": run, "consents": [consent], "keys": [key]},
    cosigned={"run": run, "witnesses": [{"by": name, "cosignature": cosignature}]},
    unopened={"run": run, "shares": [name]},
    lapsed={"run": run, "why": one_of("expired", "stopped", "withdrawn"), "consents": [consent]},
    opened=made, key_made=made, extended={"run": run}, closed={"run": run}, examined={"run": run}, delivered={**delivery, "receipt": Maybe(received)},
    coded=result, renewed=result,
    failed={"run": run, "code": name}, refused={"verb": name, "code": name},
    doubted={"doubt": doubt}, destroyed={"what": what, "how": one_of("overwritten", "absent", "lost")},
    expiry_checked={}, ended={"domain": name}, recovered={"home": nullable(head)},
    resumed={"witnesses": [{"by": name, "cosignature": cosignature}]}, key_lost={"domain": name, "generation": number},
    rekeyed={"card": service_card, "statements": [receipt]},
    rehearsed={"steps": [one_of(*STEPS)]})
line = {"format": 2, "service": service, "sequence": whole(1), "previous": digits(32), "time": moment, "clock": moment, "event": event}
