//! Shares in clear and sealed, and the root that they open (SPEC §7, §9).

use cstatns::card::Card;
use cstatns::checkpoint::Head;
use cstatns::custody::share::{SealedShare, dealing_key, dealt_info};
use cstatns::dealing::{Epoch, Holder};
use cstatns::hazmat::{Share, receiving_key, recover, root_check};
use cstatns::name::{Hex, Name};
use cstatns::proposal::{approval_info, run_key_digest};
use serde_json::{Value, json};

use super::file::Made;
use super::people::{
    COEFFICIENT, PEOPLE, dealing_id, head, root, seal, service, share_at, share_bytes, shares,
};
use super::{bytes, hex, number, secret, secret_of, text, typed};

const RUN: [u8; 32] = [0x42; 32];
const QUESTION: Hex<32> = Hex([0x0a; 32]);

pub(crate) fn file() -> Made {
    let [first, second, third] = shares().try_into().unwrap();
    Made {
        name: "shares",
        about: "Shares of the root secret, sealed and in clear. What is sealed was sealed with fixed bytes in place \
            of randomness: whoever opens it need not know them.",
        ops: &[
            ("split", "the values at x = 1, 2, … of the polynomials of a dealing"),
            ("share", "the bytes of a share, and its commitment"),
            ("recover", "the root secret from shares that holders give, and its check value"),
            ("root-check", "the check value of a root secret"),
            ("dealing-key", "the public half of a dealing's receiving key"),
            ("open-dealt", "opens a share that was sealed to a custodian's card"),
            (
                "approval-info",
                "the digest of a run's key, and the `info` of a share resealed to it",
            ),
            ("open-approval", "opens a share that was resealed to a run"),
        ],
        fields: &[
            ("root", "the root secret in hex"),
            (
                "coefficients",
                "the polynomials' coefficients of x, x², …: 32 bytes of each degree, in hex",
            ),
            ("k", "how many shares are needed"),
            ("n", "how many there are"),
            ("service", "the service id"),
            ("epoch", "the epoch"),
            ("x", "the place of the holder in the roster, from 1"),
            ("y", "the 32 values of the share, in hex"),
            ("holders", "the roster: `name` and `commitment` of each, first holder first"),
            ("given", "the shares given: `name` of who gives it, and `share`, in hex"),
            ("card", "the custodian's card"),
            ("seed", "the seed of the receiving key, in hex"),
            ("sealed", "the encapsulated key and the ciphertext, in hex"),
            ("question", "the leaf hash of the question, in hex"),
            ("head", "`size` and `root` of the checkpoint whose last line the question is"),
        ],
        gives: &[
            ("y", "the values of each share, in hex"),
            ("share", "the share in hex"),
            ("commitment", "its commitment"),
            ("root", "the root secret in hex"),
            ("check", "its check value"),
            ("public", "the public key in hex"),
            ("info", "HPKE's `info`: as text of a dealt share, in hex of an approval"),
            ("run_key", "the digest of the run's public key, as the question names it"),
            ("digest", "the digest of the sealed share, as a consent names it"),
            ("refused", "true: the shares, or the sealed share, must be refused"),
        ],
        refused: &[
            "one share is too few",
            "one share twice",
            "the share of somebody else",
            "somebody who is not in the roster",
            "a share with one bit altered",
            "a share of another epoch",
            "another epoch",
            "another seed",
            "a bit of the encapsulated key",
            "a bit of the ciphertext",
            "a byte is missing",
            "a share resealed under another checkpoint",
        ],
        values: vec![
            ("service", json!(service().id())),
            ("ana", json!(PEOPLE[0].card())),
            ("share1", json!(hex(first))),
            ("share2", json!(hex(second))),
            ("share3", json!(hex(third))),
            ("holders", json!(holders(&shares(), &["ana", "ben", "chloe"]))),
        ],
        vectors: clear().into_iter().chain(recovered()).chain(sealed()).collect(),
        run,
    }
}

fn holders(shares: &[Vec<u8>], names: &[&str]) -> Vec<Value> {
    let holder = |(share, name): (&Vec<u8>, &&str)| {
        let commitment = Share::decode(share).unwrap().commitment();
        json!({"name": name, "commitment": commitment})
    };
    shares.iter().zip(names).map(holder).collect()
}

