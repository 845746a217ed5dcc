//! A second scheme goes the whole way: prepared, coded by a service under a quorum, attached,
//! renewed. Its codes are those of its own coding message.

#[path = "../../../tests/common/mod.rs"]
mod common;

use std::fs;
use std::slice::from_ref;

use cstatns::card::ServiceCard;
use cstatns::coded::Coded as _;
use cstatns::coder::Coder;
use cstatns::delivery::DeliveryId;
use cstatns::domain::RenewalReason;
use cstatns::identifier::Scheme;
use cstatns::manifest::{Content, Manifest, ManifestError, manifest_path};
use cstatns::meta::{FileMeta, ServiceId};
use cstatns::name::Hex;
use cstatns::proposal::Action;
use cstatns::report::{Report, report_path};
use cstatns::service::{
    Counts, Outcome, ResultFile, RunFiles, Service, WorkError, Written, read_service_card,
};
use cstatns_bulk::{CodeFileError, Out, Request, Tally, code, renew};
use cstatns_controller::{Attach, Column, Prepare, PrepareError, attach, prepare};
use cstatns_rows::effort::Effort;
use cstatns_rows::table::Format;

use common::{World, name, only};

/// Finnish codes of people who do not exist, each with its control character, one in another
/// spelling, one wrong.
const DATA: &str = "hetu,wage\n131052-308T,100\n \
    131053+602j,200\n131052A308T,300\n231052B3088,400\n131052-308S,500\n,600\n";

/// The service's id, or that of another where there is none.
fn id(world: &World) -> ServiceId {
    let card = read_service_card(&world.home().join("card.json"));
    ServiceId::of(card.as_ref().map_or("demo.aaaaaaaaaaaaaaaaaaaaaaaaaa", ServiceCard::id)).unwrap()
}

fn prepared(world: &World, scheme: Scheme) -> Result<Manifest, PrepareError> {
    fs::write(world.path("data.csv"), DATA).unwrap();
    let [data, request, retained] =
        ["data.csv", "request.csv", "retained.csv"].map(|file| world.path(file));
    let column = Column::Identifiers { columns: &["hetu"], scheme };
    let service = id(world);
    let what = Prepare {
        sending: None,
        data: (&data).into(),
        column,
        service: &service,
        signing: &signing(world),
        domain: &name("people"),
        request: &request,
        beside: (&retained).into(),
        delimiter: b',',
        reading: cstatns_rows::reading::Reading::default(),
        accepted: &[],
    };
    prepare(what, &Effort::default())?;
    Ok(Manifest::read(&manifest_path(&request)).unwrap())
}

fn failed(error: CodeFileError) -> WorkError {
    WorkError::new(error)
}

fn written(coded: Tally) -> Written {
    let found = Outcome { input: coded.input, people: None };
    let quality = coded.qualities.into_iter().map(|(word, count)| (word.to_owned(), count));
    let counts = Counts { coded: coded.coded, quality: quality.collect(), ..Counts::default() };
    Written { found, result: coded.result.unwrap(), counts }
}

/// What the program does after a run: the report beside the result.
fn report(world: &World, service: &Service, delivery: &DeliveryId, result: &str) {
    let report = service.report(delivery, "test", &[]).unwrap();
    report.write(&report_path(&world.path(result))).unwrap();
}

fn signing(world: &World) -> Hex<32> {
    let card = read_service_card(&world.home().join("card.json"));
    card.map_or(Hex([0; 32]), |card| card.body.signing)
}

fn meta(world: &World, run: cstatns::proposal::RunId, generation: u32) -> FileMeta {
    let card: ServiceCard = read_service_card(&world.home().join("card.json")).unwrap();
    let (service, generation) = (card.id().to_owned(), common::generation(generation));
    FileMeta { service, domain: name("people"), generation, delivery: DeliveryId { run, part: 1 } }
}

fn attached(world: &World, retained: &str, result: &str, out: &str) -> Vec<Vec<String>> {
    let [retained, result, out] = [retained, result, out].map(|file| world.path(file));
    let what = Attach {
        party: None,
        data: None,
        retained: (&retained).into(),
        requested: None,
        result: &result,
        out: (&out).into(),
        shuffle: false,
        binary_codes: false,
        destroy: &[],
    };
    let report = attach(what, &Effort::default()).unwrap().report;
    assert_eq!(report.scheme, Report::read(&report_path(&result)).unwrap().scheme);
    let text = fs::read_to_string(out).unwrap();
    let mut rows: Vec<Vec<String>> =
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect();
    rows.sort_by(|one, next| one.last().cmp(&next.last()));
    rows
}

