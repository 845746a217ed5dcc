//! Nothing leaks: a canary identifier and its code are followed through the whole flow, in every
//! file that each step leaves and in everything that is said, errors about bad files included.

use crate::common;
use crate::secrets;

use std::cell::RefCell;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::needles::{CANARY, Needles};
use common::{Place, csv, files, identifiers, in_years, is_memory, keyed, text};
use data_encoding::{BASE64, HEXLOWER};

/// What compressed bytes hold, as far as they are whole.
fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    // What is cut was read up to there.
    let _ = match bytes {
        [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut found),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::Decoder::new(bytes).ok()?.read_to_end(&mut found),
        _ => return None,
    };
    Some(found)
}

/// A place in which everything that is said is kept.
struct Watched {
    place: Place,
    said: RefCell<Vec<u8>>,
}

impl Watched {
    fn new(place: Place) -> Self {
        Self { place, said: RefCell::default() }
    }

    /// Runs a command, with the kits where it needs them; its end is looked at by the caller.
    fn run(&self, command: &str) -> Option<i32> {
        let quorum = ["service open", "service code", "service renew", "service new-key"];
        let command = match quorum.iter().any(|verb| command.starts_with(verb)) {
            true => self.place.with_kits(command),
            false => command.to_owned(),
        };
        let output = self.place.run(&command);
        self.said.borrow_mut().extend([output.stdout, output.stderr].concat());
        output.status.code()
    }

    fn ok(&self, command: &str) {
        let code = self.run(command);
        assert_eq!(code, Some(0), "{command}\n{}", text(&self.said.borrow()));
    }

    /// Starts a command, sends it a signal after so many milliseconds of work, and takes note of
    /// all that is said and of the names of its temporary files. Says whether it was stopped; then
    /// nothing is left.
    fn stopped(&self, command: &str, signal: &str, after: u64) -> bool {
        let place = &self.place;
        let own = |path: &PathBuf| path.starts_with(place.path("home")) || is_memory(path);
        let others = || files(place.directory.path()).into_iter().filter(|(path, _)| !own(path));
        let before: Vec<_> = others().collect();
        let child = place.started(command);
        std::thread::sleep(Duration::from_millis(after));
        self.said.borrow_mut().extend(place.temporaries().join(" ").as_bytes());
        common::signal(child.id(), signal);
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        self.said.borrow_mut().extend([&output.stdout[..], &output.stderr].concat());
        if output.status.success() {
            return false;
        }
        assert_eq!(output.status.code(), Some(1), "{command}\n{said}");
        let last = said.lines().last().unwrap();
        assert!(
            last.starts_with("error[interrupted]: ") && last.contains("repeat the command"),
            "{said}"
        );
        assert!(others().collect::<Vec<_>>() == before, "{command}: files are left, or changed");
        true
    }