fn clear() -> Vec<Value> {
    let high: [u8; 32] = std::array::from_fn(|at| 0xff - 7 * at as u8);
    let long = format!("{}.{}", "s".repeat(32), "7".repeat(26));
    let share = |name: &str, x: u8| {
        let y = Hex(share_at(x, &root(), &[COEFFICIENT]));
        json!({"section": "7", "name": name, "op": "share", "service": "$service", "epoch": 1, "k": 2, "n": 3,
            "x": x, "y": y})
    };
    vec![
        json!({"section": "7", "name": "2 of 3", "op": "split", "root": Hex(root()),
            "coefficients": [Hex(COEFFICIENT)], "k": 2, "n": 3}),
        json!({"section": "7", "name": "3 of 5, one coefficient of zeros", "op": "split", "root": Hex([7; 32]),
            "coefficients": [Hex([0; 32]), Hex(high)], "k": 3, "n": 5}),
        json!({"section": "7", "name": "4 of 7", "op": "split", "root": Hex(high),
            "coefficients": [Hex(root()), Hex(COEFFICIENT), Hex([0xff; 32])], "k": 4, "n": 7}),
        share("ana's share", 1),
        share("chloe's share", 3),
        json!({"section": "7", "name": "the largest numbers", "op": "share", "service": long,
            "epoch": u32::MAX, "k": 255, "n": 255, "x": 255, "y": Hex([0xff; 32])}),
        json!({"section": "7", "name": "the first epoch's root", "op": "root-check", "root": Hex(root()),
            "service": "$service", "epoch": 1}),
        json!({"section": "7", "name": "the same root in epoch 12", "op": "root-check", "root": Hex(root()),
            "service": "$service", "epoch": 12}),
        json!({"section": "7", "name": "the first dealing's key", "op": "dealing-key", "root": Hex(root()),
            "service": "$service", "epoch": 1}),
        json!({"section": "7", "name": "the same root's key in epoch 12", "op": "dealing-key", "root": Hex(root()),
            "service": "$service", "epoch": 12}),
    ]
}

fn recovered() -> Vec<Value> {
    let given = |names: &[(&str, &str)]| -> Value {
        names.iter().map(|(name, share)| json!({"name": name, "share": share})).collect()
    };
    let two = |name: &str, names: &[(&str, &str)]| {
        json!({"section": "7", "name": name, "op": "recover", "service": "$service", "epoch": 1, "k": 2, "n": 3,
            "holders": "$holders", "given": given(names)})
    };
    let coefficients = [[0x33; 32], root()];
    let five: Vec<_> = (1..=5)
        .map(|x| share_bytes(service().id(), 9, [3, 5, x], &share_at(x, &[7; 32], &coefficients)))
        .collect();
    let names = ["a", "b", "c", "d", "e"];
    let of_five = |name: &str, taken: [usize; 3]| {
        let given: Value =
            taken.iter().map(|at| json!({"name": names[*at], "share": hex(&five[*at])})).collect();
        json!({"section": "7", "name": name, "op": "recover", "service": "$service", "epoch": 9, "k": 3, "n": 5,
            "holders": holders(&five, &names), "given": given})
    };
    let mut altered = shares().remove(1);
    *altered.last_mut().unwrap() ^= 1;
    let other_epoch =
        share_bytes(service().id(), 2, [2, 3, 2], &share_at(2, &root(), &[COEFFICIENT]));
    vec![
        two("ana and ben", &[("ana", "$share1"), ("ben", "$share2")]),
        two("ben and chloe", &[("ben", "$share2"), ("chloe", "$share3")]),
        two("all three", &[("chloe", "$share3"), ("ana", "$share1"), ("ben", "$share2")]),
        of_five("the first three of five", [0, 1, 2]),
        of_five("three of five in another order", [4, 0, 2]),
        two("one share is too few", &[("ana", "$share1")]),
        two("one share twice", &[("ana", "$share1"), ("ana", "$share1")]),
        two("the share of somebody else", &[("ana", "$share1"), ("ben", "$share3")]),
        two("somebody who is not in the roster", &[("ana", "$share1"), ("dora", "$share2")]),
        two("a share with one bit altered", &[("ana", "$share1"), ("ben", &hex(altered))]),
        two("a share of another epoch", &[("ana", "$share1"), ("ben", &hex(other_epoch))]),
    ]
}

fn sealed() -> Vec<Value> {
    let ana = &PEOPLE[0];
    let info = dealt_info(service().id(), Epoch::FIRST, &ana.card());
    let dealt = seal(&shares()[0], &ana.body(true).receiving, &info);
    let opening = |name: &str, epoch: u32, seed: [u8; 32], sealed: &[u8]| {
        json!({"section": "7", "name": name, "op": "open-dealt", "service": "$service", "epoch": epoch,
            "card": "$ana", "seed": Hex(seed), "sealed": hex(sealed)})
    };
    let flip = |at: usize| {
        let mut flipped = dealt.clone();
        flipped[at] ^= 1;
        flipped
    };
    let run_key = receiving_key(&secret_of(&RUN)).public();
    let info = approval_info(&QUESTION, &head(), &run_key);
    let resealed = seal(&shares()[0], &run_key, &info);
    let approval = |name: &str, size: u64, sealed: &[u8]| {
        json!({"section": "9", "name": name, "op": "open-approval", "question": QUESTION,
            "head": Head { size, ..head() }, "seed": Hex(RUN), "sealed": hex(sealed)})
    };
    let largest = Head { size: (1 << 53) - 1, root: Hex(root()) };
    vec![
        opening("ana opens her share", 1, ana.receiving(), &dealt),
        opening("another epoch", 2, ana.receiving(), &dealt),
        opening("another seed", 1, PEOPLE[1].receiving(), &dealt),
        opening("a bit of the encapsulated key", 1, ana.receiving(), &flip(1119)),
        opening("a bit of the ciphertext", 1, ana.receiving(), &flip(1120)),
        opening("a byte is missing", 1, ana.receiving(), &dealt[..dealt.len() - 1]),
        json!({"section": "9", "name": "the info of an approval", "op": "approval-info", "question": QUESTION,
            "head": head(), "seed": Hex(RUN)}),
        json!({"section": "9", "name": "a large checkpoint", "op": "approval-info", "question": Hex([0xff; 32]),
            "head": largest, "seed": Hex(RUN)}),
        approval("the run opens ana's share", head().size, &resealed),
        approval("a share resealed under another checkpoint", head().size + 1, &resealed),
    ]
}

