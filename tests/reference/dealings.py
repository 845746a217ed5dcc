"""Dealings, and the epochs that they begin (SPEC sections 7, 8 and 12)."""
from record import card_fingerprint, digest, is_signed, service_id
from refusal import Refused


class Seat:
    """A custodian's place in a roster."""

    def __init__(self, card, commitment):
        body = card["body"]
        self.name, self.signing, self.receiving = body["name"], body["signing"], body["receiving"]
        self.whole, self.card, self.commitment = card, card_fingerprint(card), commitment


class Epoch:
    def __init__(self, dealing):
        self.number, self.threshold, self.root_check = dealing["epoch"], dealing["threshold"], dealing["root_check"]
        self.receiving = dealing["receiving"]
        self.fingerprint = digest("CStatNS/dealing/", dealing)
        self.roster = [Seat(seat["card"], seat["commitment"]) for seat in dealing["roster"]]
        self.held, self.forgotten, self.works, self.over, self.abandoned = set(), set(), False, False, False
        self.keys = []


def working(epochs):
    """The number of the newest epoch of which it is recorded that it works; or None."""
    return max((number for number, epoch in epochs.items() if epoch.works), default=None)


def pending(epochs):
    """The newest epoch if it does not work yet and was not given up; else None."""
    epoch = epochs[max(epochs)]
    return None if epoch.works or epoch.abandoned else epoch


def complete(epochs):
    """The number of the newest epoch if all its shares are held and it does not work yet; else None."""
    epoch = pending(epochs)
    return epoch.number if epoch and len(epoch.held) == len(epoch.roster) else None


def check_service_card(card, first=True):
    body = card["body"]
    if first and body["id"] != service_id(body["id"].split(".")[0], body["signing"]):
        raise Refused("service-id")
    if not is_signed("CStatNS/service-card/", card, body["signing"]):
        raise Refused("signature")


def check_roster(cards, threshold, demo):
    bodies = [card["body"] for card in cards]
    k, n = threshold["k"], threshold["n"]
    if not k <= n < 2 * k or len(cards) != n:
        raise Refused("threshold")
    for field in ("name", "signing", "receiving"):
        if len({body[field] for body in bodies}) != n:
            raise Refused("roster-twice")
    if sum(body["external"] for body in bodies) >= k:
        raise Refused("externals")
    if not demo and not all(body["protected"] for body in bodies):
        raise Refused("unprotected")
    if not all(is_signed("CStatNS/card/", card, card["body"]["signing"]) for card in cards):
        raise Refused("signature")


def check_dealing(dealing, service):
    check_roster([seat["card"] for seat in dealing["roster"]], dealing["threshold"], dealing["demo"])
    if dealing["service"] != service:
        raise Refused("service")
    check_service_card(service)
    return Epoch(dealing)