    /// Runs a command at a terminal, at which this is typed once it is at work. Returns what the
    /// terminal showed.
    fn at_a_terminal(&self, command: &str, typed: &str) -> String {
        let line =
            format!("stty rows 24 cols 80; exec {} {command}", env!("CARGO_BIN_EXE_cstatns"));
        let before = self.place.runs();
        let mut child = Command::new("script")
            .current_dir(self.place.directory.path())
            .env("TERM", "xterm")
            .env("LC_ALL", "C")
            .args(["-qec", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs `script`, of bsdutils or util-linux");
        self.place.wait_for_work(&mut child, before);
        let mut terminal = child.stdin.take().unwrap();
        // The command may be over already.
        let _ = terminal.write_all(typed.as_bytes());
        let output = child.wait_with_output().unwrap();
        drop(terminal);
        self.said.borrow_mut().extend(&output.stdout);
        text(&output.stdout)
    }

    fn refused(&self, command: &str) {
        let code = self.run(command);
        assert_eq!(code, Some(1), "{command}\n{}", text(&self.said.borrow()));
    }

    /// The needles are in these files and in no other, and have not been said.
    fn only_in(&self, needles: &Needles, allowed: &[&str], when: &str) {
        assert!(
            !needles.are_in(&self.said.borrow()),
            "{when}: said\n{}",
            text(&self.said.borrow())
        );
        let root = self.place.directory.path();
        let found: Vec<String> = files(root)
            .into_iter()
            .filter(|(path, bytes)| {
                needles.are_in(bytes)
                    || needles.are_in(path.as_os_str().as_encoded_bytes())
                    || unpacked(bytes).is_some_and(|bytes| needles.are_in(&bytes))
            })
            .map(|(path, _)| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned())
            .collect();
        let mut allowed: Vec<&str> = allowed.to_vec();
        allowed.sort_unstable();
        assert_eq!(found, allowed, "{when}");
    }

    /// Keys, shares and seeds of receiving keys are nowhere, and signing seeds and life secrets in
    /// the one file that is there to hold them.
    fn keeps_its_secrets(&self, when: &str) -> usize {
        let kits = ["alice", "bruno", "chloe"].map(|name| self.place.path(name));
        let secrets = secrets::secrets(&self.place.path("home"), &kits, 2);
        for (name, secret) in &secrets {
            let place = match name.split_once('\'') {
                Some(("the service", _)) => vec!["home/identity".to_owned()],
                Some((custodian, seed)) if seed.ends_with("signing seed") => {
                    vec![format!("{custodian}/identity")]
                }
                _ if name == "a life secret" => vec!["home/life/benefits.life".to_owned()],
                _ => vec![],
            };
            let place: Vec<&str> = place.iter().map(String::as_str).collect();
            self.only_in(&Needles::of(&[secret]), &place, &format!("{when}: {name}"));
        }
        secrets.len()
    }

    fn copy(&self, from: &str, to: &str) {
        fs::copy(self.place.path(from), self.place.path(to)).unwrap();
    }
}

#[test]
fn needles_are_found_in_every_form() {
    let needles = Needles::identifier();
    for form in [
        CANARY.to_owned(),
        keyed(CANARY),
        HEXLOWER.encode(keyed(CANARY).as_bytes()),
        BASE64.encode(CANARY.as_bytes()),
        BASE64.encode(format!("a{CANARY}").as_bytes()),
        BASE64.encode(format!("ab{}", keyed(CANARY)).as_bytes()),
    ] {
        assert!(needles.are_in(format!("…{form}…").as_bytes()), "{form}");
    }
    assert!(!needles.are_in(csv(&identifiers(500)).as_bytes()));
    // Also where a file is compressed, and in the encodings of text.
    for way in &Files::WAYS {
        let bytes = way.bytes(&text_of(way.columns, &[keyed(CANARY)], CELL));
        let bytes = unpacked(&bytes).unwrap_or(bytes);
        assert!(needles.are_in(&bytes) && cell().are_in(&bytes), "{} {}", way.data, way.options);
    }
}

#[test]
fn the_canary_goes_where_it_must_and_nowhere_else() {
    let watched = Watched::new(Place::open());
    let identifier = Needles::identifier();
    let mut people = identifiers(40);
    people.push(keyed(CANARY));
    people.push(format!("2 99 07 2a 987 654 {}", &keyed(CANARY)[13..]));
    people.push(CANARY.to_owned());
    watched.place.write("data.csv", csv(&people));
    watched.only_in(&identifier, &["data.csv"], "at first");

    watched.ok("controller prepare data.csv --identifier-column nir --request r.csv --retained \
        t.csv --json");
    watched.only_in(&identifier, &["data.csv", "r.csv"], "prepared");
    watched.ok("service code home population --request r.csv --result s.csv --purpose test --json");
    watched.only_in(&identifier, &["data.csv"], "coded: the request is destroyed");
    let delivery = delivery(&watched);
    watched.copy("s.csv", "got.csv");
    watched.copy("s.csv.report.json", "got.csv.report.json");
    watched.ok(
        "controller attach --retained t.csv --result got.csv --out a.csv --destroy data.csv t.csv \
        --json",
    );
    watched.only_in(&identifier, &[], "attached: the controller has destroyed it too");

    let code =
        watched.place.rows("a.csv").into_iter().find(|row| row[2] == "40").unwrap().remove(0);
    let first = Needles::code(&code);
    watched.only_in(&first, &["a.csv", "got.csv", "s.csv"], "the code");
    watched.ok(&format!("service delivered home {delivery} --receipt a.csv.receipt.json"));
    watched.only_in(&first, &["a.csv", "got.csv"], "delivered");

    watched.ok("service new-key home population --reason scheduled");
    watched.ok("controller prepare a.csv --code-column code --request r2.csv --retained t2.csv");
    watched.only_in(&first, &["a.csv", "got.csv", "r2.csv"], "its renewal prepared");
    watched
        .ok("service renew home population --request r2.csv --result s2.csv --purpose test --json");
    watched.ok(
        "controller attach --retained t2.csv --result s2.csv --out a2.csv --destroy a.csv got.csv \
        t2.csv",
    );
    watched.only_in(&first, &[], "renewed");
    let code =
        watched.place.rows("a2.csv").into_iter().find(|row| row[2] == "40").unwrap().remove(0);
    watched.only_in(&Needles::code(&code), &["a2.csv", "s2.csv"], "the renewed code");
    watched.ok(&format!("service open home benefits --kind research --ends {}", in_years(9)));
    for command in [
        "controller check a2.csv --json",
        "service status home --json",
        "service status home",
        "service expire home",
        "service doubt home population --kit bruno",
        "custodian check alice --ledger home/ledger.jsonl --out receipt.json",
        "service receipt home receipt.json",
    ] {
        watched.ok(command);
    }
    watched.only_in(&identifier, &[], "in the end");
    watched.only_in(&Needles::code(&code), &["a2.csv", "s2.csv"], "in the end");
    let secrets = watched.keeps_its_secrets("in the end");
    assert_eq!(secrets, 3 * 3 + 1 + 1 + 1 + 3 * 5, "kits, identity, root, life, keys");
}

fn delivery(watched: &Watched) -> String {
    let status = watched.place.json("service status home");
    status["deliveries"][0]["delivery"].as_str().unwrap().to_owned()
}

#[test]
fn parquet_files_leak_no_more() {
    let watched = Watched::new(Place::open());
    let mut people = identifiers(40);
    people.push(keyed(CANARY));
    watched.place.write("data.csv", csv(&people));
    watched.ok(
        "controller prepare data.csv --identifier-column nir --request r.parquet --retained t.csv",
    );
    watched
        .ok("service code home population --request r.parquet --result s.parquet --purpose test");
    watched.only_in(&Needles::identifier(), &["data.csv"], "coded");
    watched
        .ok("controller attach --retained t.csv --result s.parquet --out a.csv --destroy data.csv");
    watched.only_in(&Needles::identifier(), &[], "attached");
}

/// Files that hold the canary where it does not belong: the error says where, never what.
#[test]
fn errors_about_bad_files_do_not_quote_them() {
    let watched = Watched::new(Place::open());
    let (place, full) = (&watched.place, keyed(CANARY));
    let prepare =
        "controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv";
    let code = "service code home population --request r.csv --result s.csv --purpose test";
    let attach = "controller attach --retained t.csv --result s.csv --out a.csv";
    let good = csv(&identifiers(20));

    // Data without a header line, with another delimiter, with the identifier in a column that is
    // not one, cut short.
    for bad in [
        format!("{full},1\n{full},2\n"),
        format!("{full};{full}\n{full};2\n"),
        format!("{full}\t{full}\n"),
        format!("{full}\n"),
        format!("nir,value\n{full}x,1\n"),
        format!("nir,value\n{full},1,{full}\n"),
        format!("nir,value\n\"{full},1\n"),
        format!("nir,value\n\"{full}\"{full},1\n{full}"),
        format!("nir,value\n{full}\u{e9},1\nx{full},2\n"),
        format!("{full},{full},nir,index\n{full},1,2,3\n"),
    ] {
        place.write("data.csv", bad);
        watched.refused(prepare);
    }
    place.write("data.csv", [format!("nir,value\n{full}").as_bytes(), b"\xe9,1\n"].concat());
    watched.refused(prepare);
    place.write("data.parquet", format!("PAR1{full}PAR1"));
    watched.refused(&prepare.replace("data.csv", "data.parquet").replace("t.csv", "t.parquet"));
    watched.refused("controller check data.csv");
    watched.refused(&prepare.replace("identifier-column nir", "code-column nir"));
    place.write("data.csv", format!("code,value\nc1.abcd.{full},1\n"));
    watched.refused("controller check data.csv");
    watched.refused(&prepare.replace("identifier-column nir", "code-column code"));
    // The report beside the data.
    place.write("data.csv.report.json", format!("{{\"format\":1,\"service\":\"{full}\"}}"));
    watched.refused(&prepare.replace("identifier-column nir", "code-column code"));
    watched.refused("controller check data.csv");
    fs::remove_file(place.path("data.csv.report.json")).unwrap();

    // Requests.
    place.write("data.csv", &good);
    watched.ok(prepare);
    let (request, seal) = (place.read("r.csv"), place.read("r.csv.manifest.json"));
    let row = |text: String| {
        let mut lines: Vec<String> = request.lines().map(str::to_owned).collect();
        lines[5] = text;
        lines.iter().map(|line| format!("{line}\n")).collect::<String>()
    };
    let index = &request.lines().nth(5).unwrap()[..32];
    for bad in [
        row(format!("{index},{CANARY}x")),
        row(format!("{index},{CANARY}00")),
        row(format!("{index},2 99 07 2A 987 654")),
        row(format!("{index},{full},{full}")),
        row(format!("{full},{full}")),
        row(full.clone()),
        format!("{full}\n{full}\n"),
        format!("index,identifier,{full}\n{index},{full},{full}\n"),
    ] {
        place.write("r.csv", bad);
        watched.refused(code);
    }
    place.write("r.csv", &request);
    for bad in [
        full.clone(),
        format!("{{\"{full}\":1}}"),
        seal.replacen("population", &full, 1),
        format!("\"{full}\""),
    ] {
        place.write("r.csv.manifest.json", bad);
        watched.refused(code);
    }
    place.write("r.csv.manifest.json", &seal);
    watched.ok(code);

    // Results and retained files.
    let (result, retained) = (place.read("s.csv"), place.read("t.csv"));
    let report = place.read("s.csv.report.json");
    for bad in [
        result.replacen("valid", &full, 1),
        result.replacen("quality", &full, 1),
        result.replacen("c1.", &format!("{full}."), 1),
        format!("{full}\n{full}\n"),
    ] {
        place.write("s.csv", bad);
        watched.refused(attach);
    }
    place.write("s.csv", &result);
    for bad in [
        retained.replacen("ok", &full, 1),
        retained.replacen("status", &full, 1),
        format!("{full}\n{full}\n"),
    ] {
        place.write("t.csv", bad);
        watched.refused(attach);
    }
    place.write("t.csv", &retained);
    for bad in [
        full.clone(),
        report.replacen("population", &full, 1),
        report.replacen("valid", &full, 1) + "x",
    ] {
        place.write("s.csv.report.json", bad);
        watched.refused(attach);
    }
    place.write("s.csv.report.json", &report);

    // What people hand over, and the home's own files.
    place.write("card.json", format!("{{\"body\":{{\"name\":\"{full}\"}}}}"));
    watched.refused(
        "service init other --name test --threshold 2 --shares shares2 --custodian \
        card.json --custodian card.json",
    );
    watched.refused("service receipt home card.json");
    watched.refused("custodian accept alice card.json --ledger home/ledger.jsonl");
    watched.refused("custodian accept alice alice/share-1 --ledger card.json");
    let ledger = place.read("home/ledger.jsonl");
    for bad in [
        ledger.replacen("population", &full, 1),
        ledger.replacen("\"purpose\":\"test\"", &format!("\"purpose\":\"{full}\""), 1),
        format!("{ledger}{full}\n"),
        format!("{full}\n{ledger}"),
    ] {
        assert_ne!(bad, ledger);
        place.write("home/ledger.jsonl", bad);
        watched.refused("service expire home");
        watched.refused("service status home");
        watched.refused("custodian check alice --ledger home/ledger.jsonl --out receipt.json");
    }
    place.write("home/ledger.jsonl", &ledger);
    for file in ["home/identity", "home/places.json", "home/checkpoint", "home/card.json"] {
        let before = place.read(file);
        place.write(file, &full);
        watched.refused("service expire home");
        place.write(file, before);
    }
    place.write_private("pass", &full);
    place.ok("custodian new kept --name kept --passphrase-file pass");
    place.write_private("other", "not it");
    watched.refused("service doubt home population --kit kept --passphrase-file other");

    watched.keeps_its_secrets("errors");
    let said = text(&watched.said.borrow());
    let quoted: Vec<&str> =
        said.lines().filter(|line| Needles::identifier().are_in(line.as_bytes())).collect();
    assert!(quoted.is_empty(), "errors quote the data: {quoted:#?}");
}

/// A cell that must come back, and be seen nowhere else; and one that no program may show.
const CELL: &str = "Xylophorène Quimfroy";

fn cell() -> Needles {
    let utf_16 = |word: &str| word.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let forms = ["Xylophor", "Quimfroy"].map(|word| [word.as_bytes().to_vec(), utf_16(word)]);
    let forms: Vec<&[u8]> = forms.iter().flatten().map(Vec::as_slice).collect();
    Needles::of(&forms)
}

/// One way of files: what the data is called, the options that it needs, what travels, the columns.
struct Files {
    data: &'static str,
    options: &'static str,
    delimiter: char,
    /// The extensions of request, retained file and result.
    forms: [&'static str; 3],
    columns: &'static [&'static str],
}

impl Files {
    /// Every way that is not plain text in one file.
    const WAYS: [Self; 6] = [
        Self::of("data.csv.gz", "", ',', ["csv.gz", "csv.gz", "csv.gz"]),
        Self::of("data.csv.zst", "", ',', ["csv.zst", "csv.zst", "csv.zst"]),
        Self::of("data.csv", "--encoding windows-1252", ';', ["csv", "csv", "csv"]),
        Self::of("data.csv", "--encoding utf-16le", ';', ["csv", "csv.zst", "csv"]),
        Self::of("data", "", ',', ["csv", "csv", "csv"]),
        Self { columns: &["nir", "payer"], ..Self::of("data.csv", "", ',', ["csv", "csv", "csv"]) },
    ];

    const fn of(
        data: &'static str,
        options: &'static str,
        delimiter: char,
        forms: [&'static str; 3],
    ) -> Self {
        Self { data, options, delimiter, forms, columns: &["nir"] }
    }

    /// The bytes of a text of this way.
    fn bytes(&self, text: &str) -> Vec<u8> {
        let text = text.replace(',', &self.delimiter.to_string());
        if self.options.ends_with("windows-1252") {
            return text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        }
        if self.options.ends_with("utf-16le") {
            return text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        }
        match self.data.rsplit('.').next().unwrap() {
            "gz" => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                encoder.write_all(text.as_bytes()).unwrap();
                encoder.finish().unwrap()
            }
            "zst" => zstd::encode_all(text.as_bytes(), 3).unwrap(),
            _ => text.into_bytes(),
        }
    }

    /// Writes data of these bytes: in a folder as the second of two parts.
    fn write(&self, place: &Place, bytes: &[u8]) {
        if self.data == "data" {
            fs::create_dir_all(place.path("data/year=2024")).unwrap();
            place.write("data/part-0.csv", csv(&identifiers(20)));
        }
        place.write(self.files()[0], bytes);
    }

    /// The file that holds the canary.
    fn files(&self) -> [&'static str; 1] {
        [if self.data == "data" { "data/year=2024/part-1.csv" } else { self.data }]
    }

    fn shape(&self) -> String {
        format!("{} --delimiter {}", self.options, self.delimiter)
    }

    fn prepare(&self) -> String {
        let columns: String =
            self.columns.iter().map(|name| format!(" --identifier-column {name}")).collect();
        let [request, retained, _] = self.forms;
        format!(
            "controller prepare {} {}{columns} --service home/card.json --domain population \
             --request q.{request} --retained t.{retained}",
            self.data,
            self.shape()
        )
    }
}

/// Rows with a cell beside the identifier, which stands in each of the columns.
fn text_of(columns: &[&str], people: &[String], note: &str) -> String {
    let row = |nir: &String| format!("{}{note}\n", format!("{nir},").repeat(columns.len()));
    format!("{},note\n{}", columns.join(","), people.iter().map(row).collect::<String>())
}

#[test]
fn compressed_encoded_parted_and_several_columns_leak_no_more() {
    let watched = Watched::new(Place::open());
    let (place, identifier) = (&watched.place, Needles::identifier());
    let (full, mut people) = (keyed(CANARY), identifiers(40));
    people.push(full.clone());
    for (number, way) in Files::WAYS.iter().enumerate() {
        let good = text_of(way.columns, &people, CELL);
        let retained = format!("t.{}", way.forms[1]);
        let (out, result) = (out_of(way, number), format!("s{number}.{}", way.forms[2]));
        let attach =
            format!("controller attach --retained {retained} --result {result} --out {out}");

        // Without its header, with a quote too many, with letters in identifiers, with identifiers
        // in what stays, with a cell or a row too many; cut.
        let mut bad: Vec<Vec<u8>> = [
            good.split_once('\n').unwrap().1.to_owned(),
            good.replacen('\n', "\n\"", 3),
            good.replace(",X", "x,X"),
            good.replace(CELL, &full),
            good.replacen(CELL, &format!("{CELL},{full}"), 1),
            format!("{good}\"{full}"),
            format!("{good}{full}{}x\n", ",".repeat(way.columns.len() + 2)),
        ]
        .map(|text| way.bytes(&text))
        .into();
        if way.data.ends_with("gz") || way.data.ends_with("zst") {
            let mut bytes = way.bytes(&good);
            bytes.truncate(bytes.len() - 2);
            bad.push(bytes);
        }
        for bad in bad {
            way.write(place, &bad);
            watched.refused(&way.prepare());
            watched.run(&format!("controller inspect {} {}", way.data, way.shape()));
        }
        // In what is cut nobody finds it.
        way.write(place, &way.bytes(&good));
        watched.only_in(&identifier, &way.files(), "refused: nothing is left");

        for verb in ["inspect", "try"] {
            let columns = way.prepare();
            let columns = columns.split(" --service").next().unwrap();
            let columns = columns.strip_prefix("controller prepare ").unwrap();
            watched.ok(&format!("controller {verb} {columns} --json"));
        }
        watched.ok(&way.prepare());
        let request = format!("q.{}", way.forms[0]);
        watched.only_in(&identifier, &[&way.files()[..], &[&request]].concat(), "prepared");
        watched.only_in(&cell(), &way.files(), "prepared");
        watched.ok(&format!(
            "service code home population --request {request} --result {result} --purpose test \
             --json"
        ));
        watched.only_in(&identifier, &way.files(), "coded");

        // A result or a retained file with what does not belong there.
        for name in [&retained, &result] {
            let kept = fs::read(place.path(name)).unwrap();
            place.write(name, way.bytes(&format!("index,row,status\n{full},{CELL}\n")));
            watched.refused(&attach);
            place.write(name, kept);
            watched.only_in(&identifier, &way.files(), "not attached");
        }
        watched.ok(&format!("{attach} --json"));
        let part = out.clone() + "/year=2024/part-1.csv";
        let attached = if way.data == "data" { part } else { out.clone() };
        watched.only_in(&identifier, &way.files(), "attached");
        watched.only_in(&cell(), &[way.files()[0], &attached], "attached");
        watched.ok(&format!("controller check {out} --json"));

        fs::remove_file(place.path(&retained)).unwrap();
        fs::remove_file(place.path(&format!("{retained}.request.json"))).unwrap();
        match way.data {
            "data" => [&out, "data"].map(|name| fs::remove_dir_all(place.path(name)).unwrap()),
            _ => [&out, way.data].map(|name| fs::remove_file(place.path(name)).unwrap()),
        };
    }
    watched.only_in(&identifier, &[], "in the end");
    watched.keeps_its_secrets("in the end");
}

fn out_of(way: &Files, number: usize) -> String {
    match way.data.split_once('.') {
        Some((_, extension)) => format!("a{number}.{extension}"),
        None => format!("a{number}"),
    }
}

/// A request that another program wrote: its manifest, what is refused of it, what is left.
#[test]
fn requests_of_other_programs_leak_no_more() {
    let watched = Watched::new(Place::open());
    let (place, identifier, full) = (&watched.place, Needles::identifier(), keyed(CANARY));
    let manifest = "controller manifest r --service home/card.json --domain population";
    let mut people = identifiers(40);
    people.push(full.clone());
    let rows = |people: &[String]| -> String {
        let row = |(at, nir): (usize, &String)| format!("{at:08x}{:024x},{nir}\n", 7);
        format!("index,identifier\n{}", people.iter().enumerate().map(row).collect::<String>())
    };
    let good = rows(&people);
    fs::create_dir(place.path("r")).unwrap();
    for bad in [
        rows(&[full.clone(), format!("{full}x")]),
        good.replace("index", &full),
        good.replace("identifier", &full),
        good.replacen("00000001", &full, 1),
        format!("{good}{full}\n"),
        format!("{good}\"{full}"),
    ] {
        place.write("r/part-1.csv", bad);
        watched.refused(manifest);
        watched.only_in(&identifier, &["r/part-1.csv"], "refused");
    }
    place.write("r/part-1.csv", &good);
    watched.ok(&format!("{manifest} --json"));
    watched.only_in(&identifier, &["r/part-1.csv"], "its manifest");
    watched.ok("service code home population --request r --result s.csv --purpose test --json");
    watched.only_in(&identifier, &[], "coded: the request is destroyed");
    watched.keeps_its_secrets("in the end");
}

/// Rows enough that there is something to see and to stop.
const MANY: usize = 200_000;

/// Bulk work is stopped at several moments, then done at a terminal: neither what is said, nor the
/// bar, nor a temporary name shows an identifier or a code, and what was stopped left nothing.
#[test]
fn bulk_work_that_is_stopped_or_watched_shows_and_leaves_nothing() {
    let watched = Watched::new(Place::open());
    let place = &watched.place;
    let mut people = identifiers(MANY);
    for row in (0..MANY).step_by(500) {
        people[row] = keyed(CANARY);
    }
    place.write("data.csv", csv(&people));
    let bulk = |command: &str| {
        for (after, signal) in [(0, "INT"), (5, "TERM"), (10, "HUP"), (20, "INT")] {
            assert!(
                watched.stopped(command, signal, after),
                "{command}: it has more rows than that"
            );
        }
        let shown = watched.at_a_terminal(command, "\u{3}");
        assert!(shown.trim_end().ends_with("repeat the command when you like"), "{shown}");
        let (_, after) = shown.rsplit_once("\u{1b}[2K").expect("a bar that is cleared");
        let alone = after.lines().any(|line| line.starts_with("error[interrupted]: "));
        assert!(alone, "not beside the bar\n{shown}");
        assert_eq!(place.temporaries(), [""; 0]);
        let shown = watched.at_a_terminal(command, "");
        let (bar, after) =
            shown.rsplit_once("\u{1b}[2K").expect("a line of the terminal is cleared");
        assert!(bar.contains("] ") && bar.contains(" rows/s"), "a bar was drawn\n{shown}");
        assert!(after.lines().any(|line| line.starts_with("200,000 rows in ")), "{after}");
        assert_eq!(after.matches(" rows/s").count(), 1, "nothing of the bar is left\n{after}");
    };

    bulk(
        "controller prepare data.csv --identifier-column nir --service home/card.json --domain \
         population --request r.csv --retained t.csv",
    );
    let code = "service code home population --request r.csv --result s.csv --purpose test";
    bulk(&place.with_kits(code));
    assert!(place.read("home/ledger.jsonl").contains("{\"code\":\"interrupted\",\"run\":"));
    assert!(place.exists("s.csv") && place.exists("s.csv.report.json") && !place.exists("r.csv"));
    bulk("controller attach --retained t.csv --result s.csv --out a.csv");
    watched.ok("service new-key home population --reason scheduled");
    watched.ok("controller prepare a.csv --code-column code --request r2.csv --retained t2.csv");
    let renew = "service renew home population --request r2.csv --result s2.csv --purpose test";
    bulk(&place.with_kits(renew));
    assert!(place.exists("s2.csv") && !place.exists("r2.csv"));
    // All of it holds; the runs that were stopped must be accounted for.
    let verified = watched.run("auditor verify home/ledger.jsonl --service home/card.json");
    assert_eq!(verified, Some(3), "{}", text(&watched.said.borrow()));

    let mut people = identifiers(MANY);
    people[0] = keyed(CANARY);
    let rows: String = people.iter().map(|nir| format!("{nir},Doe,Jo,1,1950,\n")).collect();
    place.write("people.csv", format!("nir,nom,prenoms,sexe,date_naissance,code_lieu\n{rows}"));
    bulk("register build people.register --from people.csv");

    let code = place.rows("a.csv").into_iter().find(|row| row[2] == "0").unwrap().remove(0);
    let said = watched.said.borrow();
    assert!(!Needles::identifier().are_in(&said) && !Needles::code(&code).are_in(&said));
    assert!(text(&said).contains("cstatns-tmp"), "temporary names were looked at");
}

/// Somebody whose identifier only the register has.
const PERSON: [&str; 4] = ["Zyxwoltane", "Quorvaine-Ysmerelle", "1937-11-23", "Vrelmouthe"];

/// Every form of what tells who that is.
fn civil_status() -> Needles {
    let [nom, first, date, place] = PERSON;
    let (one, two) = first.split_once('-').unwrap();
    let mut forms: Vec<String> =
        vec![date.into(), date.replace('-', ""), "23/11/1937".into(), CANARY.into()];
    for name in [nom, one, two, place] {
        forms.extend([name.to_owned(), name.to_uppercase(), name.to_lowercase()]);
    }
    Needles::of(&forms.iter().map(String::as_bytes).collect::<Vec<_>>())
}

/// A letter for each figure, so that names differ.
fn spelled(number: usize) -> String {
    number.to_string().bytes().map(|figure| char::from(figure - b'0' + b'b')).collect()
}

/// A register and data of its people; the canary is in both, its identifier in the register alone.
fn people(place: &Place, rows: usize) {
    let [nom, first, date, town] = PERSON;
    let mut register = format!(
        "nir,nom,prenoms,sexe,date_naissance,code_lieu,libelle_lieu\n{},{nom},{first},F,{date},75101,{town}\n",
        keyed(CANARY)
    );
    let others = identifiers(40);
    let row = |person: usize| format!("a{0},e{0},M,1984-05-12,75101,Paris", spelled(person));
    others
        .iter()
        .enumerate()
        .for_each(|(person, nir)| register.push_str(&format!("{nir},{}\n", row(person))));
    let mut data = format!(
        "nom,prenoms,sexe,date_naissance,code_lieu,libelle_lieu,value\n{nom},{first},F,23/11/1937,75101,{town},c\n"
    );
    for value in 0..rows {
        data.push_str(&format!("{},{value}\n", row(value % others.len())));
    }
    place.write("people.csv", register);
    place.write("data.csv", data);
}

const PREPARE: &str = "controller prepare data.csv --civil-status --service home/card.json --domain \
    population --request q.csv --retained t.csv";
const LOOK_UP: &str =
    "service code home population --request q.csv --result s.csv --purpose test --register r";

#[test]
fn who_is_looked_up_is_told_to_nobody() {
    let watched = Watched::new(Place::open());
    let needles = civil_status();
    people(&watched.place, 60);
    let own = ["people.csv", "r"];
    watched.ok("register build r --from people.csv --json");
    watched.ok("register stats r");
    watched.only_in(&needles, &[&own[..], &["data.csv"]].concat(), "at first");
    watched.ok(PREPARE);
    watched.only_in(&needles, &[&own[..], &["data.csv", "q.csv"]].concat(), "prepared");
    watched.only_in(&Needles::identifier(), &own, "the register alone has the identifier");
    watched.ok(&format!("{LOOK_UP} --accept found --json"));
    watched.only_in(
        &needles,
        &[&own[..], &["data.csv"]].concat(),
        "coded: the request is destroyed",
    );
    watched.ok(
        "controller attach --retained t.csv --result s.csv --out a.csv --destroy data.csv --json",
    );
    watched.only_in(&needles, &own, "attached: the controller has destroyed it too");
    let row = watched.place.rows("a.csv").into_iter().find(|row| row[3] == "c").unwrap();
    assert_eq!(row[1], "found");
    watched.only_in(&Needles::code(&row[0]), &["a.csv", "s.csv"], "the code");

    // Parquet, and an identifier that is in the data as well.
    people(&watched.place, 60);
    let data = watched.place.read("data.csv");
    let with_nir = data.lines().enumerate().map(|(line, row)| match line {
        0 => format!("{row},nir\n"),
        1 => format!("{row},{}\n", keyed(CANARY)),
        _ => format!("{row},\n"),
    });
    watched.place.write("data.csv", with_nir.collect::<String>());
    watched.ok(&PREPARE.replace("q.csv", "q.parquet").replace("t.csv", "t2.csv"));
    watched.ok(&LOOK_UP.replace("q.csv", "q.parquet").replace("s.csv", "s.parquet"));
    watched.only_in(&needles, &[&own[..], &["data.csv"]].concat(), "coded from Parquet");
    for command in
        ["service status home --json", "auditor verify home/ledger.jsonl --service home/card.json"]
    {
        watched.ok(command);
    }
    watched.keeps_its_secrets("in the end");
}

#[test]
fn errors_about_people_do_not_quote_them() {
    let watched = Watched::new(Place::open());
    let place = &watched.place;
    let [nom, first, date, town] = PERSON;
    people(place, 60);
    watched.ok("register build r --from people.csv");
    let good = place.read("data.csv");
    let header = good.lines().next().unwrap();
    let one = format!("{nom},{first},F,{date},75101,{town},c");
    // Columns that are exchanged, missing, without a header, of another delimiter; cells that are
    // too long or of no text.
    for bad in [
        format!("{header}\n{date},{first},F,{nom},75101,{town},c\n"),
        format!("{header}\n{nom},{first},{town},{date},75101,{town},c\n"),
        format!("{header}\n{nom},{first},F,{date},{town},{town},c\n"),
        format!("{header}\n{nom},{first},F,{nom} {date},75101,{town},c\n"),
        format!("{header},nir\n{one},{CANARY}{CANARY}\n"),
        format!("{header}\n{one},{nom}\n"),
        format!("{header}\n\"{one}\n"),
        format!("{one}\n{one}\n"),
        // Nothing in the first line looks like a value.
        format!("{nom},{first},F,1937\n{nom},{first},F,1937\n"),
        format!("{nom};{first};{town}\n{nom};{first};{town}\n"),
        format!("{header}\n{one}\n").replace(',', ";"),
        format!("{header}\n{}\n", one.replace(nom, &nom.repeat(200))),
        good.replacen("value", "quality", 1),
    ] {
        place.write("data.csv", bad);
        watched.refused(PREPARE);
    }
    place.write(
        "data.csv",
        [format!("{header}\n{nom}").as_bytes(), b"\xe9", &one.as_bytes()[nom.len()..]].concat(),
    );
    watched.refused(PREPARE);

    place.write("data.csv", &good);
    watched.ok(PREPARE);
    let request = place.read("q.csv");
    let line = request.lines().find(|line| line.contains(nom)).unwrap();
    let bad = |from: &str, to: &str| request.replacen(line, &line.replacen(from, to, 1), 1);
    for bad in [
        bad(",F,", &format!(",{nom},")),
        bad("23/11/1937", nom),
        bad("75101", town),
        bad(nom, &nom.repeat(30)),
        bad(town, first),
        bad(&line[..32], nom),
        bad(town, &format!("{town},{town}")),
        request.replacen("prenoms", nom, 1),
        request.replacen(line, &format!("{line}\n{line}"), 1),
    ] {
        place.write("q.csv", bad);
        watched.refused(LOOK_UP);
    }
    place.write("q.csv", &request);
    for index in ["data.csv", "people.csv", "q.csv"] {
        watched.refused(&LOOK_UP.replace("--register r", &format!("--register {index}")));
    }
    let seal = place.read("q.csv.manifest.json");
    place.write("q.csv.manifest.json", seal.replacen("look-up", nom, 1));
    watched.refused(LOOK_UP);
    place.write("q.csv.manifest.json", &seal);
    watched.refused(&LOOK_UP.replace(" --register r", ""));
    watched.ok(LOOK_UP);
    assert!(!civil_status().are_in(place.read("home/ledger.jsonl").as_bytes()));
    let said = text(&watched.said.borrow());
    let quoted: Vec<&str> =
        said.lines().filter(|line| civil_status().are_in(line.as_bytes())).collect();
    assert!(quoted.is_empty(), "errors quote the data: {quoted:#?}");
}

#[test]
fn look_ups_that_are_stopped_or_watched_show_and_leave_nothing() {
    let watched = Watched::new(Place::open());
    let place = &watched.place;
    people(place, 40_000);
    watched.ok("register build r --from people.csv");
    // In little memory: some of it is put aside on disk.
    let prepare = format!("{PREPARE} --memory 16MiB");
    for command in [prepare, place.with_kits(LOOK_UP)] {
        for (after, signal) in [(0, "INT"), (20, "TERM")] {
            assert!(
                watched.stopped(&command, signal, after),
                "{command}: it has more rows than that"
            );
        }
        assert_eq!(place.temporaries(), [""; 0]);
        let shown = watched.at_a_terminal(&command, "");
        assert!(shown.lines().last().unwrap().starts_with("40,001 rows in "), "{shown}");
    }
    // Nor is a page left of an evaluation that is stopped.
    let data = place.read("data.csv");
    let known = data.lines().enumerate().map(|(line, row)| {
        let (cells, _) = row.rsplit_once(',').unwrap();
        let truth = ["person", &keyed(CANARY)].get(line).map_or("", |truth| truth).to_owned();
        format!("{cells},{truth}\n")
    });
    place.write("known.csv", known.collect::<String>());
    let evaluate = "register evaluate r --queries known.csv --truth person --out page.html";
    for (after, signal) in [(0, "INT"), (20, "TERM")] {
        assert!(watched.stopped(evaluate, signal, after), "it has more rows than that");
    }
    watched.ok(evaluate);
    assert!(!civil_status().are_in(&watched.said.borrow()));
    watched.only_in(&civil_status(), &["data.csv", "known.csv", "people.csv", "r"], "in the end");
}