fn run(vector: &Value) -> Value {
    match text(vector, "op") {
        "split" => {
            let (k, n) = (number(vector, "k"), number(vector, "n"));
            let root = typed::<Hex<32>>(vector, "root").0;
            let coefficients: Vec<Hex<32>> = typed(vector, "coefficients");
            let coefficients: Vec<_> = coefficients.iter().map(|bytes| bytes.0).collect();
            let y: Vec<_> = (1..=n).map(|x| Hex(share_at(x as u8, &root, &coefficients))).collect();
            // The library combines them to the root.
            let id = dealing_id("example.aaaaaaaaaaaaaaaaaaaaaaaaaa", 1, k as usize, n as usize);
            let share = |x: u64| {
                let numbers = [k as u8, n as u8, x as u8];
                Share::decode(&share_bytes(&id.service, 1, numbers, &y[x as usize - 1].0)).unwrap()
            };
            let name = |x: u64| Name::new(&format!("p{x}")).unwrap();
            let holders: Vec<_> = (1..=n)
                .map(|x| Holder { name: name(x), commitment: share(x).commitment() })
                .collect();
            for last in k..=n {
                let given: Vec<_> = (1..k).chain([last]).map(|x| (name(x), share(x))).collect();
                assert_eq!(recover(&id, &holders, &given).unwrap().expose(), &root);
            }
            json!({"y": y})
        }
        "share" => {
            let numbers = ["k", "n", "x"].map(|field| number(vector, field) as u8);
            let y = typed::<Hex<32>>(vector, "y").0;
            let made = share_bytes(text(vector, "service"), typed(vector, "epoch"), numbers, &y);
            let share = Share::decode(&made).unwrap();
            assert_eq!(*share.encode(), made);
            json!({"share": hex(made), "commitment": share.commitment()})
        }
        "recover" => recovery(vector),
        "root-check" => {
            let root = secret(vector, "root");
            json!({"check": root_check(&root, text(vector, "service"), Epoch(typed(vector, "epoch")))})
        }
        "dealing-key" => {
            let (root, epoch) = (secret(vector, "root"), Epoch(typed(vector, "epoch")));
            json!({"public": dealing_key(&root, text(vector, "service"), epoch).public()})
        }
        "open-dealt" => {
            let card: Card = typed(vector, "card");
            let epoch = Epoch(typed(vector, "epoch"));
            let info = dealt_info(text(vector, "service"), epoch, &card);
            let mut gives = opened(vector, &info);
            gives["info"] = json!(String::from_utf8(info).unwrap());
            gives
        }
        "approval-info" => {
            let (info, run_key) = info_of(vector);
            json!({"info": Hex(info), "run_key": run_key_digest(&run_key)})
        }
        "open-approval" => {
            let (info, _) = info_of(vector);
            let mut gives = opened(vector, &info);
            gives["digest"] = json!(typed::<SealedShare>(vector, "sealed").digest());
            gives
        }
        op => panic!("no such op: {op}"),
    }
}

fn info_of(vector: &Value) -> ([u8; 32], Hex<1216>) {
    let run_key = receiving_key(&secret(vector, "seed")).public();
    let head = typed(vector, "head");
    (approval_info(&typed(vector, "question"), &head, &run_key), run_key)
}

fn opened(vector: &Value, info: &[u8]) -> Value {
    let sealed: SealedShare = typed(vector, "sealed");
    match sealed.open(&receiving_key(&secret(vector, "seed")), info) {
        Ok(share) => json!({"share": hex(&*share.encode()), "commitment": share.commitment()}),
        Err(_) => json!({"refused": true}),
    }
}

fn recovery(vector: &Value) -> Value {
    let (k, n) = (number(vector, "k") as usize, number(vector, "n") as usize);
    let id = dealing_id(text(vector, "service"), typed(vector, "epoch"), k, n);
    let name = |value: &Value| Name::new(text(value, "name")).unwrap();
    let holders: Vec<_> = vector["holders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|holder| Holder { name: name(holder), commitment: typed(holder, "commitment") })
        .collect();
    let given: Vec<_> = vector["given"]
        .as_array()
        .unwrap()
        .iter()
        .map(|given| (name(given), Share::decode(&bytes(given, "share")).unwrap()))
        .collect();
    match recover(&id, &holders, &given) {
        Ok(root) => {
            let check = root_check(&root, &id.service, id.epoch);
            json!({"root": hex(root.expose()), "check": check})
        }
        Err(_) => json!({"refused": true}),
    }
}
