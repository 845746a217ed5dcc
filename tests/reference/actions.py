"""The actions of SPEC section 9 and when section 12 makes them lawful; doubts, and what they stop."""
import datetime

from dealings import check_roster, complete, pending, working
from flow import check_flow
from identifiers import tag
from parties import check_party, has_party_key
from refusal import Refused

DAY = 24 * 3600
CAP = 65536
MOST = 1024  # deliveries of a renewal, doubts that are examined
MOST_PARTS = 64


def demand(condition, word):
    if not condition:
        raise Refused(word)


def past(ends, at):
    """Whether a project with this last day is past its end."""
    last = datetime.date.fromisoformat(ends)
    return at >= (last - datetime.date(1970, 1, 1)).days * DAY + DAY


def ten_years_after(at):
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=at // DAY)
    leap = day.month == 2 and day.day == 29
    return (day.replace(day=28) if leap else day).replace(year=min(day.year + 10, 9999)).isoformat()


def listed(values):
    return 1 <= len(values) <= MOST and all(a < b for a, b in zip(values, values[1:]))


class Doubts:
    """The doubts of a ledger, by their digest."""

    def __init__(self, known=()):
        self.known = dict(known)

    def copy(self):
        return Doubts(self.known)

    def add(self, digest, signing, about, keys, waits):
        self.known[digest] = (signing, about, keys, waits)

    def examine(self, digests):
        """Closed doubts stop nothing, and may be stated again."""
        for digest in digests:
            del self.known[digest]

    def stated(self, signing, about):
        return any(known[:2] == (signing, about) for known in self.known.values())

    def compromised(self, domain, generation):
        return any((domain, generation) in keys for _, _, keys, _ in self.known.values())

    def waits(self):
        """The newest epoch whose custody is doubted, or 0."""
        return max((waits for _, _, _, waits in self.known.values() if waits), default=0)

    def closable(self, digest, domain):
        _, about, _, _ = self.known.get(digest, (None, {}, None, None))
        return about.get("domain") == domain and about.get("kind") == ("custody" if domain is None else "key")


def keys_of(state, action):
    """The keys that a run of it may open. A project's next key needs the life secret of its present one."""
    domain, opened = state.domains.get(action.get("domain")), []
    if action["verb"] == "new-key" and domain.research:
        opened = [domain.newest_kept()]
    elif action["verb"] in ("code", "renew"):
        opened = domain.chain(action.get("from", 0), action["generation"])
    return [{"domain": action["domain"], "generation": g} for g in opened]


def custody_is_sound(state):
    demand(state.doubts.waits() < working(state.epochs), "custody-doubted")


def living(state, name, at):
    domain = state.domains.get(name)
    demand(domain is not None, "unknown-domain")
    demand(domain.lives(at), "domain-ended")
    return domain


def open_(state, action, at):
    no_dealing_waits(state)
    kind, least = action["kind"], action["minimum_batch"]
    demand(action["domain"] not in state.domains, "domain-exists")
    demand(action["domain"] not in state.burnt_names, "name-burnt")
    of = tag(state.service, action["domain"])
    demand(all(tag(state.service, other) != of for other in state.domains), "tag-taken")
    custody_is_sound(state)
    demand((1 if state.demo else 2) <= least <= CAP, "minimum-batch")
    if kind["kind"] == "statistics":
        demand(1 <= kind["cryptoperiod_years"] <= 10, "cryptoperiod")
    else:
        demand(not past(kind["ends"], at) and kind["ends"] <= ten_years_after(at), "end")


def extend(state, action, at):
    domain = living(state, action["domain"], at)
    demand(domain.research, "not-research")
    custody_is_sound(state)
    demand(domain.ends < action["ends"] <= ten_years_after(domain.made), "end")


