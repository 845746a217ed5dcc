//! A kit on paper: printed, read by another program, typed again.

use crate::browser;
use crate::common;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use common::{Place, text};

const EXPORT: &str = "custodian export alice --paper alice.html --passphrase-file alice.pass";

/// The lines on a page, as a person reads them.
fn lines(page: &str) -> String {
    let (_, rest) = page.split_once("<pre>\n").unwrap();
    rest.split_once("</pre>").unwrap().0.to_owned()
}

fn printed() -> Place {
    let place = Place::in_earnest();
    place.ok(EXPORT);
    place.write("lines.txt", lines(&place.read("alice.html")));
    place
}

#[test]
fn a_kit_is_printed_and_made_again() {
    let place = printed();
    let mode = fs::metadata(place.path("alice.html")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    place.refused(EXPORT, "output-exists", &["alice.html"]);
    let import = "custodian import lines.txt again --passphrase-file alice.pass";
    let summary = place.json(import);
    assert_eq!((&summary["custodian"], &summary["epoch"]), (&"alice".into(), &1.into()));
    place.refused(import, "output-exists", &["again"]);
    let first = place.read("home/ledger.jsonl");
    let first: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    let card: serde_json::Value = serde_json::from_str(&place.read("again/card.json")).unwrap();
    assert_eq!(card, first["event"]["dealing"]["roster"][0]["card"]);

    // It checks, approves, accepts; each time it says where it comes from.
    let from_paper = "made from the paper of epoch 1: it does not know what it stated before";
    let check = "custodian check again --ledger home/ledger.jsonl --out seen.json \
        --passphrase-file alice.pass";
    let said = place.ok(check);
    assert!(said.matches(from_paper).count() >= 2, "{said}");
    place.ok("service receipt home seen.json");
    place.ok(
        "service open home population --kind statistics --kit again --passphrase-file alice.pass \
        --kit bruno --passphrase-file bruno.pass --kit chloe --passphrase-file chloe.pass",
    );
    let said = place.ok("custodian accept again alice/share-1 --ledger home/ledger.jsonl \
        --passphrase-file alice.pass");
    assert!(said.contains(from_paper), "{said}");
    let said =
        place.run("custodian log again --ledger home/ledger.jsonl --passphrase-file alice.pass");
    assert!(text(&said.stdout).contains(from_paper));
    place.ok("auditor verify home/ledger.jsonl --service home/card.json");
    // The kit that was printed says nothing of it.
    let said = place.ok(&check.replace("again", "alice").replace("seen", "seen-too"));
    assert!(!said.contains("from the paper"), "{said}");
}

#[test]
fn what_is_typed_wrong_is_named_before_a_passphrase_is_asked_for() {
    let place = printed();
    let whole = place.read("lines.txt");
    let import = "custodian import typed.txt again";
    let line = |number: usize| whole.lines().nth(number - 1).unwrap().to_owned();
    let changed = |number: usize, to: &str| whole.replace(&line(number), to);
    let with = |number: usize, from: char, to: char| {
        let old = line(number);
        let at = old.rfind(from).unwrap_or(old.len() - 1);
        let mut new = old.clone();
        new.replace_range(at..=at, &to.to_string());
        changed(number, &new)
    };
    let last = |number: usize| line(number).chars().next_back().unwrap();
    let other = if last(3) == '7' { '8' } else { '7' };
    let swapped = whole.replace(&line(4), "@").replace(&line(5), &line(4)).replace('@', &line(5));
    for (typed, code, words) in [
        (with(3, last(3), other), "paper-line", "line 3 is not as it was printed"),
        (with(5, last(5), 'O'), "paper-character", "line 5 has a character that is not used"),
        (swapped, "paper-order", "line 4 is not in its place: line 5 stands there"),
        (whole.replace(&format!("{}\n", line(2)), ""), "paper-order", "line 2 is not in its place"),
        (
            whole.lines().take(13).map(|line| format!("{line}\n")).collect(),
            "paper-missing",
            "line 14 is missing",
        ),
        (changed(1, &line(1)[..line(1).len() - 1]), "paper-length", "line 1 has 27 characters"),
        (changed(6, &line(6)[3..]), "paper-number", "where line 6 should stand"),
        (String::new(), "paper-empty", "no line"),
    ] {
        place.write("typed.txt", &typed);
        place.refused(import, code, &[words]);
        assert!(!place.exists("again"), "{code}");
    }
    // A later sheet of the same kit.
    place.ok(&EXPORT.replace("alice.html", "later.html"));
    let later = lines(&place.read("later.html"));
    let mixed: Vec<&str> = whole.lines().take(8).chain(later.lines().skip(8)).collect();
    place.write("typed.txt", mixed.join("\n"));
    place.refused(import, "paper-lines", &["not the lines of one paper"]);
    place.write("typed.txt", &whole);
    place.refused(
        &format!("{import} --passphrase-file bruno.pass"),
        "paper-passphrase",
        &["not that of this paper"],
    );
    // It is asked for where no file holds it.
    place.refused(import, "passphrase-needed", &["typed.txt"]);
    assert!(!place.exists("again"));
    // Typed by somebody else: small letters, other spaces, on standard input.
    let mut child = place
        .command("custodian import - again --passphrase-file alice.pass")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let typed = whole.to_lowercase().replace("   ", " ").replace('\n', "\r\n\r\n");
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    place.ok("custodian check again --ledger home/ledger.jsonl --out seen.json --passphrase-file alice.pass");
}

#[test]
fn a_kit_without_a_passphrase_is_not_printed() {
    let place = Place::founded();
    place.refused(
        "custodian export alice --paper alice.html",
        "kit-without-passphrase",
        &["its card says so", "make a new kit"],
    );
    let place = Place::default();
    place.write_private("alice.pass", "the passphrase of alice\n");
    place.ok("custodian new alice --name alice --passphrase-file alice.pass");
    place.refused(EXPORT, "nothing-seen", &["accepted no share"]);
    assert!(!place.exists("alice.html"));
}

/// A QR code is read for certain with four white modules on each side (ISO/IEC 18004, 9.1).
#[test]
fn a_code_has_its_white_margin() {
    let place = printed();
    let page = place.read("alice.html");
    let mut codes = 0;
    for code in page.split("<svg viewBox=\"0 0 ").skip(1) {
        let side: u32 = code.split(' ').next().unwrap().parse().unwrap();
        let (_, path) = code.split_once(" d=\"M").unwrap();
        let (path, _) = path.split_once("z\"").unwrap();
        let (mut left, mut top, mut right, mut bottom) = (side, side, 0, 0);
        for run in path.split("zM") {
            let (corner, size) = run.split_once('h').unwrap();
            let (x, y) = corner.split_once(' ').unwrap();
            let width: u32 = size.split_once("v1h-").unwrap().0.parse().unwrap();
            let (x, y): (u32, u32) = (x.parse().unwrap(), y.parse().unwrap());
            (left, top) = (left.min(x), top.min(y));
            (right, bottom) = (right.max(x + width), bottom.max(y + 1));
        }
        assert_eq!([left, top, side - right, side - bottom], [4; 4]);
        codes += 1;
    }
    assert_eq!(codes, 2);
}

/// The page as it is printed: one sheet, whose QR codes another program reads.
#[test]
#[allow(clippy::print_stdout)]
fn the_page_is_one_sheet_and_its_codes_are_read_by_another_program() {
    let Some(chromium) = browser::browser() else { return };
    if Command::new("zbarimg").arg("--version").output().is_err() {
        println!("there is no zbarimg here: the codes were not read");
        return;
    }
    let place = Place::in_earnest();
    let scratch = place.directory.path();
    let mut pages = Vec::new();
    for (language, title) in
        [("en", "Kit of alice on paper"), ("fr", "Trousse de alice sur papier")]
    {
        let page = place.path(&format!("{language}.html"));
        place.ok(&format!(
            "custodian export alice --paper {language}.html --passphrase-file alice.pass --lang {language}"
        ));
        let html = fs::read_to_string(&page).unwrap();
        assert!(html.contains(&format!("<html lang=\"{language}\">")));
        assert!(html.contains(&format!("<h1>{title}</h1>")), "{language}");
        for outside in ["<script", "http://", "https://", "src=", "href=", "url(", "@import"] {
            assert!(!html.contains(outside), "{language}: {outside}");
        }
        // On the screen.
        let image = scratch.join(format!("{language}.png"));
        let shot = format!("--screenshot={}", image.display());
        browser::run(&chromium, scratch, &[&shot, "--window-size=1000,1500"], &page);
        let read = Command::new("zbarimg").args(["--raw", "-q"]).arg(&image).output().unwrap();
        let typed = lines(&html).replace("\n ", "\n").replace("  ", " ").trim_start().to_owned();
        let mut read: Vec<String> =
            text(&read.stdout).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        // The reader gives the codes in an order of its own.
        read.sort_by_key(|line| line.split(' ').next().unwrap().parse::<u32>().unwrap());
        assert_eq!(read.join("\n"), typed.trim_end(), "{language}");
        place.write("read.txt", read.join("\n"));
        place.ok(&format!(
            "custodian import read.txt again-{language} --passphrase-file alice.pass"
        ));
        // On paper.
        let pdf = scratch.join(format!("{language}.pdf"));
        let print = format!("--print-to-pdf={}", pdf.display());
        browser::run(&chromium, scratch, &[&print, "--no-pdf-header-footer"], &page);
        pages.push(sheets(&pdf));
        // The same with a line too many for one sheet: the count would show it.
        let long = html.replace("<h2>", "<p style=\"height:40mm\"></p><h2>");
        fs::write(scratch.join("long.html"), long).unwrap();
        browser::run(
            &chromium,
            scratch,
            &[&print, "--no-pdf-header-footer"],
            &scratch.join("long.html"),
        );
        assert_eq!(sheets(&pdf), 2, "{language}");
    }
    assert_eq!(pages, [1, 1]);
}

/// The pages of a PDF.
fn sheets(pdf: &std::path::Path) -> usize {
    let bytes = fs::read(pdf).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    text.matches("/Type /Page\n").count()
}
