//! Several files of data in one request: the codes come back in as many files, called the same.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use cstatns::coded::Coded as _;
use cstatns::files::faults;
use cstatns::identifier::Scheme;
use cstatns::manifest::manifest_path;
use cstatns::received::received_path;
use cstatns::report::{Report, report_path};
use cstatns::requested::{Requested, requested_path};
use cstatns_controller::{
    Attach, AttachError, Attached, Column, Data, DataFile, Prepare, PrepareError, Prepared, attach,
    attach_and_destroy, check, data_files, prepare,
};
use cstatns_rows::effort::Effort;
use cstatns_rows::reading::Reading;
use cstatns_rows::sink::Output;

use crate::common::*;
use crate::signed::signing;

const NIR: Column<'static> = Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir };

/// An invented identifier without its key.
fn person(number: usize) -> String {
    format!("1{:02}{:02}69{:03}{:03}", number % 90, 1 + number % 12, number / 990, 1 + number % 990)
}

/// Data in a folder, and what is made of it.
struct Files {
    place: Place,
    way: Way,
}

impl Files {
    fn new(travelling: &str) -> Self {
        let place = Place::new();
        let way = Way {
            data: place.path("data"),
            out: place.path("out"),
            ..Way::new(&place, "d", "csv", travelling)
        };
        fs::create_dir(&way.data).unwrap();
        Self { place, way }
    }

    /// Rows of people from `first` on, in CSV or in Parquet.
    fn write(&self, name: &str, first: usize, rows: usize) {
        let path = self.way.data.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let people: Vec<_> = (first..first + rows).map(|number| person(number % 700)).collect();
        let wages: Vec<_> = (first..first + rows).map(|number| number.to_string()).collect();
        if name.ends_with(".parquet") {
            let cells =
                |all: &[String]| texts(&all.iter().map(|one| Some(&**one)).collect::<Vec<_>>());
            write_parquet(&path, vec![("wage", cells(&wages)), ("nir", cells(&people))]);
            return;
        }
        let rows = people.iter().zip(&wages).map(|(person, wage)| format!("{person},{wage}\n"));
        fs::write(path, format!("nir,wage\n{}", rows.collect::<String>())).unwrap();
    }

    fn found(&self) -> Vec<DataFile> {
        data_files(std::slice::from_ref(&self.way.data)).unwrap().unwrap()
    }

    fn prepare(&self, column: Column<'_>, effort: &Effort) -> Result<Prepared, PrepareError> {
        self.prepare_from(&self.found(), column, effort)
    }

    fn prepare_from(
        &self,
        files: &[DataFile],
        column: Column<'_>,
        effort: &Effort,
    ) -> Result<Prepared, PrepareError> {
        prepare(
            Prepare {
                sending: None,
                data: Data::Files(files),
                column,
                service: &self.way.domain.id(),
                signing: &signing(),
                domain: domain(),
                request: &self.way.request,
                beside: (&self.way.retained).into(),
                delimiter: b',',
                reading: Reading::default(),
                accepted: &[],
            },
            effort,
        )
    }

    fn coded(&self) {
        self.prepare(NIR, &Effort::default()).unwrap();
        self.way.code(&POPULATION, 1, 1).unwrap();
    }

    fn attach_to(&self, data: Option<Data<'_>>, out: &Path) -> Result<Attached, AttachError> {
        attach(self.what(data, out), &Effort::default())
    }

