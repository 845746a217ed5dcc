//! What the tests of this crate share: keys that are made from a number, the steps of the service,
//! readers.

#![allow(unreachable_pub, reason = "one test binary")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use cstatns::code::Generation;
use cstatns::coder::{Coder, CodingKey, Renewer};
use cstatns::commitment::Use;
use cstatns::delivery::DeliveryId;
use cstatns::hazmat::coding_key;
use cstatns::identifier::Scheme;
use cstatns::look_up::{Level, LookUp, Score};
use cstatns::manifest::{Manifest, manifest_path};
use cstatns::meta::{FileMeta, ServiceId};
use cstatns::name::{Hex, Name};
use cstatns::secret::Secret;
use cstatns_bulk::{CodeFileError, Request, Tally, code, renew};
use cstatns_controller::{
    Attach, AttachError, Attached, Column, Prepare, PrepareError, Prepared, attach, prepare,
};
use cstatns_rows::effort::Effort;
use cstatns_rows::table::Format;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::signed::{Stated, signing};

/// Real spellings: keyed, unkeyed with spaces, Corsican, provisional.
pub const KEYED: &str = "117091320400164";
pub const SPACED: &str = "2 84 09 24 055 001 31";
pub const UNKEYED: &str = "2840924055001";

#[derive(Clone, Copy)]
pub struct Domain {
    pub service: &'static str,
    pub name: &'static str,
    pub seed: u8,
}

pub const POPULATION: Domain =
    Domain { service: "demo.aaaaaaaaaaaaaaaaaaaaaaaaaa", name: "population", seed: 1 };
pub const OTHER_DOMAIN: Domain =
    Domain { service: "demo.aaaaaaaaaaaaaaaaaaaaaaaaaa", name: "research", seed: 2 };
pub const OTHER_SERVICE: Domain =
    Domain { service: "other.bbbbbbbbbbbbbbbbbbbbbbbbbb", name: "population", seed: 3 };

/// The service and the domain that requests are for, where nothing else is said.
pub fn service() -> &'static ServiceId {
    static ID: LazyLock<ServiceId> = LazyLock::new(|| POPULATION.id());
    &ID
}

pub fn domain() -> &'static Name {
    static NAME: LazyLock<Name> = LazyLock::new(|| Name::new(POPULATION.name).unwrap());
    &NAME
}

impl Domain {
    pub fn id(&self) -> ServiceId {
        ServiceId::of(self.service).unwrap()
    }

    fn key(&self, generation: u32) -> CodingKey {
        let secret = Secret::fill(|bytes| {
            bytes.fill(self.seed);
            bytes[31] = generation as u8;
        });
        let name = Name::new(self.name).unwrap();
        coding_key(&secret, self.service, &name, Generation::new(generation).unwrap())
    }

    pub fn coder(&self, generation: u32) -> Coder {
        Coder::new((1..=generation).map(|number| self.key(number)).collect()).unwrap()
    }

    pub fn renewer(&self, from: u32, to: u32) -> Renewer {
        let chain = (from + 1..=to).map(|number| self.key(number)).collect();
        Renewer::new(Generation::new(from).unwrap(), chain).unwrap()
    }

    pub fn meta(&self, generation: u32, delivery: u8) -> FileMeta {
        FileMeta {
            service: self.service.to_owned(),
            domain: Name::new(self.name).unwrap(),
            generation: Generation::new(generation).unwrap(),
            delivery: DeliveryId { run: Hex([delivery; 16]), part: 1 },
        }
    }

    /// The text form of the code of a spelling.
    pub fn code_of(&self, spelling: &str, generation: u32) -> String {
        let mut codes = Vec::new();
        self.coder(generation)
            .code(&[Scheme::FrNir.parse(spelling.as_bytes()).unwrap().identifier], &mut codes);
        codes[0].text()
    }
}

/// A directory for one test.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The names of the files here, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// The files of one data set on its way, named after it.
#[derive(Clone)]
pub struct Way {
    /// What its request is for.
    pub domain: Domain,
    pub data: PathBuf,
    pub request: PathBuf,
    pub retained: PathBuf,
    pub result: PathBuf,
    pub out: PathBuf,
}

impl Way {
    /// `own` is the type of data, retained and attached file; `travelling` that of request and
    /// result.
    pub fn new(place: &Place, name: &str, own: &str, travelling: &str) -> Self {
        Self {
            domain: POPULATION,
            data: place.path(&format!("{name}.{own}")),
            request: place.path(&format!("{name}-request.{travelling}")),
            retained: place.path(&format!("{name}-retained.{own}")),
            result: place.path(&format!("{name}-result.{travelling}")),
            out: place.path(&format!("{name}-out.{own}")),
        }
    }

    pub fn prepare(&self, column: Column<'_>, delimiter: u8) -> Result<Prepared, PrepareError> {
        let (data, request, retained) = (&self.data, &self.request, &self.retained);
        prepare(
            Prepare {
                sending: None,
                data: data.into(),
                column,
                service: &self.domain.id(),
                signing: &signing(),
                domain: &Name::new(self.domain.name).unwrap(),
                request,
                beside: retained.into(),
                delimiter,
                reading: cstatns_rows::reading::Reading::default(),
                accepted: &[],
            },
            &Effort::default(),
        )
    }

