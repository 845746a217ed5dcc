"""Dealings, and the epochs that they begin (SPEC sections 7, 8 and 12)."""
from record import card_fingerprint, digest, is_signed, service_id
from refusal import Refused


class Seat:
    """A custodian's place in a roster."""

    def __init__(self, card, commitment):
        body = card["body"]
        self.name, self.signing, self.card, self.commitment = body["name"], body["signing"], card_fingerprint(card), commitment


class Epoch:
    def __init__(self, dealing):
        self.number, self.threshold, self.root_check = dealing["epoch"], dealing["threshold"], dealing["root_check"]
        self.receiving = dealing["receiving"]
        self.fingerprint = digest("CStatNS/dealing/", dealing)
        self.roster = [Seat(seat["card"], seat["commitment"]) for seat in dealing["roster"]]
        self.held, self.forgotten, self.works = set(), set(), False


def working(epochs):
    """The number of the newest epoch of which it is recorded that it works; or None."""
    return max((number for number, epoch in epochs.items() if epoch.works), default=None)


def complete(epochs):
    """The number of the newest epoch if all its shares are held and it does not work yet; else None."""
    epoch = epochs[max(epochs)]
    return epoch.number if not epoch.works and len(epoch.held) == len(epoch.roster) else None


def check_service_card(card, first=True):
    body = card["body"]
    if first and body["id"] != service_id(body["id"].split(".")[0], body["signing"]):
        raise Refused("service-id")
    if not is_signed("CStatNS/service-card/", card, body["signing"]):
        raise Refused("signature")


def check_dealing(dealing, service):
    cards = [seat["card"] for seat in dealing["roster"]]
    bodies = [card["body"] for card in cards]
    k, n = dealing["threshold"]["k"], dealing["threshold"]["n"]
    if not k <= n < 2 * k or len(cards) != n:
        raise Refused("threshold")
    if dealing["service"] != service:
        raise Refused("service")
    check_service_card(service)
    for field in ("name", "signing", "receiving"):
        if len({body[field] for body in bodies}) != n:
            raise Refused("roster-twice")
    if sum(body["external"] for body in bodies) >= k:
        raise Refused("externals")
    if not dealing["demo"] and not all(body["protected"] for body in bodies):
        raise Refused("unprotected")
    if not all(is_signed("CStatNS/card/", card, card["body"]["signing"]) for card in cards):
        raise Refused("signature")
    return Epoch(dealing)