    fn what<'a>(&'a self, data: Option<Data<'a>>, out: &'a Path) -> Attach<'a> {
        Attach {
            party: None,
            data,
            retained: (&*self.way.retained).into(),
            requested: None,
            result: &self.way.result,
            out: out.into(),
            shuffle: false,
            binary_codes: false,
            destroy: &[],
        }
    }

    /// Code, quality and wage of each row of an attached file, and what they must be.
    fn check(&self, name: &str, first: usize, rows: usize, generation: u32) {
        let path = self.way.out.join(name);
        let found: Vec<Vec<String>> = match name.ends_with(".parquet") {
            true => {
                let batch = read_parquet(&path);
                let columns = ["code", "quality", "wage"].map(|name| text_column(&batch, name));
                let cell = |column: &Vec<Option<String>>, row: usize| column[row].clone().unwrap();
                (0..rows)
                    .map(|row| columns.iter().map(|column| cell(column, row)).collect())
                    .collect()
            }
            false => {
                let mut rows = read_text(&path);
                assert_eq!(rows.remove(0), ["code", "quality", "wage"]);
                rows
            }
        };
        assert_eq!(found.len(), rows, "{name}");
        let codes: Vec<_> = (0..700).map(person).collect();
        let parse = |cell: &String| Scheme::FrNir.parse(cell.as_bytes()).unwrap().identifier;
        let identifiers: Vec<_> = codes.iter().map(parse).collect();
        let mut codes = Vec::new();
        POPULATION.coder(generation).code(&identifiers, &mut codes);
        for (row, found) in found.iter().enumerate() {
            let number = first + row;
            let wanted = [codes[number % 700].text(), "unkeyed".to_owned(), number.to_string()];
            assert_eq!(found, &wanted, "{name}, row {row}");
        }
    }
}

const MONTHS: [(&str, usize, usize); 4] =
    [("01.csv", 0, 300), ("02.csv", 300, 1), ("03.csv", 301, 0), ("04.csv", 301, 500)];

fn months() -> Files {
    let files = Files::new("csv");
    MONTHS.into_iter().for_each(|(name, first, rows)| files.write(name, first, rows));
    files
}

#[test]
fn each_row_gets_its_code_in_the_file_that_it_came_from() {
    for travelling in ["csv", "parquet"] {
        for threads in [1, 3] {
            let files = Files::new(travelling);
            // Of both types, in folders too, one without rows.
            let all = [
                ("a.csv", 0, 900),
                ("b.parquet", 900, 20_000),
                ("year=2024/a.csv", 20_900, 0),
                ("year=2024/month=01/part-0.parquet", 20_900, 1),
                ("year=2025/a.csv", 20_901, 40_000),
            ];
            all.into_iter().for_each(|(name, first, rows)| files.write(name, first, rows));
            for aside in ["_SUCCESS", "._SUCCESS.crc", "cstatns.toml"] {
                fs::write(files.way.data.join(aside), "").unwrap();
            }
            let effort =
                Effort { threads: NonZeroUsize::new(threads).unwrap(), ..Effort::default() };
            let prepared = files.prepare(NIR, &effort).unwrap();
            let rows: usize = all.iter().map(|(.., rows)| rows).sum();
            assert_eq!((prepared.rows, prepared.input.rows), (rows as u64, rows as u64));
            assert_eq!(prepared.input.distinct, 700);
            let requested = prepared.requested.unwrap();
            let names: Vec<_> =
                requested.data.iter().map(|data| data.name.clone().unwrap()).collect();
            assert_eq!(names, all.map(|(name, ..)| PathBuf::from(name)));
            files.way.code(&POPULATION, 1, 1).unwrap();

            let attached = files.attach_to(None, &files.way.out).unwrap();
            assert_eq!(attached.rows, rows as u64);
            assert_eq!(attached.report.quality["unkeyed"], rows as u64);
            all.into_iter().for_each(|(name, first, rows)| files.check(name, first, rows, 1));
            let made = data_files(std::slice::from_ref(&files.way.out)).unwrap().unwrap();
            assert_eq!(made.iter().map(|file| file.name.clone()).collect::<Vec<_>>(), names);
            // The report and the receipt lie beside the folder.
            assert!(report_path(&files.way.out).exists() && received_path(&files.way.out).exists());
            let said = fs::read_to_string(report_path(&files.way.out)).unwrap();
            assert!(!said.contains("unfinished"));
        }
    }
}

#[test]
fn a_retained_file_says_the_file_and_the_row_in_it() {
    let files = months();
    files.prepare(NIR, &Effort::default()).unwrap();
    let mut rows = read_text(&files.way.retained);
    assert_eq!(rows.remove(0), ["index", "row", "file", "status"]);
    assert!(rows.is_sorted_by(|one, next| one[0] < next[0]));
    let places: BTreeSet<_> = rows.iter().map(|row| (row[2].clone(), row[1].clone())).collect();
    let wanted: BTreeSet<_> = MONTHS
        .iter()
        .enumerate()
        .flat_map(|(at, (.., rows))| (1..=*rows).map(move |row| (at + 1, row)))
        .map(|(file, row)| (file.to_string(), row.to_string()))
        .collect();
    assert_eq!(places, wanted);
}