    pub fn manifest(&self) -> Manifest {
        Manifest::read(&manifest_path(&self.request)).unwrap()
    }

    /// What `service code` does with the rows, and the report that it writes.
    pub fn code(
        &self,
        domain: &Domain,
        generation: u32,
        delivery: u8,
    ) -> Result<Tally, CodeFileError> {
        let meta = domain.meta(generation, delivery);
        let mut out = File::create(&self.result).unwrap();
        let format = Format::of(&self.result).unwrap();
        let coded = code(
            &Request {
                inside: None,
                path: &self.request,
                manifest: &self.manifest(),
                format,
                meta: &meta,
                effort: &Effort::default(),
            },
            &domain.coder(generation),
            &mut out,
        )?;
        self.report(&meta, &coded);
        Ok(coded)
    }

    pub fn renew(
        &self,
        domain: &Domain,
        from: u32,
        to: u32,
        delivery: u8,
    ) -> Result<Tally, CodeFileError> {
        let meta = domain.meta(to, delivery);
        let mut out = File::create(&self.result).unwrap();
        let format = Format::of(&self.result).unwrap();
        let coded = renew(
            &Request {
                inside: None,
                path: &self.request,
                manifest: &self.manifest(),
                format,
                meta: &meta,
                effort: &Effort::default(),
            },
            &domain.renewer(from, to),
            &mut out,
        )?;
        self.report(&meta, &coded);
        Ok(coded)
    }

    pub fn report(&self, meta: &FileMeta, coded: &Tally) {
        report_beside(&self.result, meta, coded);
    }

    pub fn attach(&self) -> Result<Attached, AttachError> {
        self.attach_as(false)
    }

    pub fn attach_as(&self, binary_codes: bool) -> Result<Attached, AttachError> {
        let (retained, result, out) = (&self.retained, &self.result, &self.out);
        attach(
            Attach {
                party: None,
                data: None,
                retained: retained.into(),
                requested: None,
                result,
                out: out.into(),
                shuffle: false,
                binary_codes,
                destroy: &[],
            },
            &Effort::default(),
        )
    }
}

/// The report that the service writes beside a result.
pub fn report_beside(result: &Path, meta: &FileMeta, coded: &Tally) {
    stated(meta, coded).write(result);
}

/// What the service knows of a result.
pub fn stated<'a>(meta: &'a FileMeta, coded: &Tally) -> Stated<'a> {
    Stated {
        meta,
        // Only a renewal has no qualities, only a look-up scores.
        r#use: match (coded.qualities.is_empty(), coded.scores) {
            (true, _) => Use::Renew,
            (_, Some(_)) => Use::LookUp,
            _ => Use::Code,
        },
        request: coded.input.commitment,
        rows: coded.input.rows,
        coded: coded.coded,
        quality: coded.qualities.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect(),
        scores: coded.scores,
        scheme: (!coded.qualities.is_empty()).then_some(Scheme::FrNir),
        look_up: coded.scores.map(|_| LookUp {
            register: Hex([5; 16]),
            commitment: Hex([6; 32]),
            accept: Level::UsageName,
            min_score: Score::of(0.95),
        }),
    }
}

/// Data in CSV → attached file, all in CSV.
pub fn coded_csv(
    place: &Place,
    name: &str,
    data: impl AsRef<[u8]>,
    domain: &Domain,
    delivery: u8,
) -> Way {
    let mut way = Way::new(place, name, "csv", "csv");
    way.domain = *domain;
    fs::write(&way.data, data).unwrap();
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    way.code(domain, 1, delivery).unwrap();
    way.attach().unwrap();
    way
}

/// A CSV file as the `csv` crate reads it, header included.
pub fn read_csv(path: &Path, delimiter: u8) -> Vec<Vec<Vec<u8>>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_path(path).unwrap();
    reader
        .byte_records()
        .map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect())
        .collect()
}

/// The same as text.
pub fn read_text(path: &Path) -> Vec<Vec<String>> {
    let text =
        |row: Vec<Vec<u8>>| row.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect();
    read_csv(path, b',').into_iter().map(text).collect()
}

/// One column of a CSV file, without its header.
pub fn column(path: &Path, name: &str) -> Vec<String> {
    let rows = read_text(path);
    let at = rows[0].iter().position(|column| column == name).unwrap();
    rows[1..].iter().map(|row| row[at].clone()).collect()
}

pub fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(schema.clone(), arrays).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub fn read_parquet(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

/// The `cstatns.…` metadata of a Parquet file.
pub fn pairs(path: &Path) -> Vec<(String, String)> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let mut pairs: Vec<(String, String)> = builder
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .into_iter()
        .flatten()
        .filter(|pair| pair.key.starts_with("cstatns."))
        .map(|pair| (pair.key.clone(), pair.value.clone().unwrap()))
        .collect();
    pairs.sort();
    pairs
}

/// A column of text of a Parquet file.
pub fn text_column(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let array = batch.column_by_name(name).unwrap();
    array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

/// A column of binary values of a Parquet file.
pub fn binary_column(batch: &RecordBatch, name: &str) -> Vec<Option<Vec<u8>>> {
    let array = batch.column_by_name(name).unwrap().as_fixed_size_binary();
    (0..array.len()).map(|row| array.is_valid(row).then(|| array.value(row).to_vec())).collect()
}
