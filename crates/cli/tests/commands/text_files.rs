//! Text as people have it: compressed, parted by tabs, in older encodings, with what spreadsheets
//! put above the header. Each goes the whole way; what cannot be read is refused by name, within
//! the memory, and leaves nothing.

use crate::common;

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use common::{Place, files, identifiers, is_memory, text};
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packed(name: &str, bytes: &[u8]) -> Vec<u8> {
    match name.rsplit('.').next().unwrap() {
        "gz" => gzip(bytes),
        "zst" => zstd::encode_all(bytes, 3).unwrap(),
        _ => bytes.to_vec(),
    }
}

fn unpacked(place: &Place, name: &str) -> String {
    let bytes = fs::read(place.path(name)).unwrap();
    let mut found = Vec::new();
    match name.rsplit('.').next().unwrap() {
        "gz" => {
            MultiGzDecoder::new(&bytes[..]).read_to_end(&mut found).unwrap();
        }
        "zst" => found = zstd::decode_all(&bytes[..]).unwrap(),
        _ => found = bytes,
    }
    String::from_utf8(found).unwrap()
}

/// The attached file of what was prepared of `data.csv` as `q.csv` and `t.csv`, which then go; the
/// result has a name of its own.
fn coded(place: &Place, result: &str) -> Vec<u8> {
    place.quorum(&format!(
        "service code home population --request q.csv --result {result} --purpose test"
    ));
    place.ok(&format!("controller attach --retained t.csv --result {result} --out o.csv"));
    let attached = fs::read(place.path("o.csv")).unwrap();
    let attached_to = ["o.csv", "o.csv.report.json", "o.csv.receipt.json"];
    for name in ["t.csv", "t.csv.request.json"].into_iter().chain(attached_to) {
        fs::remove_file(place.path(name)).unwrap();
    }
    attached
}

/// The lines below the header, sorted.
fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(delimiter).map(str::to_owned).collect())
        .collect();
    rows.sort();
    rows
}

fn new_files(
    place: &Place,
    before: &std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>,
) -> Vec<std::path::PathBuf> {
    let new = files(place.directory.path()).into_keys().filter(|path| !before.contains_key(path));
    new.filter(|path| !is_memory(path) && !path.ends_with("lock")).collect()
}

/// Data, request, retained, result and attached file, each of another type, the whole way: codes
/// stand beside the values that they stood beside.
#[test]
fn every_type_of_text_goes_the_whole_way() {
    let place = Place::open();
    let people = identifiers(40);
    let ways = [
        ("a.csv.gz", "a.q.csv.zst", "a.t.csv.gz", "a.s.csv.gz", "a.o.csv.zst", ',', ','),
        ("b.tsv", "b.q.tsv.gz", "b.t.tsv", "b.s.tsv.zst", "b.o.tsv.gz", '\t', '\t'),
        ("c.txt", "c.q.txt", "c.t.txt.zst", "c.s.txt", "c.o.csv", ';', ','),
        ("d.tsv.zst", "d.q.csv", "d.t.csv", "d.s.csv", "d.o.csv", '\t', ','),
        ("e.csv", "e.q.csv.gz", "e.t.csv", "e.s.csv.zst", "e.o.csv", ',', ','),
    ];
    let mut codes: Option<Vec<Vec<String>>> = None;
    for (data, request, retained, result, out, delimiter, travelling) in ways {
        let lines: String = people
            .iter()
            .enumerate()
            .map(|(row, nir)| format!("{row}{delimiter}{nir}{delimiter}kept {row}\n"))
            .collect();
        let plain = format!("row{delimiter}nir{delimiter}note\n{lines}");
        place.write(data, packed(data, plain.as_bytes()));
        place.ok(&format!(
            "controller prepare {data} --identifier-column nir --request {request} --retained {retained}"
        ));
        let sent = unpacked(&place, request);
        assert!(sent.starts_with(&format!("index{travelling}identifier\n")), "{request}");
        let mut sent: Vec<String> =
            rows(&sent, travelling).into_iter().map(|row| row[1].clone()).collect();
        sent.sort();
        let mut expected = people.clone();
        expected.sort();
        assert_eq!(sent, expected, "{request}");
        place.quorum(&format!(
            "service code home population --request {request} --result {result} --purpose test"
        ));
        place.ok(&format!("controller attach --retained {retained} --result {result} --out {out}"));
        place.ok(&format!("controller check {out}"));
        let mut found: Vec<_> = rows(&unpacked(&place, out), delimiter)
            .into_iter()
            .map(|row| vec![row[2].clone(), row[0].clone(), row[3].clone()])
            .collect();
        found.sort();
        assert!(found.iter().all(|row| row[2] == format!("kept {}", row[0])), "{out}");
        // One code for one identifier, whatever the type.
        assert_eq!(*codes.get_or_insert(found.clone()), found, "{out}");
    }
}