#[test]
fn data_that_is_elsewhere_is_known_by_its_names() {
    let files = months();
    files.coded();
    let moved = files.place.path("moved");
    fs::rename(&files.way.data, &moved).unwrap();
    assert_eq!(files.attach_to(None, &files.way.out).unwrap_err().code(), "data-moved");
    let mut found = data_files(std::slice::from_ref(&moved)).unwrap().unwrap();
    // In whichever order.
    found.reverse();
    let other =
        |found: &[DataFile]| files.attach_to(Some(Data::Files(found)), &files.way.out).unwrap_err();
    let error = other(&found[1..]);
    assert!(matches!(error, AttachError::OtherFiles { missing: 1, extra: 0 }), "{error}");
    let mut more = found.clone();
    more[0].name = "05.csv".into();
    let error = other(&more);
    assert!(matches!(error, AttachError::OtherFiles { missing: 1, extra: 1 }), "{error}");
    let one = found[0].path.clone();
    let error = files.attach_to(Some((&one).into()), &files.way.out).unwrap_err();
    assert_eq!(error.code(), "data-files");
    assert!(!files.way.out.exists() && !report_path(&files.way.out).exists());

    files.attach_to(Some(Data::Files(&found)), &files.way.out).unwrap();
    MONTHS.into_iter().for_each(|(name, first, rows)| files.check(name, first, rows, 1));
}

#[test]
fn data_that_changed_is_refused_and_nothing_is_left() {
    // A row more in one file and one less in the next: together they have as many.
    let changes: [&dyn Fn(&Files); 4] = [
        &|files| {
            files.write("01.csv", 0, 299);
            files.write("02.csv", 299, 2);
        },
        &|files| {
            files.write("01.csv", 0, 301);
            files.write("02.csv", 301, 0);
        },
        &|files| files.write("04.csv", 301, 501),
        &|files| {
            let text = fs::read_to_string(files.way.data.join("04.csv")).unwrap();
            fs::write(files.way.data.join("04.csv"), text.replace(",500\n", ",501\n")).unwrap();
        },
    ];
    for change in changes {
        let files = months();
        files.coded();
        let before = files.place.names();
        change(&files);
        let error = files.attach_to(None, &files.way.out).unwrap_err();
        assert_eq!(error.code(), "data-changed", "{error}");
        assert_eq!(files.place.names(), before);
    }
}

#[test]
fn a_retained_file_that_names_another_file_is_refused() {
    for (from, to) in
        [(",1,2,", ",1,3,"), (",1,2,", ",2,2,"), (",1,2,", ",1,9,"), (",1,2,", ",1,0,")]
    {
        let files = months();
        files.coded();
        let retained = fs::read_to_string(&files.way.retained).unwrap();
        assert_eq!(retained.matches(from).count(), 1, "{from}");
        fs::write(&files.way.retained, retained.replace(from, to)).unwrap();
        let error = files.attach_to(None, &files.way.out).unwrap_err();
        assert_eq!(error.code(), "retained-rows", "{from} {to}");
    }
}

#[test]
fn names_that_lead_out_of_the_folder_are_not_what_was_kept() {
    let files = months();
    files.coded();
    let path = requested_path(&files.way.retained);
    let kept = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"04.csv\"", "\"../04.csv\""),
        ("\"04.csv\"", "\"/tmp/04.csv\""),
        ("\"04.csv\"", "\"\""),
        ("\"rows\": 500", "\"rows\": 501"),
        ("\"rows\": 300", "\"rows\": 18446744073709551615"),
    ] {
        assert!(kept.contains(from), "{from}");
        fs::write(&path, kept.replace(from, to)).unwrap();
        let error = files.attach_to(None, &files.way.out).unwrap_err();
        assert_eq!(error.code(), "requested-form", "{to}");
    }
    fs::write(&path, &kept).unwrap();
    assert!(Requested::read(&path).unwrap().is_of_files());
    files.attach_to(None, &files.way.out).unwrap();
}

