//! The whole statistical flow with the library alone: a ceremony, codes, a renewal. Slices in,
//! slices out.
//!
//! `cargo run --release --example ceremony`

#![allow(clippy::print_stdout)]

use std::collections::HashSet;
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use cstatns::code::{Code, Generation};
use cstatns::commitment::{Commit, CommitmentKey, Context, Use};
use cstatns::custody::custodian::Kit;
use cstatns::custody::quorum::Quorum;
use cstatns::custody::share::ShareFile;
use cstatns::domain::{Kind, RenewalReason};
use cstatns::files::FileError;
use cstatns::identifier::{Identifier, Scheme};
use cstatns::jiff::SignedDuration;
use cstatns::name::Name;
use cstatns::proposal::{Action, Input};
use cstatns::service::{
    Counts, Founding, Outcome, ResultFile, RunFiles, Service, ServiceError, SystemClock, WorkError,
    Written,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let at = |name: &str| directory.path().join(name);
    let home = at("home");

    // Each custodian makes a kit of their own and hands over its card.
    let passphrase: Option<&[u8]> = Some(b"one of three, chosen by its custodian");
    let kits: Vec<PathBuf> =
        ["direction", "methods", "archives"].iter().map(|name| at(name)).collect();
    for kit in &kits {
        let name = kit.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Kit::create(kit, Name::new(name)?, false, passphrase)?;
    }

    // The ceremony: the root secret is split, each share sealed to its custodian's card.
    let cards = kits.iter().map(|kit| Kit::card_in(kit)).collect::<std::result::Result<_, _>>()?;
    let (name, shares) = (Name::new("statistics")?, at("shares"));
    let founding = Founding {
        name,
        threshold: 2,
        cards,
        shares: &shares,
        life: vec![],
        mirrors: vec![],
        demo: false,
    };
    let founded = Service::init(&home, founding, SystemClock)?;
    println!("founded {} with {} shares", founded.card.id(), founded.shares.len());

    // Each custodian accepts their share and says so; then the service works.
    let (mut service, _) = Service::open(&home, SystemClock)?;
    for (kit, share) in kits.iter().zip(&founded.shares) {
        let share: ShareFile = serde_json::from_slice(&std::fs::read(share)?)?;
        let receipt = Kit::open(kit, passphrase)?.accept(&share, service.view(), service.now())?;
        service.receipt(serde_json::from_slice(&std::fs::read(receipt)?)?)?;
    }

    // Two custodians open the statistical domain.
    let domain = Name::new("population")?;
    let kind = Kind::Statistics { cryptoperiod_years: 5 };
    let open = Action::Open { domain: domain.clone(), kind, minimum_batch: 2, authorisation: None };
    let quorum = approve(&mut service, &kits[..2], passphrase, open)?;
    service.open_domain(quorum)?;

    // Identifiers become codes. What the custodians approve is the request's commitment: these very
    // rows.
    let spellings = ["2 84 05 2A 321 025", "284051932102552", "171010272891067"];
    let identifiers = spellings
        .iter()
        .map(|text| Ok(Scheme::FrNir.parse(text.as_bytes())?.identifier))
        .collect::<Result<Vec<Identifier>>>()?;
    let (service_id, scheme) = (service.card().id().to_owned(), Scheme::FrNir);
    let context = Context::request(&service_id, &domain, Use::Code, Some(scheme), None);
    let distinct = identifiers.iter().collect::<HashSet<_>>().len();
    let request = Request::new(&context, &at("request"), &at("codes"), &spellings, distinct)?;
    let code = Action::Code {
        domain: domain.clone(),
        generation: Generation::FIRST,
        scheme: Scheme::FrNir,
        purpose: Name::new("example")?,
        inputs: vec![request.input],
        recipient: None,
        keep_request: false,
        look_up: None,
    };
    let quorum = approve(&mut service, &kits[1..], passphrase, code)?;
    let mut codes = Vec::new();
    service.code(quorum, from_ref(&request.files), |coder, out| {
        coder.code(&identifiers, &mut codes);
        out.admit(&request.outcome())?;
        write(&codes, out)?;
        Ok(request.written(out, &codes))
    })?;
    println!("coded {} identifiers: {codes:?}", codes.len());

    // A new key renews the codes; no table from old to new is kept.
    let generation = Generation::FIRST.next();
    let reason = RenewalReason::Scheduled;
    let new_key = Action::NewKey { domain: domain.clone(), generation, reason };
    let quorum = approve(&mut service, &kits[..2], passphrase, new_key)?;
    service.new_key(quorum)?;

    let texts: Vec<String> = codes.iter().map(Code::text).collect();
    let given = Some(Generation::FIRST);
    let context = Context::request(&service_id, &domain, Use::Renew, None, given);
    let distinct = texts.iter().collect::<HashSet<_>>().len();
    let request = Request::new(&context, &at("renewal"), &at("renewed"), &texts, distinct)?;
    let renew = Action::Renew {
        domain,
        from: Generation::FIRST,
        generation,
        purpose: Name::new("example")?,
        inputs: vec![request.input],
        recipient: None,
        keep_request: false,
        of: None,
    };
    let quorum = approve(&mut service, &kits[..2], passphrase, renew)?;
    let mut renewed = Vec::new();
    service.renew(quorum, from_ref(&request.files), |renewer, out| {
        renewer.renew(&codes, &mut renewed).map_err(WorkError::new)?;
        out.admit(&request.outcome())?;
        write(&renewed, out)?;
        Ok(request.written(out, &renewed))
    })?;
    println!("renewed to {renewed:?}; the ledger holds {} events", service.history().size());
    Ok(())
}

