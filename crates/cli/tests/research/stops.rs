//! What a linking body does, stopped at each durable step: the next command finishes it or it is
//! repeated, nothing is lost, and nothing lies where it must not (SPEC §20).

mod twice;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::common::{Place, csv, files, identifiers};
use crate::needles::has_code;
use crate::project::{coded, prepared, project};
use cstatns::audit::verify_linking;
use cstatns::card::{PartyCard, ServiceCard, read_service_card};
use cstatns::coded::Coded as _;
use cstatns::files::faults::{count, fail_at, stop_after};
use cstatns::linking::{Standing, read_linking};
use cstatns::name::Name;
use cstatns_link::join::How;
use cstatns_link::{
    Body, JoinFiles, LinkError, Over, Receive, Release, Renewal, Rows, end, join_files,
    ledger_path, prepare_renewal, receive, release,
};
use cstatns_parcel::party::Party;
use cstatns_rows::effort::Effort;
use jiff::{SignedDuration, Timestamp};

const ROWS: usize = 30;

/// A project whose two files wait for their linking body.
fn waiting() -> Place {
    let place = project();
    for (file, controller) in [("hospital", "atih"), ("wages", "insee")] {
        let rows = csv(&identifiers(ROWS)).replacen("value", file, 1);
        place.write(&format!("{file}.csv"), rows);
        prepared(&place, file, controller, "mobility");
        coded(&place, file, "mobility");
    }
    place
}

/// A copy of a place, to be stopped in.
struct Copy(tempfile::TempDir);

