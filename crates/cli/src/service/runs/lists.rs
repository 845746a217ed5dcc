//! The requests and results of a run, looked at before any custodian is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cstatns::civil_status::SCHEME;
use cstatns::code::Tag;
use cstatns::commitment::Use;
use cstatns::delivery::{DeliveryId, MOST_PARTS};
use cstatns::files::{Facts, FileError, free_space};
use cstatns::manifest::{Content, Manifest, ManifestError, manifest_path};
use cstatns::meta::ServiceId;
use cstatns::name::Name;
use cstatns::proposal::{Action, Input};
use cstatns::report::report_path;
use cstatns::service::{Outgoing, RunFiles, Service, ServiceError, whole_path};
use cstatns::state::Refusal;
use cstatns_bulk::{CodeFileError, look};
use cstatns_controller::PrepareError;
use cstatns_parcel::error::ParcelFault;
use cstatns_parcel::file::ParcelError;
use cstatns_parcel::request::{Declared, inner_name, is_age};
use cstatns_rows::error::TableError;
use cstatns_rows::parts::all_files;
use cstatns_rows::results::least_bytes;
use cstatns_rows::table::Format;

use super::Run;
use super::passes::warn_of_namespace;
use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;

/// A request that was looked at, and where its result goes.
pub(super) struct Looked {
    pub(super) request: PathBuf,
    pub(super) came: Came,
    pub(super) result: PathBuf,
    pub(super) format: Format,
}

/// How a request came, and what is known of it.
pub(super) enum Came {
    /// With its manifest beside it.
    InClear(Box<Manifest>),
    /// In a parcel: what its sender declares, which the ledger's rules and the run verify.
    Sealed { input: Box<Input>, content: Content, previous: Vec<DeliveryId> },
}

impl Looked {
    pub(super) fn content(&self) -> Content {
        match &self.came {
            Came::InClear(manifest) => manifest.content,
            Came::Sealed { content, .. } => *content,
        }
    }

    fn input(&self) -> Input {
        match &self.came {
            Came::InClear(manifest) => manifest.input,
            Came::Sealed { input, .. } => **input,
        }
    }

    fn previous(&self) -> &[DeliveryId] {
        match &self.came {
            Came::InClear(manifest) => &manifest.previous,
            Came::Sealed { previous, .. } => previous,
        }
    }
}

/// What a parcel declares, if it is one of a request for this domain.
fn declared(request: &Path, service: &str, domain: &Name) -> Result<Option<Came>, Fault> {
    if !is_age(request)? {
        return Ok(None);
    }
    let path = || request.to_owned();
    let Some(Declared { declaration, previous }) = Declared::read(request)? else {
        return Err(ParcelError::Parcel { path: path(), fault: ParcelFault::Form }.into());
    };
    let body = &declaration.body;
    let (Some(found), Some(expected)) = (ServiceId::of(&body.service), ServiceId::of(service))
    else {
        return Err(ParcelError::Parcel { path: path(), fault: ParcelFault::Form }.into());
    };
    if found != expected {
        return Err(CodeFileError::OtherService { path: path(), found, expected }.into());
    }
    if body.domain != *domain {
        let (found, expected) = (body.domain.clone(), domain.clone());
        return Err(CodeFileError::OtherDomain { path: path(), found, expected }.into());
    }
    let content = match (body.r#use, body.scheme, body.generation) {
        (Use::Code, Some(scheme), None) => Content::Identifiers { scheme },
        // Whether identifiers lie beside is seen once it is opened.
        (Use::LookUp, Some(SCHEME), None) => Content::CivilStatus { identifier: false },
        (Use::Renew, None, Some(generation)) => {
            Content::Codes { tag: Tag::of(service, domain), generation }
        }
        _ => return Err(ParcelError::Parcel { path: path(), fault: ParcelFault::Form }.into()),
    };
    Ok(Some(Came::Sealed { input: Box::new(declaration.input()), content, previous }))
}

/// The requests of a run, of one kind, in the order of the command line: at least one.
pub(super) struct Requests(Vec<Looked>);

impl Run {
    /// Refuses requests that have no result each, or are too many.
    pub(super) fn paired(&self) -> Result<(), Fault> {
        let (requests, results) = (self.requests.len(), self.results.len());
        if requests != results {
            return Err(Fault::usage(text!(
                "{requests} requests and {results} results: give one --result for each --request, \
                in the same order",
                "{requests} demandes et {results} résultats : donnez un --result pour chaque --request, dans le même ordre"
            )));
        }
        if requests > MOST_PARTS {
            return Err(Fault::usage(text!(
                "{requests} requests: give at most {MOST_PARTS} in one command",
                "{requests} demandes : donnez-en au plus {MOST_PARTS} en une commande"
            )));
        }
        Ok(())
    }

