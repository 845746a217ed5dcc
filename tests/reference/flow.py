"""How requests come and results go (SPEC sections 6, 9, 12 and 19): who sends a request in a parcel and declares what it holds,
who gets its result, and who signs for a delivery."""
from typing import NamedTuple

from parties import end_keys, living_keys
from record import SUITE, is_signed, open_note, seconds
from refusal import Refused


def demand(condition, word):
    if not condition:
        raise Refused(word)


class Delivery(NamedTuple):
    """What a receipt of it must repeat; to whom it goes; and what is stated of it."""
    domain: str
    generation: int
    request: str
    result: str
    rows: int
    recipient: str | None
    delivered: bool = False
    lost: bool = False
    signed: bool = False
    gone: bool = False


def party(state, card):
    """The party with this card, and its roles by domain; its roles may have been ended."""
    demand(card in state.parties, "unknown-party")
    whole, roles, ended = state.parties[card]
    demand(not ended, "party-ended")
    return whole, roles


def role(state, card, domain):
    return party(state, card)[1].get(domain)


# Requests

def declaration(service, action, counts):
    """The body of what the sender of a request signs: where it is for, what it holds, and from whom and for whom it comes."""
    if action["verb"] == "renew":
        of = {"use": "renew", "generation": action["from"]}
    else:
        of = {"use": "look-up" if "look_up" in action else "code", "scheme": action["scheme"]}
    sent = counts["sent"]
    held = {name: value for name, value in counts.items() if name != "sent"}
    from_whom = {name: value for name, value in sent.items() if name != "signature"}
    return {"format": 2, "suite": SUITE, "service": service, "domain": action["domain"], **of, **held, **from_whom}


# In research a controller, or a holder for it, has codes made, and a linking body renews them.
SENDERS = {(False, "code"): ("controller", "holder"), (False, "renew"): ("controller", "holder"),
           (True, "code"): ("controller", "holder"), (True, "renew"): ("linking",)}


def check_recipient(state, card, domain):
    gets = "linking" if state.domains[domain].research else "controller"
    demand(role(state, card, domain) == gets, "recipient-role")


def check_sent(state, action, counts, at):
    name, sent = action["domain"], counts["sent"]
    research = state.domains[name].research
    demand(sent["key"] in living_keys(state), "request-key-unknown")
    owner, domain, expires, _ = state.request_keys[sent["key"]]
    demand(at < expires, "request-key-unknown")
    demand((owner, domain) == (sent["sender"], name), "request-key-other")
    sends = role(state, sent["sender"], name)
    demand(sends in SENDERS[research, action["verb"]], "sender-role")
    behind = sent.get("for")
    if sends == "holder":
        demand(behind is not None and role(state, behind, name) == "controller", "sent-for")
    else:
        demand(behind is None, "sent-for")
    recipient = action["recipient"]
    if recipient is None:  # in clear only back to who came to the service
        demand(sends != "holder", "recipient-other")
    elif not research or action["verb"] == "renew":
        demand(recipient == (behind or sent["sender"]), "recipient-other")
    declared = {"body": declaration(state.service, action, counts), "signature": sent["signature"]}
    signing = party(state, sent["sender"])[0]["body"]["signing"]
    demand(is_signed("CStatNS/declaration/", declared, signing), "declaration-signature")


def check_flow(state, action, at):
    """Whether requests may come as they do, and their results go where they go."""
    strict = state.domains[action["domain"]].research and not state.demo
    if action["recipient"] is None:
        demand(not strict, "research-needs-party")
    else:
        check_recipient(state, action["recipient"], action["domain"])
    for counts in action["inputs"]:
        if "sent" in counts:
            check_sent(state, action, counts, at)
        else:
            demand(not strict, "request-in-clear")


def end_used_key(state, inputs, part):
    """A request key serves until the last request of the run that was encrypted to it has its result."""
    keys = [counts.get("sent", {}).get("key") for counts in inputs]
    used = keys[part - 1]
    if used is not None and used not in keys[part:]:
        end_keys(state, lambda key, issued: key == used)


# Deliveries

def made(state, event, action):
    counts = action["inputs"][event["part"] - 1]
    state.deliveries[event["run"], event["part"]] = Delivery(
        action["domain"], action["generation"], counts["commitment"], event["result"], event["rows"], action["recipient"])


def to_deliver(state, at):
    delivery = state.deliveries.get(at)
    demand(delivery is not None, "unknown-delivery")
    demand(not delivery.delivered, "already-delivered")
    demand(not delivery.lost, "delivery-lost")
    return delivery


def check_signed(state, at, receipt):
    """Whether it is a receipt of the delivery by who has it, with a checkpoint of this very ledger."""
    delivery, body = state.deliveries[at], receipt["body"]
    run, part = at
    same = (body["service"] == state.service and body["delivery"] == {"run": run, "part": part}
            and all(body[name] == getattr(delivery, name) for name in ("domain", "generation", "request", "result", "rows")))
    demand(same, "received-other")
    demand("by" in body and "checkpoint" in body, "received-unsigned")
    if delivery.recipient is None:
        check_recipient(state, body["by"], delivery.domain)
    else:
        demand(body["by"] == delivery.recipient, "received-by")
    demand(is_signed("CStatNS/received/", receipt, party(state, body["by"])[0]["body"]["signing"]), "received-by")
    try:
        head = open_note(body["checkpoint"].encode(), state.card, state.keys)
    except Refused:
        raise Refused("received-forked") from None
    demand(state.seen_before(head), "received-forked")


def delivered(state, event):
    """Stated by the operator, or signed by who has it: that may also come later, and nothing is owed then."""
    run, part = event["run"], event["part"]
    delivery = state.deliveries.get((run, part))
    is_later = delivery is not None and delivery.delivered and not delivery.signed and "receipt" in event
    if not is_later:
        delivery = to_deliver(state, (run, part))
    if "receipt" in event:
        check_signed(state, (run, part), event["receipt"])
    state.deliveries[run, part] = delivery._replace(delivered=True, signed="receipt" in event)
    if not is_later and not delivery.gone:
        state.owe(kind="result", run=run, part=part)


def result_unclaimed(state, what):
    """Nobody said that they have it, and the keys of its project are destroyed: the service's copy goes too."""
    at = what["run"], what["part"]
    delivery = state.deliveries.get(at)
    demand(delivery is not None and state.domains[delivery.domain].destroyed
           and not (delivery.delivered or delivery.lost or delivery.gone), "not-owed")
    state.deliveries[at] = delivery._replace(gone=True)


def result_lost(state, what):
    demand(not state.owed, "not-owed")
    delivery = to_deliver(state, (what["run"], what["part"]))
    state.deliveries[what["run"], what["part"]] = delivery._replace(lost=True)