#[test]
fn what_is_no_folder_is_not_written() {
    let files = months();
    files.coded();
    let out = files.place.path("out.csv");
    assert_eq!(files.attach_to(None, &out).unwrap_err().code(), "attached-file");
    // Text has no binary codes, in any of the files.
    let binary = Attach { binary_codes: true, ..files.what(None, &files.way.out) };
    assert_eq!(attach(binary, &Effort::default()).unwrap_err().code(), "binary-csv");
    let mut take = |_| Ok(());
    let frame = Attach { out: Output::Frame(&mut take), ..files.what(None, &out) };
    assert_eq!(attach(frame, &Effort::default()).unwrap_err().code(), "attached-type");
    fs::create_dir(&files.way.out).unwrap();
    let error = files.attach_to(None, &files.way.out).unwrap_err();
    assert_eq!(error.code(), "output-exists");
    assert!(!report_path(&files.way.out).exists());
}

#[test]
fn a_file_that_is_wrong_by_itself_is_named() {
    let wrong = |rows: usize, others: usize| {
        let files = Files::new("csv");
        files.write("a.csv", 0, others);
        let rows: String = (0..rows).map(|row| format!("x{row},1\n")).collect();
        fs::write(files.way.data.join("b.csv"), format!("nir,wage\n{rows}")).unwrap();
        let prepared = files.prepare(NIR, &Effort::default());
        prepared.map(|prepared| prepared.found.counts["wrong-character"])
    };
    // A small one may be all wrong: it is one of many parts.
    assert_eq!(wrong(99, 400).unwrap(), 99);
    for (rows, others) in [(100, 400), (30, 29)] {
        let error = wrong(rows, others).unwrap_err();
        assert_eq!(error.code(), "wrong-column");
        assert!(error.to_string().contains("b.csv\""), "{error}");
    }
    assert_eq!(wrong(30, 30).unwrap(), 30);

    // So is one whose columns are others, or that holds identifiers in one that stays.
    let files = months();
    fs::write(files.way.data.join("05.csv"), "nom,wage\na,1\n").unwrap();
    let error = files.prepare(NIR, &Effort::default()).unwrap_err();
    assert!(error.code() == "missing-column" && error.to_string().contains("05.csv"), "{error}");
    let rows: String = (0..50).map(|row| format!("{},{KEYED}\n", person(row))).collect();
    fs::write(files.way.data.join("05.csv"), format!("nir,wage\n{rows}")).unwrap();
    let error = files.prepare(NIR, &Effort::default()).unwrap_err();
    assert!(error.code() == "identity-kept" && error.to_string().contains("05.csv"), "{error}");
    fs::write(files.way.data.join("05.csv"), "nir,wage\n1840924055001,1\n\"\"\n").unwrap();
    let error = files.prepare(NIR, &Effort::default()).unwrap_err();
    assert!(error.to_string().contains("05.csv\": row 2 "), "{error}");
    assert_eq!(files.place.names(), ["data"]);

    // No rows at all.
    let files = Files::new("csv");
    files.write("a.csv", 0, 0);
    files.write("b.csv", 0, 0);
    assert_eq!(files.prepare(NIR, &Effort::default()).unwrap_err().code(), "no-rows");
}

#[test]
fn what_is_named_is_data() {
    let files = months();
    let place = &files.place;
    let paths = |names: &[&str]| {
        let named: Vec<_> = names.iter().map(|name| place.path(name)).collect();
        data_files(&named)
    };
    assert_eq!(paths(&["data/01.csv"]).unwrap(), None);
    let both = paths(&["data/02.csv", "data/01.csv"]).unwrap().unwrap();
    assert_eq!(
        both.iter().map(|file| &file.name).collect::<Vec<_>>(),
        [Path::new("02.csv"), Path::new("01.csv")]
    );
    assert_eq!(paths(&["data"]).unwrap().unwrap().len(), 4);

    let code = |names: &[&str]| paths(names).unwrap_err().code();
    assert_eq!(code(&["data/01.csv", "data/01.csv"]), "same-name");
    fs::create_dir(place.path("other")).unwrap();
    assert_eq!(code(&["other"]), "no-data");
    assert_eq!(code(&["data", "other"]), "no-data");
    place.write("other/01.csv", "nir\n");
    assert_eq!(code(&["data", "other"]), "same-name");
    place.write("other/readme.md", "");
    assert_eq!(code(&["other"]), "file-type");
    fs::remove_file(place.path("other/readme.md")).unwrap();
    let mut deep = place.path("other");
    for _ in 0..20 {
        deep.push("a");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("a.csv"), "nir\n").unwrap();
    assert_eq!(code(&["other"]), "too-many-data");
}

