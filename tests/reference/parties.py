"""Parties and request keys (SPEC sections 12 and 19). A party is (card, its roles by domain, whether they are ended); a request
key is (the party's card, domain, when it expires, whether it is ended)."""
from record import card_fingerprint, is_signed
from refusal import Refused

MOST_DOMAINS = 64
MOST_KEYS = 1024
LONGEST = 30 * 24 * 3600
SENDS = ("controller", "holder", "linking")


def demand(condition, word):
    if not condition:
        raise Refused(word)


def cards_of(state):
    """The keys on every card of the ledger, but for a party's own: of custodians, of the service, of parties by their cards."""
    for epoch in state.epochs.values():
        yield from ((None, seat.signing, seat.receiving) for seat in epoch.roster)
    yield from ((None, key, None) for _, key in state.keys)
    yield from ((card, party["body"]["signing"], party["body"]["receiving"]) for card, (party, _, _) in state.parties.items())


def check_party(state, action, living):
    card, role, domains = action["card"], action["role"], action["domains"]
    body, own = card["body"], card_fingerprint(card)
    demand(is_signed("CStatNS/party-card/", card, body["signing"]), "signature")
    demand(1 <= len(domains) <= MOST_DOMAINS and all(a < b for a, b in zip(domains, domains[1:])), "domains")
    _, roles, ended = state.parties.get(own, (None, {}, False))
    demand(not ended, "party-ended")
    for name in domains:
        demand(living(name).research or role not in ("linking", "researcher"), "role")
        demand(name not in roles, "role-again")
    demand(all((known == "linking") == (role == "linking") for known in roles.values()), "linking")
    for other, signing, receiving in cards_of(state):
        demand(other == own or (signing != body["signing"] and receiving != body["receiving"]), "keys")
    for other, (party, _, ended) in state.parties.items():
        demand(ended or other == own or party["body"]["name"] != body["name"], "name")


def has_party_key(state, signing, receiving):
    return any(party["body"]["signing"] == signing or party["body"]["receiving"] == receiving for party, _, _ in state.parties.values())


def register(state, action):
    own = card_fingerprint(action["card"])
    _, roles, _ = state.parties.get(own, (None, {}, False))
    state.parties[own] = (action["card"], {**roles, **dict.fromkeys(action["domains"], action["role"])}, False)


def end_party(state, party):
    card, roles, _ = state.parties[party]
    state.parties[party] = (card, roles, True)
    end_keys(state, lambda key, issued: issued[0] == party)


def check_issued(state, event, clock, expires):
    card, roles, ended = state.parties.get(event["party"], (None, {}, True))
    demand(not ended and roles.get(event["domain"]) in SENDS, "role")
    demand(clock < expires <= clock + LONGEST, "expires")
    demand(len(living_keys(state)) < MOST_KEYS, "too-many-request-keys")
    demand(event["key"] not in state.request_keys, "key-again")


def living_keys(state):
    return sorted(key for key, (_, _, _, ended) in state.request_keys.items() if not ended)


def end_keys(state, of):
    """They serve no more: their private halves are to be destroyed."""
    for key in living_keys(state):
        if of(key, state.request_keys[key]):
            state.request_keys[key] = (*state.request_keys[key][:3], True)
            state.owed = [*state.owed, {"kind": "request-key", "key": key}]
