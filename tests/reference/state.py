"""SPEC sections 12 and 15: which event is lawful when, and what follows from it."""
import flow
from actions import Doubts, custody_is_sound, keys_of, lawful_action, living, no_dealing_waits, past
from dealings import check_dealing, check_service_card, complete, working
from forms import STEPS
from parties import check_issued, end_keys, end_party, has_party_key, living_keys, register
from record import digest, is_cosigned, is_signed, seconds
from refusal import Refused

DAY = 24 * 3600
LONGEST_GAP = 40 * DAY
MOST_OPEN = 16

ENDS = {"open": "opened", "extend": "extended", "new-key": "key-made", "code": "coded", "renew": "renewed",
        "close": "closed", "examined": "examined", "deal": "dealt", "abandon": "abandoned", "party": "registered"}
WHILE_OWED = ("destroyed", "refused", "lapsed", "failed", "received", "doubted", "ended", "expiry-checked", "recovered", "resumed",
              "key-lost", "rekeyed", "request-key-ended")


def demand(condition, word):
    if not condition:
        raise Refused(word)


def ascending(values):
    return all(a < b for a, b in zip(values, values[1:]))


class Question:
    """A question, where its line stands, and what has become of it."""

    def __init__(self, question, number, clock, tree):
        self.asked, self.number, self.clock = question, number, clock
        self.leaf, self.head = tree.leaves[number - 1].hex(), {"size": number, "root": tree.roots[number - 1].hex()}
        self.expires = seconds(question["expires"])


class Domain:
    def __init__(self, action, check, time):
        self.research = action["kind"]["kind"] == "research"
        self.ends = action["kind"].get("ends")
        self.minimum = action["minimum_batch"]
        # By generation; those lost; those left out of the chain; those that may have been made.
        self.keys, self.made, self.lost, self.left_out, self.burnt = {1: check}, time, set(), set(), set()
        self.marked, self.over, self.closed, self.destroyed = None, False, False, False

    @property
    def generation(self):
        return max(self.keys)

    def next(self):
        return max([*self.keys, *self.burnt]) + 1

    def chain(self, after, to):
        return [g for g in sorted(self.keys) if after < g <= to and g not in self.left_out]

    def newest_kept(self):
        return max((g for g in self.keys if g not in self.lost), default=None)

    def past(self, at):
        return self.research and past(self.ends, at)

    def lives(self, at):
        return not (self.past(at) or self.over or self.closed or self.destroyed)