#[test]
fn a_folder_of_codes_is_renewed_and_knows_its_delivery() {
    let files = months();
    files.coded();
    files.attach_to(None, &files.way.out).unwrap();
    let made = data_files(std::slice::from_ref(&files.way.out)).unwrap().unwrap();
    // The report beside the folder is of each of its files.
    let with_rows = made.iter().filter(|file| file.name != Path::new("03.csv"));
    let paths: Vec<_> = with_rows.map(|file| file.path.clone()).collect();
    for facts in check(&paths).unwrap() {
        assert_eq!(facts.domain.as_ref(), Some(domain()));
    }

    let (data, out) = (files.way.out.clone(), files.place.path("renewed"));
    let way = Way { data, out, ..Way::new(&files.place, "n", "csv", "parquet") };
    let renewal = Files { way, place: files.place };
    let codes = Column::Codes(&["code"]);
    let prepared = renewal.prepare_from(&made, codes, &Effort::default()).unwrap();
    assert_eq!(prepared.input.rows, 801);
    assert_eq!(renewal.way.manifest().previous, [POPULATION.meta(1, 1).delivery]);
    assert_eq!(pairs(&renewal.way.request).len(), pairs_of_one(&renewal).len());
    renewal.way.renew(&POPULATION, 1, 2, 2).unwrap();
    let attached = renewal.attach_to(None, &renewal.way.out).unwrap();
    assert_eq!(attached.report.quality["unkeyed"], 801);
    MONTHS.into_iter().for_each(|(name, first, rows)| renewal.check(name, first, rows, 2));

    // Codes of two generations do not make one request.
    fs::copy(renewal.way.out.join("01.csv"), renewal.way.data.join("01.csv")).unwrap();
    fs::remove_file(report_path(&renewal.way.data)).unwrap();
    let place = Place::new();
    let way = Way { request: place.path("r.csv"), retained: place.path("t.csv"), ..renewal.way };
    let mixed = Files { way, place };
    let error = mixed.prepare_from(&made, codes, &Effort::default()).unwrap_err();
    assert_eq!(error.code(), "mixed-codes");
}

/// What the request of a renewal says of its codes where the data is one file.
fn pairs_of_one(files: &Files) -> Vec<(String, String)> {
    let place = Place::new();
    let way = Way::new(&place, "one", "csv", "parquet");
    fs::copy(files.way.data.join("01.csv"), &way.data).unwrap();
    fs::copy(report_path(&files.way.data), report_path(&way.data)).unwrap();
    way.prepare(Column::Codes(&["code"]), b',').unwrap();
    pairs(&way.request)
}