impl Copy {
    fn of(place: &Path) -> Self {
        let copy = tempfile::tempdir().unwrap();
        for (path, bytes) in files(place) {
            let to = copy.path().join(path.strip_prefix(place).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, bytes).unwrap();
        }
        // Where files lie, an entry of the catalogue says; a copy is another place.
        let catalogue = copy.path().join("cesr/catalogue");
        for (path, bytes) in files(&catalogue) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let moved = text.replace(place.to_str().unwrap(), copy.path().to_str().unwrap());
            if path.extension().is_some_and(|end| end == "json") {
                fs::write(path, moved).unwrap();
            }
        }
        Self(copy)
    }

    /// The place that it is a copy of, with what became of it.
    fn back(self, mut place: Place) -> Place {
        place.directory = self.0;
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn card(&self) -> ServiceCard {
        read_service_card(&self.path("home/card.json")).unwrap()
    }

    /// Does something as the linking body.
    fn act<T>(
        &self,
        act: impl FnOnce(&mut Body<'_>, &Self) -> Result<T, LinkError>,
    ) -> Result<T, LinkError> {
        let directory = self.path("cesr");
        let party = Party::open(&directory, None)?;
        let mut body = Body::open(&directory, &party, Timestamp::now())?;
        act(&mut body, self)
    }
}

fn attach(body: &mut Body<'_>, at: &Copy, file: &str) -> Result<(), LinkError> {
    let what = Receive {
        service: &at.card(),
        rows: Rows::Payload(&at.path(&format!("{file}.pay.csv.age"))),
        result: &at.path(&format!("{file}.res.csv.age")),
        out: &at.path(&format!("{file}.coded.csv")),
    };
    receive(body, &what, &Effort::default()).map(drop)
}

fn attach_hospital(body: &mut Body<'_>, at: &Copy) -> Result<(), LinkError> {
    attach(body, at, "hospital")
}

fn attach_wages(body: &mut Body<'_>, at: &Copy) -> Result<(), LinkError> {
    attach(body, at, "wages")
}

fn join(body: &mut Body<'_>, at: &Copy) -> Result<(), LinkError> {
    let name = |text| Name::new(text).unwrap();
    let what = JoinFiles {
        sources: &[
            (name("care"), at.path("hospital.coded.csv")),
            (name("wages"), at.path("wages.coded.csv")),
        ],
        how: How::Inner,
        many: false,
        least: None,
        out: &at.path("joined.csv"),
    };
    join_files(body, &what, &Effort::default()).map(drop)
}

fn give_and_keep(body: &mut Body<'_>, at: &Copy) -> Result<(), LinkError> {
    give(body, at, true)
}

fn give_all(body: &mut Body<'_>, at: &Copy) -> Result<(), LinkError> {
    give(body, at, false)
}

fn give(body: &mut Body<'_>, at: &Copy, keep: bool) -> Result<(), LinkError> {
    let to: PartyCard =
        serde_json::from_slice(&fs::read(at.path("lab/card.json")).unwrap()).unwrap();
    let what = Release {
        file: &at.path("joined.csv"),
        to: &to,
        ledger: None,
        authorisation: Name::new("cnil-2026-017").unwrap(),
        out: &at.path("joined.csv.age"),
        until: keep.then(|| Timestamp::now() + SignedDuration::from_hours(24)),
        keep_coded: keep,
    };
    release(body, &what).map(drop)
}

fn finish(body: &mut Body<'_>, at: &Copy) -> Result<(), LinkError> {
    let service = cstatns::meta::ServiceId::of(at.card().id()).unwrap();
    let domain = Name::new("mobility").unwrap();
    let head = cstatns::checkpoint::Head { size: 1, root: cstatns::name::Hex([1; 32]) };
    end(body, Over { service, domain, head }).map(drop)
}

fn ask(body: &mut Body<'_>, at: &Copy) -> Result<(), LinkError> {
    let what = Renewal {
        service: &at.card(),
        domain: &Name::new("mobility").unwrap(),
        coded: &at.path("wages.coded.csv"),
        key: &at.path("renewal.key.json"),
        request: &at.path("wages.renewal.csv.age"),
        retained: &at.path("wages.kept.age"),
    };
    prepare_renewal(body, &what, &Effort::default()).map(drop)
}

fn take_new(body: &mut Body<'_>, at: &Copy) -> Result<(), LinkError> {
    let what = Receive {
        service: &at.card(),
        rows: Rows::Retained(&at.path("wages.kept.age")),
        result: &at.path("wages.new.csv.age"),
        out: &at.path("wages.new.coded.csv"),
    };
    receive(body, &what, &Effort::default()).map(drop)
}

/// The names in a folder and below, without those whose numbers are drawn.
fn names(place: &Path) -> BTreeSet<String> {
    let name = |path: PathBuf| {
        let name = path.strip_prefix(place).unwrap().to_str().unwrap().to_owned();
        match name.split_once("catalogue/") {
            Some((_, entry)) => {
                let (_, end) = entry.split_once('.').unwrap_or(("", entry));
                format!("catalogue/*.{end}")
            }
            None => name,
        }
    };
    files(place).into_keys().map(name).collect()
}

/// What must hold whatever stopped: the ledger holds, what it says to be there is there, and no
/// parcel is gone whose rows are nowhere else.
fn look(at: &Copy, when: &str) {
    let ledger = ledger_path(&at.path("cesr"));
    if !ledger.exists() || !at.path("cesr/checkpoint").exists() {
        return;
    }
    let audit = verify_linking(&ledger, None, &[], Timestamp::now()).unwrap();
    assert!(audit.holds(), "{when}: {audit}");
    for file in ["hospital", "wages"] {
        let has = |name: &str| at.path(&format!("{file}.{name}")).exists();
        let sent = has("pay.csv.age") && has("res.csv.age");
        let state = read_linking(&ledger).unwrap().state;
        let coded = has("coded.csv")
            || has("new.coded.csv")
            || state.files().values().any(|file| file.standing != Standing::Clear);
        assert!(sent || coded, "{when}: {file} is lost");
    }
    // An identifier is in the controllers' data and nowhere else; a code in coded files alone.
    let people = identifiers(ROWS);
    let people: Vec<&[u8]> = people[..3].iter().map(|nir| nir.as_bytes()).collect();
    for (path, bytes) in files(at.0.path()) {
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
        let is_data = ["hospital.csv", "wages.csv"].iter().any(|name| path.ends_with(name));
        assert!(is_data || !people.iter().any(|nir| has(nir)), "{when}: an identifier in {path:?}");
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_coded = name.contains(".coded.csv");
        assert!(is_coded || !has_code(&bytes), "{when}: a code in {path:?}");
    }
}

/// A command of the linking body.
type Act = fn(&mut Body<'_>, &Copy) -> Result<(), LinkError>;

/// Whether a command that is repeated says so that it was done.
fn is_done(error: &LinkError) -> bool {
    ["output-exists", "file-missing", "linking-notice-known"].contains(&error.code())
}

/// The events in the ledger of the linking body.
fn events(at: &Copy) -> u64 {
    read_linking(&ledger_path(&at.path("cesr"))).unwrap().history.size()
}

/// Does something that is stopped after each number of steps, or one of whose steps fails, then
/// does it again: the end is always the same.
fn matrix(what: &str, place: &Path, act: Act) {
    let whole = Copy::of(place);
    let steps = count(whole.0.path(), || whole.act(act)).min(400);
    let wanted = names(whole.0.path());
    assert!(steps > 10, "{what}: {steps} steps");
    for step in 0..steps {
        // Where a step fails and the others do not, fewer show as much.
        for fails in [false, true].into_iter().take(1 + usize::from(step % 5 == 0)) {
            let at = Copy::of(place);
            let when = format!(
                "{what}, {} step {step} of {steps}",
                if fails { "failed at" } else { "stopped at" }
            );
            let stopped = match fails {
                true => fail_at(at.0.path(), step, ErrorKind::StorageFull, || at.act(act)),
                false => stop_after(at.0.path(), step, || at.act(act)),
            };
            // A step of the clean-up may fail without harm.
            if stopped.is_ok() && !fails {
                panic!("{when}: it was not stopped");
            }
            look(&at, &when);
            // The next command, whichever it is, goes on; then the same one is done, or was.
            let again = at.act(act);
            assert!(again.as_ref().err().is_none_or(is_done), "{when}: {again:?}");
            assert_eq!(names(at.0.path()), wanted, "{when}");
            assert!(events(&at) >= events(&whole), "{when}");
            look(&at, &when);
        }
    }
}

/// Each command of a linking body on the way from its parcels to the end of the project.
fn linking(each: impl Fn(&str, &Path, Act)) {
    let place = waiting();
    let begun = Copy::of(place.directory.path());
    begun.act(attach_hospital).unwrap();
    assert!(has_code(&fs::read(begun.path("hospital.coded.csv")).unwrap()));
    each("attach", begun.0.path(), attach_wages);
    begun.act(attach_wages).unwrap();
    each("join", begun.0.path(), join);
    begun.act(join).unwrap();
    each("release", begun.0.path(), give_all);
    each("release, kept", begun.0.path(), give_and_keep);
    begun.act(give_and_keep).unwrap();
    each("end", begun.0.path(), finish);
}

/// Both commands of a linking body in a renewal.
fn renewal(each: impl Fn(&str, &Path, Act)) {
    let place = waiting();
    let begun = Copy::of(place.directory.path());
    begun.act(attach_wages).unwrap();
    // The service goes on with the same home.
    let place = begun.back(place);
    place.quorum("service new-key home mobility --reason scheduled");
    place.ok("service request-key home mobility --for cesr --out renewal.key.json");
    each("prepare", place.directory.path(), ask);
    let begun = Copy::of(place.directory.path());
    begun.act(ask).unwrap();
    let place = begun.back(place);
    place.quorum(
        "service renew home mobility --request wages.renewal.csv.age --result wages.new.csv.age \
        --purpose renewal --to cesr",
    );
    each("attach a renewal", place.directory.path(), take_new);
}

#[test]
fn a_linking_body_that_is_stopped_anywhere_goes_on() {
    linking(matrix);
}

#[test]
fn a_renewal_that_is_stopped_anywhere_goes_on() {
    renewal(matrix);
}