    /// Reads the manifests, looks at the requests' columns and at the names of the files.
    pub(super) fn look(&self, program: &Program, service: &Service) -> Result<Requests, Fault> {
        let mut looked: Vec<Looked> = Vec::with_capacity(self.requests.len());
        let mut places = BTreeSet::new();
        for (request, result) in self.requests.iter().zip(&self.results) {
            let each = self.look_at(service, request, result)?;
            if let Some(first) = looked.first() {
                check_alike(first, &each)?;
            }
            let commitment = each.input().commitment;
            let known = |other: &&Looked| other.input().commitment == commitment;
            if let Some(other) = looked.iter().find(known) {
                let text = text!(
                    "{:?} and {request:?} are the same request: give it once",
                    "{:?} et {request:?} sont la même demande : donnez-la une fois",
                    other.request
                );
                return Err(Fault::new("requests", text));
            }
            if !places.insert(place_of(result)?) {
                return Err(Fault::usage(text!(
                    "{result:?} is given as the result of two requests",
                    "{result:?} est donné comme résultat de deux demandes"
                )));
            }
            looked.push(each);
        }
        warn_of_namespace(program);
        if self.keep_request {
            program.say(
                text!("note: --keep-request departs from the scheme (R7: the service destroys \
                what it was given); recorded",
                    "note : --keep-request s'écarte du schéma (R7 : le service détruit ce qui lui a été remis) ; inscrit"),
            );
        }
        Ok(Requests(looked))
    }

    fn look_at(&self, service: &Service, request: &Path, result: &Path) -> Result<Looked, Fault> {
        let came = self.came(service, request)?;
        let format = match &self.to {
            Some(_) if result.extension().is_none_or(|end| end != "age") => {
                return Err(PrepareError::NotAge { path: result.to_owned() }.into());
            }
            Some(_) => Format::of(&inner_name(result))?,
            None => {
                self.recipient(service.state())?;
                Format::of(result)?
            }
        };
        for path in [result.to_owned(), report_path(result)] {
            if path.symlink_metadata().is_ok() {
                return Err(FileError::Exists { path }.into());
            }
        }
        let directory = result.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            return Err(FileError::Missing { path: directory.to_owned() }.into());
        }
        let place = whole_path(result).ok();
        if let Some(other) = service.outgoing().into_iter().find(|other| other.result == place) {
            // Its copy was moved away; what is put here would be taken for it.
            return Err(Fault::new(
                "place-taken",
                text!(
                    "{result:?} is the place of delivery {}, which waits for `service delivered`: \
                    choose another name",
                    "{result:?} est l'emplacement de la livraison {}, qui attend `service delivered` : choisissez un \
                        autre nom",
                    other.delivery
                ),
            ));
        }
        let (request, result) = (request.to_owned(), result.to_owned());
        Ok(Looked { request, came, result, format })
    }

    /// Looks at a request, as far as that is possible before a quorum opens it.
    fn came(&self, service: &Service, request: &Path) -> Result<Came, Fault> {
        let is_there = request.symlink_metadata().is_ok();
        let id = service.card().id();
        if let Some(came) =
            is_there.then(|| declared(request, id, &self.domain)).transpose()?.flatten()
        {
            return Ok(came);
        }
        let manifest = Manifest::read(&manifest_path(request)).map_err(|error| {
            coded_already(service, request).unwrap_or_else(|| unread(request, error))
        })?;
        if !request.is_file() && !request.is_dir() {
            return Err(FileError::Missing { path: request.to_owned() }.into());
        }
        look(request, &manifest, id, &self.domain)?;
        Ok(Came::InClear(Box::new(manifest)))
    }
}

/// The manifest was not read. One that is missing was left behind, or the request is not here
/// either.
fn unread(request: &Path, error: ManifestError) -> Fault {
    let is_missing = matches!(error, ManifestError::File(FileError::Missing { .. }));
    if is_missing && request.symlink_metadata().is_err() {
        return FileError::Missing { path: request.to_owned() }.into();
    }
    let fault = Fault::from(error);
    match is_missing && request.is_file() {
        true => fault.advising(text!(
            "the manifest that `prepare` wrote must come with the request",
            "le manifeste que `prepare` a écrit doit accompagner la demande"
        )),
        false => fault,
    }
}

/// A request that is gone because it was coded: the run was finished by another command than the
/// one that is repeated.
fn coded_already(service: &Service, request: &Path) -> Option<Fault> {
    let files = [manifest_path(request), request.to_owned()];
    if files[0].symlink_metadata().is_ok() {
        return None;
    }
    let places = files.map(|file| whole_path(&file).ok());
    let mut outgoing = service.outgoing().into_iter();
    let is_of = |made: &Outgoing| {
        let request = service.request_of(&made.delivery.id);
        places.iter().flatten().any(|place| request.contains(place))
    };
    let made = outgoing.find(is_of)?;
    let result = made.result?;
    let text = text!(
        "{request:?} is coded and destroyed: delivery {}, whose result is {result:?}",
        "{request:?} est codée et détruite : livraison {}, dont le résultat est {result:?}",
        made.delivery
    );
    Some(
        Fault::new("request-spent", text)
            .advising(text!("use that result", "utilisez ce résultat")),
    )
}