/// A folder that was given goes with its data, one that holds anything else stays, and one whose
/// files were given by themselves too.
#[test]
fn folders_go_with_what_was_in_them_and_with_nothing_else() {
    let act = |files: &Files| {
        attach_and_destroy(files.what(None, &files.way.out), &Effort::default()).unwrap()
    };
    let ready = || {
        let files = Files::new("csv");
        files.write("01.csv", 0, 200);
        files.write("m=2/02.csv", 200, 1);
        files
    };
    for (other, left) in [
        ("m=2/_SUCCESS", Some("m=2")),
        ("cstatns.toml", Some("cstatns.toml")),
        ("_temporary/", Some("_temporary")),
        ("", None),
    ] {
        let files = ready();
        let path = files.way.data.join(other);
        if other.ends_with('/') {
            fs::create_dir(path).unwrap();
        } else if !other.is_empty() {
            fs::write(path, "").unwrap();
        }
        files.coded();
        act(&files);
        let found = fs::read_dir(&files.way.data).map(|entries| {
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.collect::<Vec<_>>()
        });
        assert_eq!(found.ok(), left.map(|left| vec![left.to_owned()]), "{other:?}");
    }

    let files = ready();
    let named = ["01.csv", "m=2/02.csv"].map(|name| files.way.data.join(name));
    let given = data_files(&named).unwrap().unwrap();
    files.prepare_from(&given, NIR, &Effort::default()).unwrap();
    files.way.code(&POPULATION, 1, 1).unwrap();
    act(&files);
    assert!(fs::read_dir(files.way.data.join("m=2")).unwrap().next().is_none());

    // A result in parts is destroyed with its folder; a folder within it is no part.
    let files = ready();
    files.coded();
    let (result, folder) = (&files.way.result, files.place.path("parts"));
    fs::create_dir(&folder).unwrap();
    fs::rename(result, folder.join("part-0.csv")).unwrap();
    fs::rename(&folder, result).unwrap();
    fs::create_dir(result.join("_temporary")).unwrap();
    let what = || files.what(None, &files.way.out);
    let error = attach_and_destroy(what(), &Effort::default()).unwrap_err();
    assert_eq!(error.code(), "part-folder");
    assert!(files.way.data.join("01.csv").exists());
    fs::remove_dir(result.join("_temporary")).unwrap();
    let made = act(&files);
    assert!(!result.exists() && !files.way.data.exists() && made.holding.is_empty());
}

#[test]
fn all_sources_are_destroyed_and_a_stop_is_made_good_by_the_same_command() {
    let ready = || {
        let files = Files::new("csv");
        files.write("01.csv", 0, 2);
        files.write("m=2/02.csv", 2, 1);
        files.coded();
        files
    };
    let act =
        |files: &Files| attach_and_destroy(files.what(None, &files.way.out), &Effort::default());
    let steps = {
        let files = ready();
        let steps = faults::count(files.place.0.path(), || act(&files).unwrap());
        done(&files, "undisturbed");
        steps
    };
    assert!(steps > 40, "{steps}");
    for step in 0..steps {
        let files = ready();
        let stopped = faults::stop_after(files.place.0.path(), step, || act(&files));
        assert!(stopped.is_err(), "step {step}");
        if !files.way.out.exists() {
            assert!(files.found().len() == 2 && files.way.retained.exists(), "step {step}");
        }
        match act(&files) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.code(), "output-exists", "step {step}"),
        }
        done(&files, &format!("stopped at {step}"));

        let files = ready();
        let failed =
            faults::fail_at(files.place.0.path(), step, std::io::ErrorKind::Other, || act(&files));
        if let Err(error) = failed {
            let before = [
                "d-request.csv",
                "d-request.csv.manifest.json",
                "d-result.csv",
                "d-result.csv.report.json",
                "d-retained.csv",
                "d-retained.csv.request.json",
                "data",
            ];
            if !files.way.out.exists() {
                assert_eq!(files.place.names(), before, "failed at {step}: {error}");
            }
            if let Err(error) = act(&files) {
                assert_eq!(error.code(), "output-exists", "failed at {step}");
            }
        }
        done(&files, &format!("failed at {step}"));
    }
}

fn done(files: &Files, what: &str) {
    // The folder of the data went with it.
    let names = ["d-result.csv.report.json", "out", "out.receipt.json", "out.report.json"];
    assert_eq!(files.place.names(), names, "{what}");
    files.check("01.csv", 0, 2, 1);
    files.check("m=2/02.csv", 2, 1, 1);
    let report = Report::read(&report_path(&files.way.out)).unwrap();
    let gone: Vec<_> = report.destroyed.iter().map(|one| &*one.file).collect();
    let mut wanted: Vec<&Path> = vec![Path::new("01.csv"), Path::new("02.csv")];
    let (manifest, requested) =
        (manifest_path(&files.way.request), requested_path(&files.way.retained));
    let way = &files.way;
    wanted.extend(
        [&way.request, &manifest, &way.result, &way.retained, &requested]
            .map(|path| path.as_path()),
    );
    let wanted: Vec<_> =
        wanted.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(gone, wanted, "{what}");
    assert!(!fs::read_to_string(report_path(&files.way.out)).unwrap().contains("unfinished"));
}
