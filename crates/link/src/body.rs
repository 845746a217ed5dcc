//! A linking body at work: its keys, its ledger, its catalogue, under one lock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cstatns_base::files::{self, FileError, Lock};
use cstatns_base::name::Hex;
use cstatns_parcel::head::Sender;
use cstatns_parcel::open::Opened;
use cstatns_parcel::party::Party;
use cstatns_parcel::request::Contents;
use cstatns_record::ledger::event::Means;
use cstatns_record::linking::{
    Content, LinkedFile, LinkingEvent, LinkingLedger, LinkingState, Standing,
};
use cstatns_record::received::{ReceivedFile, received_path};
use cstatns_record::report::report_path;
use cstatns_rows::table::Input;
use jiff::Timestamp;

use crate::catalogue::{Catalogue, Entry, sha256, whole};
use crate::error::LinkError;
use crate::sealing::{keep, opened};

/// The ledger of the body whose folder this is.
pub fn ledger_path(directory: &Path) -> PathBuf {
    directory.join("ledger.jsonl")
}

/// A linking body whose keys are open. What a command that was stopped had still to do is done when
/// it is opened.
pub struct Body<'a> {
    pub(crate) party: &'a Party,
    pub(crate) catalogue: Catalogue,
    ledger: LinkingLedger,
    now: Timestamp,
    _lock: Lock,
}