#[test]
fn a_second_scheme_goes_the_whole_way() {
    let world = World::founded(2, 3);
    world.statistics("people").unwrap();
    let manifest = prepared(&world, Scheme::FiHetu).unwrap();
    assert_eq!(manifest.content, Content::Identifiers { scheme: Scheme::FiHetu });

    let mut service = world.open();
    let action = Action::Code {
        domain: name("people"),
        generation: common::generation(1),
        scheme: Scheme::FiHetu,
        purpose: name("wages"),
        inputs: vec![manifest.input],
        recipient: None,
        keep_request: false,
        look_up: None,
    };
    assert_eq!(
        action.to_string(),
        "code 6 rows with 4 values, 4 of them distinct, of the scheme fi-hetu, for `wages` in \
        `people`, generation 1"
    );
    let quorum = world.quorum(&mut service, action).unwrap();
    let meta_1 = meta(&world, quorum.question().run, 1);
    let files = RunFiles {
        request: vec![world.path("request.csv"), manifest_path(&world.path("request.csv"))],
        result: world.path("result.csv"),
        accepted: Default::default(),
    };
    let mut expected = Vec::new();
    let work = |coder: &Coder, out: &mut ResultFile| {
        let seal = out.seal();
        // The same identifiers by the library alone.
        let identifiers: Vec<_> = ["131052-308T", "131053+602J", "131052A308T", "231052B3088"]
            .iter()
            .map(|text| Scheme::FiHetu.parse(text.as_bytes()).unwrap().identifier)
            .collect();
        coder.code(&identifiers, &mut expected);
        let request = world.path("request.csv");
        let done = code(
            &Request {
                inside: None,
                path: &request,
                manifest: &manifest,
                format: Format::Csv,
                meta: &meta_1,
                effort: &Effort::default(),
            },
            coder,
            Out::from(out).committed(seal.key(), seal.context()),
        )
        .map_err(failed)?;
        Ok(written(done))
    };
    let made = only(service.code(quorum, from_ref(&files), work).unwrap());
    assert_eq!((made.scheme, made.rows), (Some(Scheme::FiHetu), 6));
    assert!(!world.path("request.csv").exists());
    report(&world, &service, &made.delivery, "result.csv");
    let rows = attached(&world, "retained.csv", "result.csv", "first.csv");
    let codes: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let texts: Vec<String> = expected.iter().map(cstatns::code::Code::text).collect();
    assert_eq!(codes[..4], texts.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(codes[4..], ["", ""]);

    // Renewal does not ask for a scheme: a code does not show its own.
    drop(service);
    world.new_key("people", RenewalReason::Scheduled).unwrap();
    let [data, request, retained] =
        ["first.csv", "request-2.csv", "retained-2.csv"].map(|file| world.path(file));
    let column = Column::Codes(&["code"]);
    let what = Prepare {
        sending: None,
        data: (&data).into(),
        column,
        service: &id(&world),
        signing: &signing(&world),
        domain: &name("people"),
        request: &request,
        beside: (&retained).into(),
        delimiter: b',',
        reading: cstatns_rows::reading::Reading::default(),
        accepted: &[],
    };
    prepare(what, &Effort::default()).unwrap();
    let manifest = Manifest::read(&manifest_path(&request)).unwrap();
    assert_eq!(manifest.content.scheme(), None);
    let mut service = world.open();
    let action = Action::Renew {
        domain: name("people"),
        from: common::generation(1),
        generation: common::generation(2),
        purpose: name("wages"),
        inputs: vec![manifest.input],
        recipient: None,
        keep_request: false,
        of: None,
    };
    let quorum = world.quorum(&mut service, action).unwrap();
    let meta_2 = meta(&world, quorum.question().run, 2);
    let files = RunFiles {
        request: vec![request.clone(), manifest_path(&request)],
        result: world.path("result-2.csv"),
        accepted: Default::default(),
    };
    let made = service
        .renew(quorum, from_ref(&files), |renewer, out| {
            let seal = out.seal();
            let done = renew(
                &Request {
                    inside: None,
                    path: &request,
                    manifest: &manifest,
                    format: Format::Csv,
                    meta: &meta_2,
                    effort: &Effort::default(),
                },
                renewer,
                Out::from(out).committed(seal.key(), seal.context()),
            )
            .map_err(failed)?;
            Ok(written(done))
        })
        .map(only)
        .unwrap();
    assert_eq!(made.scheme, None);
    report(&world, &service, &made.delivery, "result-2.csv");
    let second = attached(&world, "retained-2.csv", "result-2.csv", "second.csv");
    assert!(
        second
            .iter()
            .zip(&rows)
            .all(|(new, old)| new[0].starts_with("c2.") == old[0].starts_with("c1."))
    );
}

/// Under the wrong scheme nothing is read as somebody, and no manifest passes for one of another
/// scheme.
#[test]
fn one_scheme_is_not_read_as_the_other() {
    let world = World::new(2, 3);
    assert!(matches!(
        prepared(&world, Scheme::FrNir),
        Err(PrepareError::WrongColumn { invalid: 5, filled: 5, .. })
    ));
    let manifest = prepared(&world, Scheme::FiHetu).unwrap();
    let path = manifest_path(&world.path("request.csv"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#""scheme":"fi-hetu""#), "{text}");
    for (from, to) in
        [(r#""scheme":"fi-hetu","#, ""), ("fi-hetu", "fi-hetus"), ("fi-hetu", "FI-HETU")]
    {
        fs::write(&path, text.replace(from, to)).unwrap();
        assert!(matches!(Manifest::read(&path), Err(ManifestError::Form { .. })), "{to}");
    }
    fs::write(&path, text.replace("fi-hetu", "fr-nir")).unwrap();
    let other = Manifest::read(&path).unwrap();
    assert_eq!(other.input.commitment, manifest.input.commitment);
    let key = cstatns::hazmat::coding_key(
        &cstatns::secret::Secret::random(),
        "demo.aaaaaaaaaaaaaaaaaaaaaaaaaa",
        &name("people"),
        common::generation(1),
    );
    let coder = Coder::new(vec![key]).unwrap();
    let meta = FileMeta {
        service: "demo.aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        domain: name("people"),
        generation: common::generation(1),
        delivery: DeliveryId { run: Hex([7; 16]), part: 1 },
    };
    let refused = code(
        &Request {
            inside: None,
            path: &world.path("request.csv"),
            manifest: &other,
            format: Format::Csv,
            meta: &meta,
            effort: &Effort::default(),
        },
        &coder,
        &mut std::io::sink(),
    );
    assert_eq!(refused.unwrap_err().code(), "identifier-form");
}