class State:
    def __init__(self, card):
        self.card, self.service = card, card["body"]["id"]
        self.keys = [(1, card["body"]["signing"])]
        self.time, self.demo = None, None
        self.epochs, self.domains, self.open, self.runs, self.deliveries, self.spent = {}, {}, {}, set(), {}, set()
        self.pending, self.owed, self.doubts, self.last_doubt = None, [], Doubts(), 0
        self.parties, self.request_keys = {}, {}
        self.receipts = {}
        self.recovering, self.burnt_names, self.burnt_requests, self.burnt_epoch = None, set(), set(), 0

    def copy(self):
        """Another state that an event may change without changing this one."""
        other = State.__new__(State)
        other.__dict__.update(self.__dict__)
        for name in ("keys", "epochs", "domains", "open", "runs", "deliveries", "spent", "receipts", "doubts", "burnt_names", "burnt_requests",
                     "parties", "request_keys"):
            setattr(other, name, getattr(self, name).copy())
        for which in ("domains", "epochs"):
            for name, held in getattr(other, which).items():
                fresh = object.__new__(type(held))
                fresh.__dict__.update({k: v.copy() if isinstance(v, (list, set, dict)) else v for k, v in held.__dict__.items()})
                getattr(other, which)[name] = fresh
        return other

    def apply(self, line, tree):
        """The line's event, whose leaf is the last of `tree`; `Refused` leaves a state that is of no use."""
        event, number = line["event"], line["sequence"]
        self.clock = seconds(line["clock"])
        word = event["type"]
        self.take_time(seconds(line["time"]), event)
        self.agreed = min(self.time, self.clock)
        for domain in self.domains.values():
            if domain.marked is not None:
                domain.marked = min(domain.marked, self.agreed) if domain.past(self.agreed) else None
        demand(bool(self.epochs) or word == "dealt", "first-event")
        demand(not self.owed or word in WHILE_OWED, "owed")
        demand(self.recovering is None or word in ("resumed", "rekeyed"), "unseen")
        self.number, self.tree = number, tree
        getattr(self, word.replace("-", "_"))(event)

    def take_time(self, time, event):
        if self.time is None:
            expected = self.clock
        elif event["type"] == "intent":
            dates = [seconds(consent["body"]["cosignature"]["time"]) for consent in event["consents"]]
            back = bool(dates) and self.time - max(dates) > DAY
            expected = max(dates) if back else max(self.time, self.clock)
        elif self.clock > self.time + LONGEST_GAP and not self.confirms(event):
            expected = self.time
        else:
            expected = max(self.time, self.clock)
        demand(time == expected, "time")
        if self.time is not None and time < self.time:
            for domain in self.domains.values():
                domain.made = min(domain.made, time)
            self.receipts = {signing: (min(dated, time), last) for signing, (dated, last) in self.receipts.items()}
        self.time = expected

    def confirms(self, event):
        """Whether it is a check of the ledger, dated today, by a custodian of the working epoch or a later one."""
        if event["type"] != "received":
            return False
        body = event["receipt"]["body"]
        dated = seconds(body["cosignature"]["time"])
        return (body["statement"]["kind"] == "checkpoint-seen" and abs(self.clock - dated) <= DAY
                and self.seat(body["card"], self.present_epochs()) is not None)

    def present_epochs(self):
        works = working(self.epochs)
        return [number for number, epoch in self.epochs.items() if (works is None or number >= works) and not epoch.abandoned]

    # Dealings and statements

    def dealt(self, event):
        dealing = event["dealing"]
        seats = check_dealing(dealing, self.card)
        seats.keys = [{name: key[name] for name in ("domain", "generation", "check")} for key in event.get("keys", [])]
        if not self.epochs:
            demand(dealing["epoch"] == 1 and not seats.keys and "request_keys" not in event, "epoch")
            self.demo = dealing["demo"]
        else:
            action = self.take("deal")
            demand(dealing["epoch"] == action["epoch"] and dealing["demo"] == self.demo, "epoch")
            demand(dealing["threshold"] == action["threshold"], "dealing")
            demand([seat.whole for seat in seats.roster] == action["cards"], "dealing")
            behind = [(key["domain"], key["generation"]) for key in action["left_behind"]]
            demand(seats.keys == [key for key in self.living_keys() if (key["domain"], key["generation"]) not in behind], "keys")
            demand([key["key"] for key in event.get("request_keys", [])] == living_keys(self), "request-keys")
        self.epochs[dealing["epoch"]] = seats

    def living_keys(self):
        return [{"domain": name, "generation": generation, "check": check}
                for name, domain in sorted(self.domains.items()) if not domain.destroyed
                for generation, check in sorted(domain.keys.items()) if generation not in domain.lost]

    def epoch_working(self, event):
        """What the dealing sealed is what lives; the seals of the epoch before it are to be destroyed."""
        demand(self.pending is None and event["epoch"] == complete(self.epochs), "epoch")
        living, former = self.living_keys(), working(self.epochs)
        demand(event["keys"] == [key for key in living if key in self.epochs[event["epoch"]].keys], "keys")
        for key in living:
            if key not in event["keys"]:
                self.lose(self.domains[key["domain"]], key["generation"])
        if former is not None:
            self.epochs[former].over = True
            self.owe(kind="seals", epoch=former)
        self.epochs[event["epoch"]].works = True

    def abandoned(self, event):
        self.give_up(self.take("abandon", event["run"])["epoch"])

    def give_up(self, number):
        epoch = self.epochs.get(number)
        if epoch and not epoch.works and not epoch.abandoned:
            epoch.abandoned = epoch.over = True
            self.owe(kind="seals", epoch=number)

    def owe(self, **what):
        self.owed = [*self.owed, what]

    def check_statement(self, statement, seat, label, cosigned):
        body = statement["body"]
        demand(seat is not None and seat.name == body["by"], "not-in-roster")
        demand(body["service"] == self.service, "service")
        demand(is_signed(label, statement, seat.signing), "signature")
        demand(cosigned(body["cosignature"]["head"]), "head")
        demand(is_cosigned(self.service, body["cosignature"], seat.signing), "cosignature")

    def seen_before(self, head):
        """Whether it is a head of the ledger as it was before this line."""
        return head["size"] < self.number and self.tree.holds(head)

    def seat(self, card, epochs):
        for epoch in sorted(epochs, reverse=True):
            for seat in self.epochs[epoch].roster:
                if seat.card == card:
                    return seat
        return None

    def received(self, event):
        receipt = event["receipt"]
        body, said = receipt["body"], receipt["body"]["statement"]
        kind, card = said["kind"], body["card"]
        demand(kind not in ("file-destroyed", "service-key"), "reserved")
        if kind == "checkpoint-seen":
            seat = self.seat(card, self.epochs)
        elif kind == "party-ended":
            seat = self.seat(card, self.present_epochs())
            demand(not self.parties.get(said["party"], (None, {}, True))[2], "unknown-party")
        else:
            demand(said["epoch"] in self.epochs, "epoch")
            seat = self.seat(card, [said["epoch"]])
        self.check_statement(receipt, seat, "CStatNS/receipt/", self.seen_before)
        dated = seconds(body["cosignature"]["time"])
        demand(dated <= self.clock + DAY, "date")
        last = self.receipts.get(seat.signing)
        if last is not None:
            demand(dated >= last[0] and receipt != last[1], "date")
        if kind == "party-ended":
            end_party(self, said["party"])
        elif kind != "checkpoint-seen":
            epoch = self.epochs[said["epoch"]]
            states = epoch.held if kind == "share-held" else epoch.forgotten
            demand(kind != "share-held" or said["dealing"] == epoch.fingerprint and not epoch.abandoned, "dealing")
            demand(kind != "share-forgotten" or epoch.over, "share-in-use")
            demand(card not in states, "stated-already")
            states.add(card)
        self.receipts[seat.signing] = (dated, receipt)

    def doubted(self, event):
        doubt = event["doubt"]
        body, about = doubt["body"], doubt["body"]["about"]
        later = self.present_epochs()
        if about["kind"] == "custody":
            demand(about["epoch"] in self.epochs, "epoch")
            seat = self.seat(body["card"], {*later, about["epoch"]})
        else:
            domain = self.domains.get(about["domain"])
            demand(domain is not None and not domain.destroyed and about["generation"] in domain.keys, "unknown-key")
            seat = self.seat(body["card"], later)
        self.check_statement(doubt, seat, "CStatNS/doubt/", self.seen_before)
        demand(not self.doubts.stated(seat.signing, about), "doubted-already")
        if about["kind"] == "key":
            keys, waits = [(about["domain"], about["generation"])], None
        elif about["epoch"] in later:
            present = [(name, domain.generation) for name, domain in self.domains.items() if not domain.destroyed]
            keys, waits = present, about["epoch"]
        else:
            keys, waits = [], None
        self.doubts.add(digest("CStatNS/doubt-digest/", doubt), seat.signing, about, keys, waits)
        self.last_doubt = self.number

    # Questions and runs

    def expired_blocks(self):
        demand(all(self.clock < question.expires for question in self.open.values()), "expired-question")

    def proposed(self, event):
        question = event["question"]
        demand(self.pending is None, "run-open")
        demand(question["service"] == self.service, "service")
        demand(question["run"] not in self.runs, "run-again")
        demand(question["epoch"] == working(self.epochs), "epoch")
        demand(self.clock < seconds(question["expires"]) <= self.clock + DAY, "expires")
        demand(len(self.open) < MOST_OPEN, "too-many-questions")
        self.expired_blocks()
        lawful_action(self, question["action"], self.clock)
        self.runs.add(question["run"])
        self.open[question["run"]] = Question(question, self.number, self.clock, self.tree)

    def check_consents(self, question, consents):
        """Each counts; ascending by name, so that nobody consents twice."""
        epoch = self.epochs[question.asked["epoch"]]
        demand(ascending([consent["body"]["by"] for consent in consents]), "consents-order")
        for consent in consents:
            body = consent["body"]
            seat = self.seat(body["card"], [question.asked["epoch"]])
            demand(body["epoch"] == question.asked["epoch"] and body["question"] == question.leaf, "other-question")
            self.check_statement(consent, seat, "CStatNS/approval/", lambda head: head == question.head)
            dated = seconds(body["cosignature"]["time"])
            demand(question.clock - DAY <= dated < question.expires, "date")
        return epoch.threshold["k"]

    def intent(self, event):
        demand(self.pending is None, "run-open")
        question = self.open.get(event["run"])
        demand(question is not None, "no-question")
        self.expired_blocks()
        demand(self.last_doubt < question.number, "doubted-since")
        action = question.asked["action"]
        lawful_action(self, action, self.time)
        demand(question.asked["epoch"] == working(self.epochs), "epoch")
        demand(len(event["consents"]) >= self.check_consents(question, event["consents"]), "quorum")
        demand(event["keys"] == keys_of(self, action), "keys")
        del self.open[event["run"]]
        names = {consent["body"]["by"]: consent["body"]["card"] for consent in event["consents"]}
        self.pending = {"run": event["run"], "question": question, "consented": names, "number": self.number, "seen": False, "opened": True, "made": 0}

    def cosigned(self, event):
        pending = self.pending
        demand(pending is not None and pending["run"] == event["run"] and not pending["seen"], "no-run")
        witnesses = event["witnesses"]
        demand(witnesses and ascending([witness["by"] for witness in witnesses]), "witnesses")
        head = {"size": pending["number"], "root": self.tree.roots[pending["number"] - 1].hex()}
        for witness in witnesses:
            demand(witness["by"] in pending["consented"] and witness["cosignature"]["head"] == head, "witnesses")
            seat = self.seat(pending["consented"][witness["by"]], [pending["question"].asked["epoch"]])
            demand(is_cosigned(self.service, witness["cosignature"], seat.signing), "cosignature")
        self.pending = {**pending, "seen": True}

    def lapsed(self, event):
        question = self.open.get(event["run"])
        demand(question is not None, "no-question")
        demand(event["why"] != "expired" or self.clock >= question.expires, "not-expired")
        self.check_consents(question, event["consents"])
        del self.open[event["run"]]

    def take(self, verb, run=None):
        """The action of the pending run, which this event ends."""
        pending = self.pending
        demand(pending is not None and run in (None, pending["run"]), "no-run")
        action = pending["question"].asked["action"]
        demand(verb is None or action["verb"] == verb, "other-verb")
        self.pending = None
        return action

    def failed(self, event):
        action = self.take(None, event["run"])
        if action["verb"] == "deal":
            self.burnt_epoch = max(self.burnt_epoch, action["epoch"])

    def unopened(self, event):
        pending, shares = self.pending, event["shares"]
        demand(pending is not None and pending["run"] == event["run"], "no-run")
        demand(pending["opened"] and pending["made"] == 0, "unopened-again")
        demand(shares and ascending(shares) and set(shares) <= pending["consented"].keys(), "shares")
        self.pending = {**pending, "opened": False}

    def opened(self, event):
        action = self.take("open", event["run"])
        self.domains[action["domain"]] = Domain(action, event["check"], self.time)

    def extended(self, event):
        action = self.take("extend", event["run"])
        self.domains[action["domain"]].ends = action["ends"]

    def key_made(self, event):
        action = self.take("new-key", event["run"])
        domain = self.domains[action["domain"]]
        demand(event["check"] not in domain.keys.values(), "check-again")
        domain.keys[action["generation"]] = event["check"]
        domain.made = self.time

    def coded(self, event, verb="code"):
        """One part; the last one ends the run."""
        pending, run, part = self.pending, event["run"], event["part"]
        action = self.take(verb, run)
        demand(part == pending["made"] + 1, "part")
        if part < len(action["inputs"]):
            self.pending = {**pending, "made": part}
        counts = action["inputs"][part - 1]
        demand(event["rows"] == counts["rows"], "rows")
        demand(event.get("rechecked", 0) <= counts["values"], "rechecked")
        self.spent.add(counts["commitment"])
        flow.made(self, event, action)
        if not action["keep_request"]:
            self.owe(kind="request", run=run, part=part)
        flow.end_used_key(self, action["inputs"], part)

    def renewed(self, event):
        self.coded(event, "renew")

    def closed(self, event):
        action = self.take("close", event["run"])
        self.domains[action["domain"]].closed = True
        self.owe(kind="keys", domain=action["domain"])

    def examined(self, event):
        self.doubts.examine(self.take("examined", event["run"])["doubts"])

    # Parties and request keys

    def registered(self, event):
        register(self, self.take("party", event["run"]))

    def request_key_issued(self, event):
        demand(self.pending is None and working(self.epochs) is not None, "run-open")
        no_dealing_waits(self)
        custody_is_sound(self)
        living(self, event["domain"], self.clock)
        check_issued(self, event, self.clock, seconds(event["expires"]))
        self.request_keys[event["key"]] = (event["party"], event["domain"], seconds(event["expires"]), False)

    def request_key_ended(self, event):
        demand(event["key"] in living_keys(self), "request-key-unknown")
        end_keys(self, lambda key, issued: key == event["key"])

    # Recoveries

    def next_epoch(self):
        return max([*self.epochs, self.burnt_epoch]) + 1

    def burn(self, action, made):
        verb = action["verb"]
        if verb in ("code", "renew"):
            self.burnt_requests |= {counts["commitment"] for counts in action["inputs"][made:]}
        elif verb == "open":
            self.burnt_names.add(action["domain"])
        elif verb == "new-key":
            self.domains[action["domain"]].burnt.add(action["generation"])
        elif verb == "deal":
            self.burnt_epoch = max(self.burnt_epoch, action["epoch"])
        elif verb == "abandon":
            self.give_up(action["epoch"])

    def recovered(self, event):
        """What was open or running may have run: its numbers and requests are not used again."""
        for question in self.open.values():
            self.burn(question.asked["action"], 0)
        if self.pending is not None:
            self.burn(self.pending["question"].asked["action"], self.pending["made"])
        self.open, self.pending, self.recovering = {}, None, self.number

    def resumed(self, event):
        demand(self.recovering is not None, "not-recovered")
        witnesses = event["witnesses"]
        epoch = self.epochs[working(self.epochs) or max(self.epochs)]
        demand(len(witnesses) >= epoch.threshold["k"], "quorum")
        demand(ascending([witness["by"] for witness in witnesses]), "witnesses")
        head = {"size": self.recovering, "root": self.tree.roots[self.recovering - 1].hex()}
        for witness in witnesses:
            seat = next((seat for seat in epoch.roster if seat.name == witness["by"]), None)
            demand(seat is not None and witness["cosignature"]["head"] == head, "witnesses")
            demand(is_cosigned(self.service, witness["cosignature"], seat.signing), "cosignature")
        self.recovering = None

    def key_lost(self, event):
        demand(self.pending is None, "run-open")
        domain, generation = self.domains.get(event["domain"]), event["generation"]
        demand(domain is not None and generation in domain.keys, "unknown-key")
        demand(not domain.destroyed and generation not in domain.lost, "key-gone")
        self.lose(domain, generation)

    def lose(self, domain, generation):
        domain.lost.add(generation)
        for generation in sorted(domain.keys, reverse=True):
            if generation not in domain.lost:
                break
            domain.left_out.add(generation)

    def rekeyed(self, event):
        card, statements = event["card"], event["statements"]
        check_service_card(card, first=False)
        key, present = card["body"]["signing"], self.keys[-1][1]
        demand(card["body"]["id"] == self.service and key not in [known for _, known in self.keys], "service-card")
        demand(not has_party_key(self, key, None), "party")
        epoch = self.epochs[working(self.epochs) or max(self.epochs)]
        demand(len(statements) >= epoch.threshold["k"], "quorum")
        demand(ascending([statement["body"]["by"] for statement in statements]), "statements")
        for statement in statements:
            body = statement["body"]
            seat = next((seat for seat in epoch.roster if seat.card == body["card"]), None)
            self.check_statement(statement, seat, "CStatNS/receipt/", self.seen_before)
            demand(body["statement"] == {"kind": "service-key", "key": key, "replaces": present}, "service-key")
            demand(seconds(body["cosignature"]["time"]) <= self.clock + DAY, "date")
        self.keys.append((self.number, key))

    # The rest

    def delivered(self, event):
        flow.delivered(self, event)

    def destroyed(self, event):
        what = event["what"]
        if what in self.owed:
            self.owed = [owed for owed in self.owed if owed != what]
        elif what["kind"] == "result" and event["how"] == "lost":
            flow.result_lost(self, what)
        elif what["kind"] == "result":
            flow.result_unclaimed(self, what)
        else:
            domain = self.domains.get(what.get("domain"))
            demand(domain is not None and not domain.destroyed and domain.marked is not None
                   and domain.past(self.agreed) and self.agreed >= domain.marked + DAY, "not-owed")
        if what["kind"] == "keys":
            self.domains[what["domain"]].destroyed = True
            end_keys(self, lambda key, issued: issued[1] == what["domain"])

    def ended(self, event):
        domain = self.domains.get(event["domain"])
        demand(domain is not None and domain.past(self.agreed) and domain.marked is None and not domain.destroyed, "not-ended")
        domain.marked, domain.over = self.agreed, True

    def refused(self, event):
        pass

    def expiry_checked(self, event):
        pass

    def rehearsed(self, event):
        demand(self.pending is None, "run-open")
        steps = [STEPS.index(step) for step in event["steps"]]
        demand(steps and ascending(steps), "steps")