def request(state, counts, minimum):
    """Refuses a request that is spent, too small, or that no file can be."""
    some = min(1, counts["values"])
    demand(counts["commitment"] not in state.spent, "request-spent")
    demand(counts["commitment"] not in state.burnt_requests, "request-may-be-spent")
    demand(counts["values"] <= counts["rows"] and some <= counts["distinct"] <= min(counts["values"], CAP), "counts")
    demand(min(counts["rows"], counts["distinct"]) >= minimum, "too-few-values")


def coding(state, action, at):
    """What making codes and renewing them have in common, but for how requests come and results go."""
    domain, inputs = living(state, action["domain"], at), action["inputs"]
    demand(action["generation"] == domain.generation, "generation")
    demand(not state.doubts.compromised(action["domain"], domain.generation), "compromised")
    lost = {*domain.lost} & {domain.generation, *domain.chain(action.get("from", 0), domain.generation)}
    demand(not lost, "key-lost")
    demand(1 <= len(inputs) <= MOST_PARTS and len({counts["commitment"] for counts in inputs}) == len(inputs), "requests")
    for counts in inputs:
        request(state, counts, domain.minimum)


def code(state, action, at):
    coding(state, action, at)
    check_flow(state, action, at)


def renew(state, action, at):
    coding(state, action, at)
    demand(action["from"] < action["generation"], "generation")
    domain = state.domains[action["domain"]]
    demand(action["from"] in domain.keys and action["from"] not in domain.left_out, "generation")
    if action["of"] is not None:
        of = [(delivery["run"], delivery["part"]) for delivery in action["of"]]
        demand(listed(of), "deliveries")
        known = [state.deliveries.get(delivery) for delivery in of]
        demand(all(delivery is not None and delivery.domain == action["domain"] for delivery in known), "deliveries")
    check_flow(state, action, at)


def new_key(state, action, at):
    no_dealing_waits(state)
    domain = living(state, action["domain"], at)
    demand(action["generation"] == domain.next(), "generation")
    demand(not domain.research or domain.newest_kept() is not None, "key-lost")
    doubted = state.doubts.compromised(action["domain"], domain.generation)
    demand(not doubted or action["reason"] == "doubt", "reason")
    custody_is_sound(state)


def close(state, action, at):
    demand(living(state, action["domain"], at).research, "not-research")


def examined(state, action, at):
    demand(action["domain"] is None or action["domain"] in state.domains, "unknown-domain")
    demand(listed(action["doubts"]), "no-doubt")
    demand(all(state.doubts.closable(digest, action["domain"]) for digest in action["doubts"]), "no-doubt")


def no_dealing_waits(state):
    demand(pending(state.epochs) is None, "dealing-pending")


def deal(state, action, at):
    no_dealing_waits(state)
    demand(action["epoch"] == state.next_epoch(), "epoch")
    check_roster(action["cards"], action["threshold"], state.demo)
    demand(not any(has_party_key(state, card["body"]["signing"], card["body"]["receiving"]) for card in action["cards"]), "party")
    used = {seat.receiving for epoch in state.epochs.values() for seat in epoch.roster}
    demand(all(card["body"]["receiving"] not in used for card in action["cards"]), "card-used")
    living = [{"domain": key["domain"], "generation": key["generation"]} for key in state.living_keys()]
    demand([key for key in living if key in action["left_behind"]] == action["left_behind"], "left-behind")


def party(state, action, at):
    check_party(state, action, lambda name: living(state, name, at))


def abandon(state, action, at):
    waits = pending(state.epochs)
    demand(waits is not None and waits.number == action["epoch"], "no-dealing")


KINDS = {"open": open_, "extend": extend, "code": code, "renew": renew, "new-key": new_key, "close": close, "examined": examined, "deal": deal,
         "party": party, "abandon": abandon}


def lawful_action(state, action, at):
    """Refuses an action that may not be done at this time."""
    demand(complete(state.epochs) is None or action["verb"] == "abandon", "epoch-not-working")
    KINDS[action["verb"]](state, action, at)