impl<'a> Body<'a> {
    /// Opens the body whose folder this is; founds its ledger where it has none.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn open(directory: &Path, party: &'a Party, now: Timestamp) -> Result<Self, LinkError> {
        // Statements have whole seconds.
        let now = Timestamp::from_second(now.as_second()).expect("it is earlier than `now`");
        let lock = files::lock(&directory.join("lock"))?;
        // What stopped writes of the ledger's checkpoint left.
        files::sweep(directory)?;
        let (path, card) = (ledger_path(directory), party.card());
        let ledger = LinkingLedger::open(&path, card, &party.signing(), now)?;
        let catalogue = Catalogue::of(directory);
        catalogue.open()?;
        let mut body = Self { party, catalogue, ledger, now, _lock: lock };
        for entry in body.catalogue.entries()? {
            body.settle(entry)?;
        }
        Ok(body)
    }

    /// What its ledger says.
    pub fn state(&self) -> &LinkingState {
        self.ledger.state()
    }

    /// The checkpoint of its ledger, as it signed it.
    pub fn note(&self) -> &str {
        self.ledger.note()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Opens a parcel to this body; `knows` says whom it may be from.
    pub(crate) fn opened(
        &self,
        path: &Path,
        knows: &dyn Fn(&Sender) -> bool,
    ) -> Result<(Opened, Contents), LinkError> {
        opened(path, (self.party, self.now), knows)
    }

    /// Opens the copy that is kept of a file.
    pub(crate) fn kept(&self, name: &Path) -> Result<(Opened, Arc<Contents>), LinkError> {
        let own = self.party.sender();
        let opened = self.opened(&self.catalogue.path(name), &|sender| *sender == own);
        opened.map(|(opened, contents)| (opened, Arc::new(contents)))
    }

    pub(crate) fn record(&mut self, event: LinkingEvent) -> Result<(), LinkError> {
        Ok(self.ledger.append(event, &self.party.signing(), self.now)?)
    }

    /// The entry of a number.
    pub(crate) fn entry(&self, file: &Hex<16>) -> Result<Entry, LinkError> {
        let found = self.catalogue.entries()?.into_iter().find(|entry| entry.file == *file);
        found.ok_or_else(|| LinkError::Entry { path: self.catalogue.path_of(file) })
    }

    /// What the ledger says of a file.
    pub(crate) fn file(&self, number: &Hex<16>) -> Result<&LinkedFile, LinkError> {
        Ok(self.state().file(number)?)
    }

    /// Does what a stopped command had still to do about a file.
    fn settle(&mut self, entry: Entry) -> Result<(), LinkError> {
        let standing = self.state().files().get(&entry.file).map(|file| file.standing);
        let beside = match &entry.event {
            LinkingEvent::Joined { .. } => report_path(&entry.path),
            _ => received_path(&entry.path),
        };
        let names = [&*self.catalogue.path_of(&entry.file), &beside, &entry.path];
        let taken_back = files::take_back(&names);
        // Of a file that is recorded, what could not be destroyed when it was found is tried again,
        // and keeps nobody.
        if standing.is_none() {
            taken_back?;
        }
        match standing {
            // The file got its name and the command was stopped, or it never got it.
            None => match files::taken(&entry.path)? && entry.mark.is_of(&entry.path)? {
                true => {
                    self.record(entry.event.clone())?;
                    self.finish(entry)
                }
                false => Ok(self.catalogue.remove(&entry.file)?),
            },
            Some(Standing::Destroyed) if entry.releasing.is_none() => Ok(self.forget(&entry)?),
            Some(_) => self.finish(entry),
        }
    }

    /// Destroys what is to be destroyed once a file is recorded, and ends a release.
    pub(crate) fn finish(&mut self, mut entry: Entry) -> Result<(), LinkError> {
        if !entry.destroy.is_empty() {
            let mut count = 0;
            for source in &entry.destroy {
                source.destroy()?;
                count += 1;
            }
            self.count_destroyed(&entry.path, count)?;
            entry.destroy.clear();
            self.catalogue.replace(&entry)?;
        }
        if let LinkingEvent::Received { of: Some(former), .. } = &entry.event
            && self.file(former)?.standing != Standing::Destroyed
        {
            // Its codes were renewed.
            self.destroy_all(former)?;
        }
        let Some(releasing) = entry.releasing.clone() else { return Ok(()) };
        if let Some(copy) = &entry.copy {
            files::take_back(&[&self.catalogue.path(copy), &releasing.parcel])?;
        }
        let is_there = files::taken(&releasing.parcel)?;
        let left = is_there && sha256(&releasing.parcel)? == releasing.sha256;
        let is_recorded = |file: &LinkedFile| !file.released.is_empty();
        if !(left && is_recorded(self.file(&entry.file)?)) {
            // It never got its name: nothing is destroyed for it.
            entry.releasing = None;
            if self.file(&entry.file)?.standing != Standing::Kept {
                entry.copy = None;
            }
            return Ok(self.catalogue.replace(&entry)?);
        }
        if self.file(&entry.file)?.standing == Standing::Clear {
            self.destroy_clear(&entry)?;
        }
        for number in &releasing.coded {
            self.put_away(number, releasing.keep)?;
        }
        entry.releasing = None;
        match self.file(&entry.file)?.standing {
            Standing::Destroyed => Ok(self.forget(&entry)?),
            _ => Ok(self.catalogue.replace(&entry)?),
        }
    }

    /// Says in the receipt beside a file how many others are destroyed.
    fn count_destroyed(&self, path: &Path, count: u64) -> Result<(), LinkError> {
        let place = received_path(path);
        // One that is gone was given already.
        let Ok(ReceivedFile::Signed(receipt)) = ReceivedFile::read(&place) else { return Ok(()) };
        let note = receipt.body.checkpoint.clone().unwrap_or_default();
        let by = self.party.card().fingerprint();
        let receipt = receipt.body.with_destroyed(count).signed(by, note, &self.party.signing());
        Ok(files::replace(&place, &receipt.bytes(), files::Access::Private)?)
    }

    /// Destroys the file of an entry that lies in clear; where there is a copy, that stays.
    pub(crate) fn destroy_clear(&mut self, entry: &Entry) -> Result<(), LinkError> {
        let how = destroyed(&entry.path)?;
        let (file, kept) = (entry.file, entry.copy.is_some());
        self.record(LinkingEvent::Destroyed { file, kept, how })
    }

    /// Puts a coded file away: destroys it, once an encrypted copy is kept where one is wanted.
    pub(crate) fn put_away(&mut self, number: &Hex<16>, keeps: bool) -> Result<(), LinkError> {
        let file = self.file(number)?;
        if file.standing != Standing::Clear {
            return Ok(());
        }
        let mut entry = self.entry(number)?;
        if keeps && entry.copy.is_none() {
            entry.copy = Some(keep(&self.catalogue, &entry, (self.party, self.now))?);
            self.catalogue.replace(&entry)?;
        }
        self.destroy_clear(&entry)?;
        if entry.copy.is_none() {
            self.forget(&entry)?;
        }
        Ok(())
    }

    /// Destroys all that there is of a file.
    pub(crate) fn destroy_all(&mut self, number: &Hex<16>) -> Result<(), LinkError> {
        let mut entry = self.entry(number)?;
        if self.file(number)?.standing == Standing::Clear {
            entry.copy = None;
            self.destroy_clear(&entry)?;
            return Ok(self.forget(&entry)?);
        }
        let copy = entry.copy.clone().unwrap_or_default();
        let how = destroyed(&self.catalogue.path(&copy))?;
        self.record(LinkingEvent::Destroyed { file: *number, kept: false, how })?;
        Ok(self.forget(&entry)?)
    }

    /// Removes what the catalogue has of a file that is destroyed.
    fn forget(&self, entry: &Entry) -> Result<(), FileError> {
        if let Some(copy) = &entry.copy {
            files::destroy_if_present(&self.catalogue.path(copy))?;
        }
        for kept in &entry.retained {
            kept.destroy()?;
        }
        self.catalogue.remove(&entry.file)
    }

    /// The entry of the file that lies at `path`, in clear or as a copy in the catalogue. The file
    /// is read, and must be as it was made.
    pub(crate) fn find(&self, path: &Path) -> Result<Entry, LinkError> {
        let place = whole(path);
        let entries = self.catalogue.entries()?;
        let is_copy = |entry: &&Entry| {
            let copy = entry.copy.as_ref().map(|copy| whole(&self.catalogue.path(copy)));
            copy.as_ref() == Some(&place)
        };
        if let Some(entry) = entries.iter().find(is_copy) {
            return Ok(entry.clone());
        }
        // It may have been moved.
        let bytes = files::Facts::of(path)?.bytes;
        let mut known: Vec<&Entry> = entries
            .iter()
            .filter(|entry| entry.path == place || entry.mark.bytes == bytes)
            .collect();
        known.sort_by_key(|entry| entry.path != place);
        for entry in &known {
            if entry.mark.is_of(path)? {
                return Ok((*entry).clone());
            }
        }
        match known.first().is_some_and(|entry| entry.path == place) {
            true => Err(LinkError::Changed { path: path.to_owned() }),
            false => Err(LinkError::Unknown { path: path.to_owned() }),
        }
    }

    /// The coded file that lies at `path`, in clear or as the copy that is kept, and its rows.
    pub(crate) fn coded(&self, path: &Path) -> Result<CodedFile, LinkError> {
        let entry = self.find(path)?;
        let file = self.file(&entry.file)?.clone();
        if !file.is_coded() {
            return Err(LinkError::NotCoded { path: path.to_owned() });
        }
        let copy = match entry.copy.as_ref().filter(|_| whole(path) != entry.path) {
            Some(copy) => Some(self.kept(copy)?.1),
            None => None,
        };
        Ok(CodedFile { entry, file, place: path.to_owned(), copy })
    }

    /// The file that a command made before, if it is the same command: it was stopped, or is
    /// repeated.
    pub(crate) fn made_before(
        &self,
        out: &Path,
        from: &[PathBuf],
    ) -> Result<Option<(Entry, &LinkedFile)>, LinkError> {
        if !files::taken(out)? {
            return Ok(None);
        }
        let (place, exists) = (whole(out), || FileError::Exists { path: out.to_owned() });
        let is_same = |entry: &Entry| entry.path == place && entry.from == from;
        let entry = self.catalogue.entries()?.into_iter().find(is_same).ok_or_else(exists)?;
        let file = self.file(&entry.file)?;
        match file.standing == Standing::Clear && entry.mark.is_of(out)? {
            true => Ok(Some((entry, file))),
            false => Err(exists().into()),
        }
    }

    /// The deliveries of the coded files of a joined one.
    pub(crate) fn coded_of(&self, number: &Hex<16>) -> Result<Vec<Hex<16>>, LinkError> {
        Ok(match &self.file(number)?.content {
            Content::Joined { of } => of.clone(),
            _ => Vec::new(),
        })
    }
}

/// A coded file of a body.
pub(crate) struct CodedFile {
    pub(crate) entry: Entry,
    pub(crate) file: LinkedFile,
    place: PathBuf,
    copy: Option<Arc<Contents>>,
}

impl CodedFile {
    /// Its rows.
    pub(crate) fn rows(&self) -> Input<'_> {
        match &self.copy {
            Some(contents) => Input::Inside(&self.entry.path, contents.clone()),
            None => Input::File(&self.place),
        }
    }
}

/// Destroys a file, and says how.
fn destroyed(path: &Path) -> Result<Means, FileError> {
    Ok(match files::destroy_if_present(path)? {
        Some(_) => Means::Overwritten,
        None => Means::Absent,
    })
}