#[test]
fn gzip_of_several_members_is_read_to_its_end() {
    let place = Place::default();
    let people = identifiers(30);
    let (first, second) = people.split_at(10);
    let text = |nirs: &[String]| nirs.join("\n") + "\n";
    let header = gzip(b"nir\n");
    place.write(
        "data.csv.gz",
        [header, gzip(text(first).as_bytes()), gzip(b""), gzip(text(second).as_bytes())].concat(),
    );
    let frames = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
    place.write(
        "data.csv.zst",
        [frames(&format!("nir\n{}", text(first))), frames(&text(second))].concat(),
    );
    for (name, data) in [("gz", "data.csv.gz"), ("zst", "data.csv.zst")] {
        let summary = place.json(&format!(
            "controller prepare {data} --identifier-column nir --request {name}.csv --retained {name}.t.csv"
        ));
        assert_eq!(summary["status"], serde_json::json!({ "ok": 30 }), "{data}");
    }
}

/// Cut anywhere, changed, or no such data: refused by name, and nothing is left.
#[test]
fn what_is_not_whole_is_refused_by_name() {
    let place = Place::default();
    let plain = common::csv(&identifiers(3000));
    for extension in ["gz", "zst"] {
        let name = format!("data.csv.{extension}");
        let prepare = format!(
            "controller prepare {name} --identifier-column nir --request q.csv --retained t.csv.{extension}"
        );
        let whole = packed(&name, plain.as_bytes());
        for cut in [5, 20, whole.len() / 2, whole.len() - 1] {
            place.write(&name, &whole[..cut]);
            let before = files(place.directory.path());
            let line = place.refused(&prepare, "compressed-truncated", &["data.csv."]);
            assert!(!line.contains("1170913"), "{line}");
            assert_eq!(new_files(&place, &before), [""; 0].map(std::path::PathBuf::from));
        }
        let mut changed = whole.clone();
        let at = whole.len() - 6;
        changed[at] ^= 0x55;
        place.write(&name, &changed);
        let before = files(place.directory.path());
        place.refused(&prepare, "compressed-damaged", &[]);
        assert_eq!(new_files(&place, &before), [""; 0].map(std::path::PathBuf::from));
        place.write(&name, &plain);
        place.refused(&prepare, "compressed-damaged", &[]);
    }
    // What is compressed and does not say so.
    place.write("data.csv", packed("x.zst", plain.as_bytes()));
    place.refused(
        "controller prepare data.csv --identifier-column nir --request q.csv --retained t.csv",
        "not-csv",
        &["a compressed file"],
    );
    place.refused(
        "controller prepare data.parquet.gz --identifier-column nir --request q.csv --retained t.csv",
        "file-type",
        &[".tsv"],
    );
}

/// The most memory, in KiB.
const MOST: u64 = 200 << 10;

/// Small files that swell to a row, a header or rows without end take no memory for it.
#[test]
fn a_small_file_that_swells_takes_no_memory() {
    let place = Place::default();
    let gib = 1_usize << 30;
    let pattern = |start: &[u8], repeated: &[u8], count: usize| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.write_all(start).unwrap();
        let many = repeated.repeat((1 << 20) / repeated.len());
        (0..count / many.len()).for_each(|_| encoder.write_all(&many).unwrap());
        encoder.finish().unwrap()
    };
    let nir = &identifiers(1)[0];
    let row = format!("{nir},1\n");
    let cases = [
        ("row", pattern(b"nir,x\n1,", b"xxxxxxxx", gib / 4), Some("long-row")),
        ("header", pattern(b"nir", b",", gib / 4), Some("long-row")),
        ("columns", pattern(b"nir\n", b",", gib / 4), Some("long-row")),
        ("quote", pattern(b"nir\n\"", b"x\n", gib / 4), Some("long-row")),
        // Rows: all of them are read, and put aside where memory ends.
        ("rows", pattern(b"nir,x\n", row.as_bytes(), gib / 16), None),
    ];
    for (case, bytes, code) in cases {
        assert!(bytes.len() < 100_000, "{case}: {}", bytes.len());
        place.write("data.csv.zst", bytes);
        let before = files(place.directory.path());
        let mut child = place
            .command(&format!(
                "controller prepare data.csv.zst --identifier-column nir --memory 64MiB --request \
                q.{case}.csv --retained t.{case}.csv.zst"
            ))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            let said = fs::read_to_string(&status).unwrap_or_default();
            let line = said.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let now = line.map_or(0, |line| line.trim().trim_end_matches(" kB").parse().unwrap());
            peak = now.max(peak);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let said = text(&child.wait_with_output().unwrap().stderr);
        assert!(peak < MOST, "{case}: {peak} KiB\n{said}");
        match code {
            Some(code) => {
                assert!(said.contains(&format!("error[{code}]")), "{case}: {said}");
                assert!(new_files(&place, &before).is_empty(), "{case}");
            }
            None => assert!(place.exists(&format!("q.{case}.csv")), "{case}: {said}"),
        }
    }
    // A window of 128 MiB.
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(common::csv(&identifiers(10)).as_bytes()).unwrap();
    place.write("data.csv.zst", encoder.finish().unwrap());
    place.refused(
        "controller prepare data.csv.zst --identifier-column nir --request q.csv --retained t.csv",
        "compressed-window",
        &["too much memory", "zstd -19"],
    );
}