/// The directory of a result, however it is spelt, and the result's name in it.
fn place_of(result: &Path) -> Result<((u64, u64), Option<std::ffi::OsString>), Fault> {
    let path = absolute(result)?;
    let directory = Facts::of(path.parent().unwrap_or(&path))?;
    Ok((directory.inode, path.file_name().map(ToOwned::to_owned)))
}

fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    std::path::absolute(path).map_err(|error| FileError::from_io(path, &error))
}

/// One run codes requests of one use, scheme and generation.
fn check_alike(first: &Looked, other: &Looked) -> Result<(), Fault> {
    let kind = |content: Content| (content.r#use(), content.scheme(), content.generation());
    if kind(first.content()) == kind(other.content()) {
        return Ok(());
    }
    Err(Fault::new(
        "requests-differ",
        text!(
            "{:?} is of another use, scheme or generation than {:?}: give them to commands of \
            their own",
            "{:?} est d'un autre usage, type ou génération que {:?} : donnez-les à des commandes à part",
            other.request,
            first.request
        ),
    ))
}

impl Requests {
    pub(super) fn first(&self) -> &Looked {
        &self.0[0]
    }

    pub(super) fn all(&self) -> &[Looked] {
        &self.0
    }

    /// What the custodians are asked to approve of them.
    pub(super) fn inputs(&self) -> Vec<Input> {
        self.0.iter().map(Looked::input).collect()
    }

    /// The files of each run; of a request in parts all that lie in its folder.
    pub(super) fn files(&self) -> Result<Vec<RunFiles>, TableError> {
        let files = |each: &Looked| {
            let mut request = all_files(&each.request)?;
            let accepted = match &each.came {
                Came::InClear(manifest) => {
                    request.push(manifest_path(&each.request));
                    manifest.accepted.clone()
                }
                // Its manifest is in it.
                Came::Sealed { .. } => BTreeMap::new(),
            };
            Ok(RunFiles { request, result: each.result.clone(), accepted })
        };
        self.0.iter().map(files).collect()
    }

    /// The deliveries that the codes of a renewal came from, by the requests' manifests.
    pub(super) fn previous(&self) -> Result<BTreeSet<DeliveryId>, Fault> {
        if let Some(unnamed) = self.0.iter().find(|each| each.previous().is_empty()) {
            let fault = Fault::new(
                "deliveries-unnamed",
                text!(
                    "nothing says which deliveries these codes came from: put their .report.json \
                beside the data and prepare again, or name them with --of, or say `--of unknown`, \
                which is recorded",
                    "rien ne dit de quelles livraisons viennent ces codes : mettez leur .report.json à côté des données \
                        et préparez de nouveau, ou nommez-les par --of, ou dites `--of unknown`, ce qui est inscrit"
                ),
            );
            return Err(if self.0.len() > 1 { fault.about(&unnamed.request) } else { fault });
        }
        Ok(self.0.iter().flat_map(|each| each.previous().iter().copied()).collect())
    }

    /// Refuses results for which there is no room, as far as their size is known: of people, who
    /// will be found is not.
    pub(super) fn check_room(&self) -> Result<(), Fault> {
        let mut taken: BTreeMap<u64, u64> = BTreeMap::new();
        for looked in &self.0 {
            let Looked { result, format, .. } = looked;
            let Input { rows, values, distinct, .. } = looked.input();
            let (codes, distinct) = match looked.content() {
                Content::CivilStatus { .. } => (0, 0),
                Content::Identifiers { .. } | Content::Codes { .. } => (values, distinct),
            };
            let place = absolute(result)?;
            let directory = place.parent().unwrap_or(&place);
            let Some(free) = free_space(directory)? else { continue };
            let needed = taken.entry(Facts::of(directory)?.inode.0).or_default();
            *needed = needed.saturating_add(least_bytes(*format, rows, codes, distinct));
            if *needed > free {
                return Err(
                    FileError::NoRoom { path: result.clone(), needed: *needed, free }.into()
                );
            }
        }
        Ok(())
    }

    /// Of several requests, says which one would be refused.
    pub(super) fn check_each(
        &self,
        service: &Service,
        action: &dyn Fn(Vec<Input>) -> Action,
    ) -> Result<(), Fault> {
        for each in self.0.iter().filter(|_| self.0.len() > 1) {
            match service.check_proposal(&action(vec![each.input()])) {
                Err(ServiceError::Refused(
                    refusal @ (Refusal::TooFew { .. }
                    | Refusal::Counts
                    | Refusal::Rows
                    | Refusal::RequestSpent { .. }),
                )) => return Err(Fault::from(refusal).about(&each.request)),
                outcome => outcome?,
            }
        }
        Ok(())
    }
}
