//! What the tests of this crate share. Every person here is invented.

#![allow(unreachable_pub, reason = "one test binary")]

use std::path::{Path, PathBuf};

use cstatns_base::civil_status::{CivilStatus, Columns, Field};
use cstatns_base::identifier::{Identifier, Scheme};
use cstatns_register::{
    Answer, BuildError, Builder, Built, Index, MatchQuality, Origin, Places, Query, Record, Stopped,
};
use tempfile::TempDir;

/// A row in INSEE's columns, parted by semicolons:
/// id;nir;nom;nom_usage;prenoms;sexe;date;code;libelle;pays. The key of a NIR of 13 characters need
/// not be there.
pub const PEOPLE: [&str; 9] = [
    "A;2840575101001;D'ALLEMANE;LE GOFFIC;Zoé Marie-Claire Anne;F;1984-05-12;75101;Paris 1er \
    Arrondissement;FRANCE",
    "B;1840575101002;DE LA BRUYAIRE;;Jean-Pierre Paul;M;1984-05-12;75101;Paris 1er \
    Arrondissement;FRANCE",
    "C;1500199352003;BENSOULTANE;;KARIM;M;1950-00-00;99352;ORAN;ALGERIE",
    // Twins.
    "D;1620320033004;MARCELLIN;;Ange;M;1962-03-01;2B033;Bastia;FRANCE",
    "E;1620320033005;MARCELLIN;;Toussaint;M;1962-03-01;2B033;Bastia;FRANCE",
    // Homonyms of one date, born elsewhere.
    "F;2700693066006;PETITJEANNE;;Lucie;F;1970-06-07;93066;Saint-Denis;FRANCE",
    "G;2700697411007;PETITJEANNE;;Lucie;F;1970-06-07;97411;Saint-Denis;FRANCE",
    // One person, an earlier name and an earlier identifier.
    "H;1911201144008;ŒUVRARD-WEIß;;Noël;M;1991-12-25;01144;Dommartin;FRANCE",
    "H;2911201144009;ŒUVRARD-WEIß;;Noëlle;F;1991-12-25;01144;Dommartin;FRANCE",
];

pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn names(&self) -> Vec<String> {
        let entries = self.0.path().read_dir().unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The index of these rows.
    pub fn index(&self, name: &str, rows: &[&str]) -> Index {
        build(Builder::create(&self.path(name)).unwrap(), rows).unwrap();
        Index::open(&self.path(name)).unwrap()
    }
}

/// Puts rows in and finishes; the first is line 2, as below a header.
pub fn build(builder: Builder<'_>, rows: &[&str]) -> Result<Built, BuildError> {
    build_unless(builder, rows, &|| false)
}

pub fn build_unless(
    mut builder: Builder<'_>,
    rows: &[&str],
    stopped: Stopped<'_>,
) -> Result<Built, BuildError> {
    for (row, number) in rows.iter().zip(2..) {
        let cells: Vec<_> = row.split(';').collect();
        builder
            .push(&record(|field| cells[field as usize]), Origin { number, ..Origin::default() })?;
    }
    builder.finish_unless(stopped)
}

pub fn record<'a>(cell: impl Fn(Field) -> &'a str) -> Record<'a> {
    Record { id: cell(Field::Id), nir: cell(Field::Nir), civil_status: civil_status(cell) }
}

pub fn civil_status<'a>(cell: impl Fn(Field) -> &'a str) -> CivilStatus<'a> {
    CivilStatus {
        nom: cell(Field::Nom),
        nom_usage: cell(Field::NomUsage),
        prenoms: cell(Field::Prenoms),
        sexe: cell(Field::Sexe),
        date_naissance: cell(Field::DateNaissance),
        code_lieu: cell(Field::CodeLieu),
        libelle_lieu: cell(Field::LibelleLieu),
        pays: cell(Field::Pays),
    }
}

/// What a row of nom;nom_usage;prenoms;sexe;date;code;libelle;pays finds: the word, and the
/// identifier after it.
pub fn ask(index: &Index, row: &str) -> String {
    ask_with(index, row, None)
}

pub fn ask_with(index: &Index, row: &str, nir: Option<&str>) -> String {
    let cells: Vec<_> = row.split(';').collect();
    let civil_status = civil_status(|field| cells[field as usize - 2]);
    let identifier = nir.map(|nir| Scheme::FrNir.parse(nir.as_bytes()).unwrap().identifier);
    let query = Query { civil_status, identifier: identifier.as_ref() };
    said(&index.look_up(&index.learn([]).unwrap(), &query).unwrap())
}

pub fn said(answer: &Answer) -> String {
    let coded = matches!(
        answer.quality,
        MatchQuality::Found | MatchQuality::Rectified | MatchQuality::UsageName
    );
    assert_eq!(coded, answer.identifier.is_some());
    match &answer.identifier {
        Some(identifier) => format!("{} {}", answer.quality.word(), text(identifier)),
        None => answer.quality.word().to_owned(),
    }
}

pub fn text(identifier: &Identifier) -> &str {
    std::str::from_utf8(identifier.canonical()).unwrap()
}

/// A CSV file as header and rows.
pub fn csv(path: &Path) -> (Vec<String>, Vec<csv::StringRecord>) {
    let mut reader =
        csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    (header, reader.records().map(Result::unwrap).collect())
}

pub fn cell<'a>(columns: &Columns, row: &'a csv::StringRecord, field: Field) -> &'a str {
    columns.of(field).map_or("", |at| &row[at])
}

/// INSEE's official geographic code as its file has it.
pub fn places(path: &Path) -> Places {
    let mut places = Places::default();
    for row in csv(path).1 {
        let [code, name, _, _, former, head, _] = std::array::from_fn(|at| &row[at]);
        let present = if head.is_empty() { code } else { head };
        assert!(places.add(name, code, present));
        for former in former.split('|').filter(|former| !former.is_empty()) {
            assert!(places.add("", former, present));
        }
    }
    places
}

/// Scores, and whether the one that fits best was right.
pub type Scores = Vec<(f64, bool)>;

/// Expected calibration error: how far, on average, the mean score of twenty bins is from how many
/// of them were right.
pub fn calibration_error(scores: &Scores) -> f64 {
    let mut bins = [(0_usize, 0.0, 0_usize); 20];
    for (score, is_right) in scores {
        let bin = &mut bins[((score * 20.0) as usize).min(19)];
        *bin = (bin.0 + 1, bin.1 + score, bin.2 + usize::from(*is_right));
    }
    bins.iter().map(|(_, sum, right)| (sum - *right as f64).abs()).sum::<f64>()
        / scores.len() as f64
}