/// Headers and cells of older encodings: found by their names and by their numbers, and all other
/// bytes as they were.
#[test]
fn older_encodings_are_read_where_they_are_said() {
    let place = Place::open();
    let people = identifiers(12);
    let mut windows = b"Pay\xe9;N\xb0 S\xe9cu;note\n".to_vec();
    for (row, nir) in people.iter().enumerate() {
        // A no-break space within, as Excel leaves it.
        let (head, tail) = nir.split_at(7);
        windows.extend(format!("{row};{head}").into_bytes());
        windows.push(0xa0);
        windows.extend(format!("{tail};caf").into_bytes());
        windows.extend(b"\xe9\n");
    }
    place.write("data.csv", &windows);
    let prepare = |column: &str, more: &str| {
        let mut command = place
            .command("controller prepare data.csv --delimiter ; --request q.csv --retained t.csv");
        command.arg("--identifier-column").arg(column).args(more.split_whitespace());
        command.output().unwrap()
    };
    let refused = prepare("N° Sécu", "");
    let said = text(&refused.stderr);
    assert!(said.contains("error[missing-column]"), "{said}");
    for words in ["\"N° Sécu\", in another encoding", "--encoding windows-1252", "'#2'", "Payé"]
    {
        assert!(said.contains(words), "{said}\nwithout {words}");
    }
    let said = text(&prepare("#2", "").stderr);
    assert!(said.contains("error[not-utf-8]") && said.contains("--encoding"), "{said}");
    for (column, encoding) in [("N° Sécu", "windows-1252"), ("#2", "iso-8859-15")] {
        let output = prepare(column, &format!("--encoding {encoding}"));
        let said = text(&output.stderr);
        assert!(output.status.success() && said.contains("ok 12"), "{said}");
        // What was not sent keeps its bytes.
        let attached = coded(&place, &format!("{encoding}.csv"));
        assert!(attached.starts_with(b"code;quality;Pay\xe9;note\n"), "{encoding}");
        assert_eq!(attached.windows(5).filter(|bytes| bytes == b"caf\xe9\n").count(), 12);
    }
    // Said to be UTF-8, a cell that is not is no more than a wrong cell.
    let output = prepare("#2", "--encoding utf-8");
    let said = text(&output.stderr);
    assert!(said.contains("error[wrong-column]: \"data.csv\": 12 of 12"), "{said}");
    people.iter().for_each(|nir| assert!(!said.contains(&nir[..7])));
    let output = prepare("#4", "--encoding utf-8");
    assert!(text(&output.stderr).contains("error[missing-column]"));
    let output = prepare("#2", "--encoding latin-9");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn one_cell_in_another_encoding_is_that_rows_alone() {
    let place = Place::default();
    let people = identifiers(12);
    let mut data = common::csv(&people).into_bytes();
    data.extend(b"18405\xe9,x\n");
    place.write("data.csv", data);
    let prepare =
        "controller prepare data.csv --identifier-column nir --request q.csv --retained t.csv";
    place.refused(prepare, "not-utf-8", &["row 13"]);
    let summary = place.json(&format!("{prepare} --encoding utf-8"));
    assert_eq!(summary["status"], serde_json::json!({ "ok": 12, "wrong-character": 1 }));
}

#[test]
fn civil_status_in_an_older_encoding_travels_in_utf_8() {
    let place = Place::default();
    let row = b"LEF\xc8VRE;Ren\xe9;1984-05-12;caf\xe9\n";
    place.write("data.txt", [&b"nom;Pr\xe9nom;date_naissance;note\n"[..], row, row].concat());
    let mut command = place.command(
        "controller prepare data.txt --civil-status --encoding windows-1252 --request q.csv \
        --retained t.txt",
    );
    let output = command.arg("--map").arg("prenoms=Prénom").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let request = place.read("q.csv");
    assert_eq!(request.matches(",LEFÈVRE,,René,").count(), 2, "{request}");
    fs::remove_file(place.path("q.csv")).unwrap();
    for name in ["q.csv.manifest.json", "t.txt", "t.txt.request.json"] {
        fs::remove_file(place.path(name)).unwrap();
    }
    // By its number.
    place.ok("controller prepare data.txt --civil-status --encoding windows-1252 --map \
        nom=nom,prenoms=#2 --request q.csv --retained t.txt");
    assert_eq!(place.read("q.csv").matches(",LEFÈVRE,,René,").count(), 2);
}

#[test]
fn utf_16_is_transcoded_as_it_is_read() {
    let place = Place::open();
    let people = identifiers(40);
    let lines: String = people.iter().map(|nir| format!("{nir};é𝄞\r\n")).collect();
    let plain = format!("N° Sécu;note\r\n{lines}");
    for (encoding, is_big, mark) in
        [("utf-16le", false, true), ("utf-16be", true, false), ("utf-16le", true, true)]
    {
        let bytes = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        let units = mark.then_some(0xfeff).into_iter().chain(plain.encode_utf16());
        place.write("data.csv", units.flat_map(bytes).collect::<Vec<u8>>());
        let prepare = "controller prepare data.csv --identifier-column #1 --delimiter ; --request \
            q.csv --retained t.csv";
        place.refused(prepare, "not-csv", &["text in UTF-16", "--encoding utf-16le"]);
        place.ok(&format!("{prepare} --encoding {encoding}"));
        let attached =
            String::from_utf8(coded(&place, &format!("{encoding}.{is_big}.csv"))).unwrap();
        assert_eq!(attached.matches(";valid;é𝄞\r\n").count(), 40, "{attached}");
        assert!(attached.starts_with("code;quality;note\r\n"), "in UTF-8, without a mark");
    }
}

/// What stands above or around the names of the columns.
#[test]
fn what_spreadsheets_put_above_the_header_is_passed_over_or_told() {
    let place = Place::default();
    let people = identifiers(12);
    let lines = |between: char| -> String {
        people.iter().map(|nir| format!("{nir}{between}1\n")).collect()
    };
    let prepare = |more: &str| {
        format!(
            "controller prepare data.csv --identifier-column nir --request q.csv --retained t.csv {more}"
        )
    };
    let mut number = 0;
    let mut goes = |data: String, more: &str| {
        number += 1;
        place.write("data.csv", &data);
        let said = place.ok(&prepare(more)
            .replace("q.csv", &format!("q{number}.csv"))
            .replace("t.csv", &format!("t{number}.csv")));
        assert!(said.contains("ok 12"), "{said}");
    };
    // The line says the delimiter; one that is given counts more.
    goes(format!("sep=;\nnir;a\n{}", lines(';')), "");
    goes(format!("\"sep=;\"\r\nnir;a\n{}", lines(';')), "--delimiter ;");
    goes(format!("sep=,\nnir;a\n{}", lines(';')), "--delimiter ;");
    goes(format!("\u{feff}\u{feff}nir;a\n{}", lines(';')), "--delimiter ;");
    goes(format!("\u{feff}sep=\t\nnir\ta\n{}", lines('\t')), "");
    let told = |data: String, more: &str, words: &[&str]| {
        place.write("data.csv", &data);
        let line = place.refused(&prepare(more), "missing-column", words);
        people.iter().for_each(|nir| assert!(!line.contains(nir), "{line}"));
    };
    told(
        format!("Extraction 2024\n\nnir,a\n{}", lines(',')),
        "",
        &["fewer names than line 3 has fields", "delete the lines above"],
    );
    told(format!("Titre;\nnir;a\n{}", lines(';')), "--delimiter ;", &["delete the lines above"]);
    told(
        format!(" NIR ;a\n{}", lines(';')),
        "--delimiter ;",
        &["column 1 is \" NIR \", spelt otherwise", "'#1'"],
    );
    // Without a header nothing of the first row is shown.
    told(lines(','), "", &["the first line must give the names"]);
}
