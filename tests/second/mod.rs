//! The second implementation, `tests/reference`, and ledgers to ask it about: laid down with the
//! checkpoint that a service signs who holds `identity`, whatever is in them.

#![allow(dead_code, unreachable_pub)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cstatns::audit::{AuditError, Check, verify};
use cstatns::card::ServiceCard;
use cstatns::checkpoint::{Note, NoteSignature, leaf_hash};
use cstatns::ledger::{History, checkpoint_path, origin};
use cstatns::name::Hex;
use cstatns::state::{Fold, read_ledger};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

/// Runs the second implementation with `arguments` on the lines of `input`, and gives the lines
/// that it writes.
pub fn reference(arguments: &[&str], input: String) -> Vec<Value> {
    let (succeeded, answers) = tried(arguments, input);
    assert!(succeeded, "tests/reference failed; its message is on standard error");
    answers
}

/// The same, and whether it says so by its exit status that all is right.
pub fn tried(arguments: &[&str], input: String) -> (bool, Vec<Value>) {
    let mut child = Command::new("python3")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("tests/reference")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs python3 (standard library only) on the path");
    let mut stdin = child.stdin.take().unwrap();
    // Apart, because neither side may wait for the other to read.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    let succeeded = output.status.success();
    assert!(written.is_ok() || !succeeded, "tests/reference stopped reading");
    let text = String::from_utf8(output.stdout).unwrap();
    (succeeded, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// A small generator with a fixed seed, so that a difference comes again (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// Whether something of which one in `n` is true is true.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    pub fn of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn bytes<const N: usize>(&mut self) -> Hex<N> {
        Hex(std::array::from_fn(|_| self.next() as u8))
    }
}

/// A service's ledger, and the key of its `identity`.
#[derive(Clone)]
pub struct Book {
    pub card: ServiceCard,
    pub key: SigningKey,
    pub lines: Vec<Vec<u8>>,
}

impl Book {
    pub fn of(home: &Path) -> Self {
        let read = |file: &str| std::fs::read(home.join(file)).unwrap();
        let identity: Value = serde_json::from_slice(&read("identity")).unwrap();
        let seed = Hex::<32>::parse(identity["signing"].as_str().unwrap().as_bytes()).unwrap();
        let ledger = read("ledger.jsonl");
        let lines = ledger.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n');
        Self {
            card: serde_json::from_slice(&read("card.json")).unwrap(),
            key: SigningKey::from_bytes(&seed.0),
            lines: lines.map(<[u8]>::to_vec).collect(),
        }
    }

    /// Makes places and links anew, as a service that rewrites its ledger would.
    pub fn relink(&mut self) {
        let mut previous = Hex([0; 32]);
        for (index, bytes) in self.lines.iter_mut().enumerate() {
            let mut line: Value = serde_json::from_slice(bytes).unwrap();
            (line["sequence"], line["previous"]) = (json!(index + 1), json!(previous));
            *bytes = cstatns::name::canonical_json(&line);
            previous = leaf_hash(bytes);
        }
    }

    /// Its checkpoint, as the service signs it.
    pub fn checkpoint(&self) -> Vec<u8> {
        let mut history = History::default();
        self.lines.iter().for_each(|line| history.push(line));
        let text = history.head().checkpoint(self.card.id()).text();
        let signature = NoteSignature::sign(&text, &origin(self.card.id()), &self.key).unwrap();
        Note::new(&text, signature).unwrap().to_string().into_bytes()
    }

    /// Lays it down in a directory, with its own checkpoint and its card.
    pub fn lay(&self, directory: PathBuf) -> Laid {
        let bytes: Vec<u8> =
            self.lines.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect();
        Laid::new(directory, &self.card, &bytes, &self.checkpoint())
    }
}

/// The folds of a ledger after each of its lines: to judge others that begin as it does.
pub struct Folds {
    lines: Vec<Vec<u8>>,
    folds: Vec<Fold>,
}

impl Folds {
    pub fn of(book: &Book) -> Self {
        let mut folds = vec![Fold::new(&book.card)];
        for line in &book.lines {
            let mut fold = folds.last().unwrap().clone();
            fold.push(line).unwrap();
            folds.push(fold);
        }
        Self { lines: book.lines.clone(), folds }
    }

    /// The first line of a ledger that the service's state machine does not take.
    pub fn first_bad(&self, lines: &[Vec<u8>]) -> Option<u64> {
        let same = self.lines.iter().zip(lines).take_while(|(a, b)| a == b).count();
        let mut fold = self.folds[same].clone();
        let bad = lines[same..].iter().position(|line| fold.push(line).is_err());
        bad.map(|bad| (same + bad + 1) as u64)
    }
}

/// A ledger in its files.
pub struct Laid {
    pub directory: PathBuf,
    pub card: ServiceCard,
}

impl Laid {
    pub fn new(directory: PathBuf, card: &ServiceCard, ledger: &[u8], checkpoint: &[u8]) -> Self {
        std::fs::create_dir_all(&directory).unwrap();
        let laid = Self { directory, card: card.clone() };
        std::fs::write(laid.ledger(), ledger).unwrap();
        std::fs::write(checkpoint_path(&laid.ledger()), checkpoint).unwrap();
        std::fs::write(laid.directory.join("card.json"), cstatns::name::canonical_json(card))
            .unwrap();
        laid
    }

    pub fn ledger(&self) -> PathBuf {
        self.directory.join("ledger.jsonl")
    }

    /// Whether the auditor finds that it holds, and the first line that does not.
    pub fn verdict(&self) -> Verdict {
        let audit = match verify(&self.ledger(), &self.card, &[], &[]) {
            // What can be seen of it: it is not looked at further.
            Err(error @ (AuditError::LineEnds { .. } | AuditError::Mark { .. })) => {
                assert!(read_ledger(&self.ledger(), &self.card).is_err(), "{error}");
                return Verdict { holds: false, line: None, why: error.to_string() };
            }
            audit => audit.unwrap(),
        };
        // Whoever reads the ledger to work on it comes to the same judgement.
        let read = read_ledger(&self.ledger(), &self.card);
        assert_eq!(audit.holds(), read.is_ok(), "{audit}\n{:?}", read.err());
        let of_a_line = audit.failures().filter(|finding| {
            matches!(finding.check, Check::Chain | Check::Signatures | Check::Lawfulness)
        });
        let first = of_a_line.filter_map(|finding| finding.event).min();
        Verdict { holds: audit.holds(), line: first, why: audit.to_string() }
    }

    /// The question to the second implementation.
    pub fn question(&self) -> String {
        let card = self.directory.join("card.json");
        format!("{}\n", json!({"ledger": self.ledger(), "card": card}))
    }
}

/// What the auditor says of a ledger.
#[derive(Debug)]
pub struct Verdict {
    pub holds: bool,
    pub line: Option<u64>,
    pub why: String,
}

impl Verdict {
    /// Whether the second implementation says the same.
    pub fn is(&self, other: &Value) -> bool {
        let holds = other["holds"].as_bool().unwrap_or(false);
        self.holds == holds && (holds || self.line == other["line"].as_u64())
    }
}