/// Each of these custodians looks at what is asked and consents.
fn approve(
    service: &mut Service,
    kits: &[PathBuf],
    passphrase: Option<&[u8]>,
    action: Action,
) -> Result<Quorum> {
    let draft = service.propose(action, SignedDuration::from_mins(10))?;
    let quorum = service.gather(draft, |gathering| {
        for kit in kits {
            let kit = Kit::open(kit, passphrase)?;
            println!("`{}` is asked to {}", kit.name(), gathering.question().action);
            gathering.consent(kit)?;
        }
        Ok::<_, ServiceError>(())
    })?;
    Ok(quorum)
}

/// A request held in memory. Its file stands for the one that a controller would have sent.
struct Request {
    files: RunFiles,
    input: Input,
}

impl Request {
    fn new<T: AsRef<str>>(
        context: &Context,
        request: &Path,
        result: &Path,
        values: &[T],
        distinct: usize,
    ) -> Result<Self> {
        let mut commit = Commit::new(&CommitmentKey::random(), context, &["identifier"]);
        let mut file = std::fs::File::create(request)?;
        for (row, value) in values.iter().enumerate() {
            commit.row(&(row as u128).to_be_bytes(), &[Some(value.as_ref().as_bytes())]);
            writeln!(file, "{}", value.as_ref())?;
        }
        let (commitment, rows) = commit.finish();
        let files = RunFiles {
            request: vec![request.to_owned()],
            result: result.to_owned(),
            accepted: Default::default(),
        };
        let input = Input {
            commitment,
            rows,
            values: rows,
            distinct: distinct as u64,
            engine: None,
            sent: None,
        };
        Ok(Self { files, input })
    }

    fn outcome(&self) -> Outcome {
        Outcome { input: self.input, people: None }
    }

    /// What the run records of these codes.
    fn written(&self, out: &ResultFile, codes: &[Code]) -> Written {
        let seal = out.seal();
        let mut commit = Commit::new(seal.key(), seal.context(), &["code"]);
        for (row, code) in codes.iter().enumerate() {
            commit.row(&(row as u128).to_be_bytes(), &[Some(code.text().as_bytes())]);
        }
        let (result, coded) = commit.finish();
        Written { found: self.outcome(), result, counts: Counts { coded, ..Counts::default() } }
    }
}

fn write(codes: &[Code], out: &mut impl Write) -> std::result::Result<(), WorkError> {
    let written = codes.iter().try_for_each(|code| writeln!(out, "{}", code.text()));
    written.map_err(|error| WorkError::new(FileError::from_io(Path::new("the result"), &error)))
}
