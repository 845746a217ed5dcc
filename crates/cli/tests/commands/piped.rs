//! `-` in place of a file: data that is piped in, rows that are piped out.

use crate::common;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use common::{Place, csv, files, identifiers, text};
use serde_json::Value;

/// Runs a command with these bytes on standard input.
fn fed(place: &Place, command: &str, bytes: &[u8]) -> Output {
    let mut program = place.command(command);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    // A program that refuses what it is given does not read all of it.
    let feeding = std::thread::spawn(move || drop(input.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output
}

fn ok(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

const PREPARE: &str =
    "controller prepare - --identifier-column nir --request r.csv --retained t.csv --format";
const CODE: &str = "service code home population --request r.csv --result s.csv --purpose wages";

#[test]
fn data_is_piped_in_and_its_rows_are_piped_out() {
    let place = Place::open();
    let data = csv(&identifiers(60));
    ok(&fed(&place, &format!("{PREPARE} csv"), data.as_bytes()));
    let kept = place.read("t.csv.request.json");
    assert!(!kept.contains("\"path\""), "{kept}");
    place.quorum(CODE);

    // The same data from a file, and from a pipe: the codes are the same.
    place.write("data.csv", &data);
    place.ok("controller attach data.csv --retained t.csv --result s.csv --out out.csv");
    let before = files(place.directory.path()).into_keys().collect::<Vec<_>>();
    let attach = "controller attach - --retained t.csv --result s.csv --out - --format csv";
    let output = fed(&place, attach, data.as_bytes());
    assert_eq!(ok(&output), place.read("out.csv"));
    let said = text(&output.stderr);
    assert!(said.contains("t.csv.attached.receipt.json"), "{said}");
    let after = files(place.directory.path()).into_keys();
    let new: Vec<_> = after.filter(|path| !before.contains(path)).collect();
    let names: Vec<_> =
        new.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["t.csv.attached.receipt.json", "t.csv.attached.report.json"]);
    for name in names {
        let mode = place.path(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let one = fs::read(place.path("out.csv.receipt.json")).unwrap().len();
    assert_eq!(fs::read(place.path("t.csv.attached.receipt.json")).unwrap().len(), one);
    // Once its report is there it is as any output that exists.
    let again = fed(&place, attach, data.as_bytes());
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stdout.is_empty() && text(&again.stderr).contains("error[output-exists]"));
}

#[test]
fn data_that_is_redirected_or_compressed_or_tried() {
    let place = Place::open();
    let people = identifiers(60);
    let rows: String = people.iter().map(|nir| format!("{nir}\tx\n")).collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(format!("nir\tnote\n{rows}").as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let said =
        ok(&fed(&place, "controller try - --identifier-column nir --format tsv.gz", &packed));
    assert!(said.contains("standard input would not be refused: 60 rows"), "{said}");
    ok(&fed(&place, &format!("{PREPARE} tsv.gz"), &packed));
    place.quorum(CODE);
    place.write("data.tsv.gz", &packed);
    let output = place
        .command(
            "controller attach - --retained t.csv --result s.csv --out out.tsv --format tsv.gz",
        )
        .stdin(File::open(place.path("data.tsv.gz")).unwrap())
        .output()
        .unwrap();
    ok(&output);
    assert!(place.read("out.tsv").starts_with("code\tquality\tnote\n"));
    // Parquet goes out, not in.
    let piped = fed(
        &place,
        &PREPARE
            .replace("r.csv", "r2.csv")
            .replace("t.csv", "t2.csv")
            .replace("--format", "--format parquet"),
        b"PAR1",
    );
    assert!(text(&piped.stderr).starts_with("error[piped-parquet]"), "{}", text(&piped.stderr));
}

/// What is piped in is looked at as a file is, although it can be read once alone.
#[test]
fn what_is_piped_in_is_inspected_as_a_file_is() {
    let place = Place::default();
    let people = identifiers(30);
    // Of two columns neither's name says that it holds identifiers, of one it says something else.
    let mut data = String::from("wage,who,date_naissance,sexe,born,note\n");
    for (row, nir) in people.iter().enumerate() {
        data.push_str(&format!("{row},{nir},{nir},{},1984-05-12,NA\n", row % 4));
    }
    data.push_str("1,12,x,1,NA,\n1,1,2\n2,NA,,M,,\"a\nb\"\n");
    place.write("data.csv", &data);
    let mut inspected = Vec::new();
    for piped in [false, true] {
        let name = if piped { "- --format csv" } else { "data.csv" };
        let command = format!("controller inspect {name} --json");
        let mut found: Value =
            serde_json::from_str(&ok(&fed(&place, &command, data.as_bytes()))).unwrap();
        let file = found["files"][0].as_object_mut().unwrap();
        file.retain(|key, _| key != "file" && key != "seconds");
        inspected.push(found);
    }
    assert_eq!(inspected[0], inspected[1]);
    let columns = &inspected[1]["files"][0]["columns"];
    let read = [1, 2, 3].map(|at| columns[at]["read"]["as"].as_str().unwrap_or("").to_owned());
    assert_eq!(read, ["nir", "nir", "sexe"]);
    let said = ok(&fed(&place, "controller inspect - --format csv", data.as_bytes()));
    assert!(said.starts_with("standard input: 32 rows, 6 columns, text in utf-8"), "{said}");
    let command = "cstatns controller prepare - --format csv --identifier-column '#2'";
    assert!(said.contains(command), "{said}");
    assert!(people.iter().all(|nir| !said.contains(&nir[..7])), "{said}");
    // The delimiter is that of the type, or is said.
    let tabs = data.replace(',', "\t");
    for (format, bytes) in [("tsv", &tabs), ("csv --delimiter tab", &tabs)] {
        let command = format!("controller inspect - --format {format}");
        let said = ok(&fed(&place, &command, bytes.as_bytes()));
        assert!(said.contains("6 columns, text in utf-8, tab between fields"), "{said}");
    }
}

#[test]
fn nothing_is_piped_out_that_was_not_whole() {
    let place = Place::open();
    let data = csv(&identifiers(60));
    ok(&fed(&place, &format!("{PREPARE} csv"), data.as_bytes()));
    place.quorum(CODE);
    let attach = "controller attach - --retained t.csv --result s.csv --out - --format csv";
    let before = files(place.directory.path());
    for changed in [
        data.clone() + "x\n",
        data.replacen(",1\n", ",2\n", 1),
        data[..data.len() / 2].to_owned(),
        String::new(),
    ] {
        assert_ne!(changed, data);
        let output = fed(&place, attach, changed.as_bytes());
        assert_eq!(
            (output.status.code(), output.stdout.len()),
            (Some(1), 0),
            "{}",
            text(&output.stderr)
        );
        assert!(files(place.directory.path()) == before, "something is left");
    }
    // Whoever reads it is gone.
    let mut program = place.command(attach);
    program.stdin(Stdio::piped()).stdout(File::open("/dev/null").unwrap()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    child.stdin.take().unwrap().write_all(data.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(text(&output.stderr).contains("error[standard-output]"), "{}", text(&output.stderr));
    assert!(files(place.directory.path()) == before, "something is left");
    ok(&fed(&place, attach, data.as_bytes()));
}

#[test]
fn a_pipe_is_said_with_its_format_and_stands_alone() {
    let place = Place::open();
    place.write("data.csv", csv(&identifiers(20)));
    let usage = |command: &str| {
        let output = fed(&place, command, b"");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}\n{said}");
        said
    };
    let prepare = PREPARE.strip_suffix(" --format").unwrap();
    assert!(usage(prepare).contains("--format"));
    assert!(usage(&format!("{prepare} --format xls")).contains("csv"));
    // What would be a path, were it the end of a name.
    assert!(usage(&format!("{prepare} --format a/b.csv")).contains("csv"));
    let several = prepare.replace(" - ", " - data.csv ");
    assert!(usage(&format!("{several} --format csv")).contains("give `-` alone"));
    assert!(usage("controller inspect -").contains("--format"));
    let attach = "controller attach --retained t.csv --result s.csv --out -";
    assert!(usage(attach).contains("--format"));
    assert!(usage(&format!("{attach} --format csv --json")).contains("--json"));
    for destroyed in ["--destroy-sources", "--destroy data.csv"] {
        let said = usage(&format!("{attach} --format csv {destroyed}"));
        assert!(said.contains("destroy nothing in the same command"), "{said}");
    }
}
