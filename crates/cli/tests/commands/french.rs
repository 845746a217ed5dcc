//! The same commands in both languages: what people read is French and nothing but French, and what
//! programs read is the same.

use crate::common;
use crate::people;

use std::fs;
use std::process::Output;

use common::{Place, text};
use serde_json::Value;

/// Words of English sentences that no French sentence has.
const ENGLISH: [&str; 26] = [
    "the", "of", "and", "with", "is", "are", "was", "were", "has", "have", "its", "this", "that",
    "which", "from", "not", "give", "it", "for", "be", "no", "nothing", "every", "rows", "their",
    "them",
];

/// Somebody who does not exist.
const CANARY: &str = "299072A987654";

/// The lines of a text that have English words: without names, paths and commands, which are of no
/// language.
fn english_in(said: &str) -> Vec<String> {
    let typed = ["$ cstatns", "cstatns controller prepare", "--"];
    let lines =
        said.lines().filter(|line| !typed.iter().any(|typed| line.trim_start().starts_with(typed)));
    let has_english = |line: &&str| {
        let unquoted: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        let unquoted: String = unquoted.split('"').step_by(2).collect::<Vec<_>>().join(" ");
        let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '/' | '_' | '\'');
        unquoted
            .split(|c| !is_inside(c))
            .any(|word| ENGLISH.contains(&word.trim_matches(['.', '\''])))
    };
    lines.filter(has_english).map(str::to_owned).collect()
}

#[test]
fn an_english_sentence_is_found() {
    let said =
        "la part est juste\ngive it to the service\n  $ cstatns the\n`the` \"of\" the-file /is\n";
    assert_eq!(english_in(said), ["give it to the service"]);
}

/// Whether two summaries have the same members, and the one of the French run no French.
fn same_form(one: &Value, other: &Value, at: &str, wrong: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            if !one.keys().eq(other.keys()) {
                wrong.push(format!("{at}: other members"));
            }
            for (key, value) in one {
                same_form(
                    value,
                    other.get(key).unwrap_or(&Value::Null),
                    &format!("{at}.{key}"),
                    wrong,
                );
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            if one.len() != other.len() {
                wrong.push(format!("{at}: {} and {} values", one.len(), other.len()));
            }
            one.iter().zip(other).for_each(|(one, other)| same_form(one, other, at, wrong));
        }
        (Value::String(_), Value::String(other)) => {
            if !other.is_ascii() {
                wrong.push(format!("{at}: {other:?}"));
            }
        }
        (one, other) => {
            if std::mem::discriminant(one) != std::mem::discriminant(other) {
                wrong.push(format!("{at}: {one} and {other}"));
            }
        }
    }
}

/// What a small service and its controller type, from the ceremony to the audit; refusals too.
fn commands(kits: &str) -> Vec<String> {
    let mut all: Vec<String> = [
        "custodian new alice --name alice --no-passphrase",
        "custodian new bruno --name bruno --no-passphrase --external",
        "custodian new alice --name alice --no-passphrase",
        "service init home --name test --threshold 2 --shares shares --demo --custodian alice/card.json bruno/card.json",
        "custodian accept alice shares/alice.1.share --ledger home/ledger.jsonl",
        "custodian accept bruno shares/bruno.1.share --ledger home/ledger.jsonl --yes",
        "service open home population --kind statistics KITS",
        "service receipt home alice/receipt-1-held.json",
        "service receipt home alice/receipt-1-held.json bruno/receipt-1-held.json",
        "service open home population --kind statistics KITS",
        "service open home cohort --kind research --ends 2090-01-01 KITS",
        "service open home cohort --kind research --ends 2030-01-01 --minimum-batch 2 KITS",
        "service open home population --kind statistics --kit alice",
        "controller setup . --service home/card.json --domain population",
        "controller inspect data.csv",
        "controller inspect nothing.csv",
        "controller try data.csv --identifier-column nir",
        "controller try data.csv --identifier-column value",
        "controller prepare data.csv --identifier-column nir --request request.csv --retained retained.csv",
        "controller prepare data.csv --identifier-column nobody --request r.csv --retained t.csv",
        "service code home population --request request.csv --result result.csv --purpose wages --kit alice",
        "service code home population --request request.csv --result result.csv --purpose wages KITS",
        "service code home population --request request.csv --result other.csv --purpose wages KITS",
        "controller attach --retained retained.csv --result result.csv --out coded.csv",
        "controller attach --retained retained.csv --result result.csv --out coded.csv",
        "controller check coded.csv",
        "controller check .",
        "controller check data.csv",
        "service status home",
        "service status home --to-renew population",
        "service status home --check",
        "service delivered home 123456 --stated",
        "service doubt home population --kit alice",
        "service code home population --request r --result s --purpose wages KITS",
        "service examined home population KITS",
        "service new-key home population --reason scheduled KITS",
        "service renew home population --request nothing.csv --result s.csv --purpose wages KITS",
        "service extend home cohort --ends 2031-01-01 KITS",
        "service close home cohort KITS",
        "service expire home",
        "service publish home published",
        "service publish home published",
        "service recover home",
        "service rekey home --new-card next.json",
        "custodian check alice --ledger home/ledger.jsonl --out alice.json",
        "custodian check alice --ledger home/ledger.jsonl --accept-service next.json --yes --out next-alice.json",
        "custodian log bruno --ledger home/ledger.jsonl --out bruno.evidence.json",
        "auditor verify home/ledger.jsonl --service home/card.json",
        "auditor verify home/ledger.jsonl --service home/card.json --witness bruno.evidence.json",
        "auditor verify data.csv --service home/card.json",
        "register build people.register --from people.csv",
        "register build people.register --from people.csv",
        "register build other.register --from data.csv",
        "register stats people.register",
        "register stats data.csv",
        "man pages",
    ]
    .map(str::to_owned)
    .into();
    all.iter_mut().for_each(|command| *command = command.replace("KITS", kits));
    all
}

fn place() -> Place {
    let place = Place::default();
    let nirs: Vec<String> = (0..30).map(|nth| format!("2840599{:06}", 100_000 + nth)).collect();
    let mut data = "nir,value\n".to_owned();
    for nir in &nirs {
        data.push_str(&format!("{nir},1\n"));
    }
    data.push_str(&format!("{CANARY},2\n,3\nNA,4\n"));
    place.write("data.csv", data);
    let mut people = "id,nir,nom,prenoms,sexe,date_naissance,code_lieu\n".to_owned();
    for (nth, nir) in nirs.iter().enumerate() {
        people.push_str(&format!("{nth},{nir},NOM{nth},ANNE,2,1984-05-12,99350\n"));
    }
    place.write("people.csv", people);
    place
}

/// The code of the refusal that a command ended with.
fn refused(output: &Output) -> Option<String> {
    let said = text(&output.stderr);
    let line = said.lines().find_map(|line| line.strip_prefix("error["))?;
    Some(line.split(']').next()?.to_owned())
}

#[test]
fn every_verb_speaks_french_and_does_the_same() {
    let (english, french) = (place(), place());
    let (mut wrong, mut refusals) = (Vec::new(), 0);
    // What changes nothing is asked again for its summary.
    let reads = ["inspect", "try", "status", "verify", "stats", "check coded", "check ."];
    for command in commands("--kit alice --kit bruno") {
        let summary = reads.iter().any(|verb| command.contains(verb)).then_some(" --json");
        for json in [Some(""), summary].into_iter().flatten() {
            let [en, fr] = [(&english, "en"), (&french, "fr")]
                .map(|(place, lang)| place.run(&format!("{command}{json} --lang {lang}")));
            let [said_en, said_fr] =
                [&en, &fr].map(|output| text(&output.stderr) + &text(&output.stdout));
            if (en.status.code(), refused(&en)) != (fr.status.code(), refused(&fr)) {
                wrong.push(format!("{command}:\n{said_en}\n{said_fr}"));
            }
            refusals += usize::from(refused(&fr).is_some());
            assert!(!said_en.contains(CANARY) && !said_fr.contains(CANARY), "{command}: {said_fr}");
            let prose = if json.is_empty() { said_fr } else { text(&fr.stderr) };
            wrong.extend(english_in(&prose).into_iter().map(|line| format!("{command}: {line}")));
            if !json.is_empty() && en.status.code() != Some(1) {
                let [en, fr] =
                    [en, fr].map(|output| serde_json::from_slice(&output.stdout).unwrap());
                same_form(&en, &fr, &command, &mut wrong);
            }
        }
    }
    let written = french.read("cstatns.toml");
    wrong.extend(english_in(written.lines().next().unwrap()));
    assert_eq!(wrong, Vec::<String>::new());
    assert!(refusals > 10, "{refusals}");
    assert_eq!(english_in(&english.read("cstatns.toml")).len(), 1);
}

/// A result that was lost must be accounted for: the heading is the one that the guide names.
#[test]
fn what_must_be_accounted_for_is_said_in_french() {
    let place = Place::open();
    place.write("data.csv", common::csv(&common::identifiers(20)));
    place
        .ok("controller prepare data.csv --identifier-column nir --request r.csv --retained t.csv");
    place.quorum("service code home population --request r.csv --result s.csv --purpose wages");
    let report = place.report("s.csv");
    let run = report["delivery"]["run"].as_str().unwrap();
    fs::remove_file(place.path("s.csv")).unwrap();
    place.ok(&format!("service delivered home {run} --lost"));
    let verify = "auditor verify home/ledger.jsonl --service home/card.json --lang fr";
    let output = place.run(verify);
    let said = text(&output.stdout);
    assert!(output.status.code() == Some(3) && said.contains("\nÀ expliquer\n"), "{said}");
    assert_eq!(english_in(&said), Vec::<String>::new());
    assert!(guide("auditor").contains("« À expliquer »"));
}

/// The first words of the lines that begin so, in the help of a command.
fn names(help: &str, begin: &str) -> Vec<String> {
    let lines = help.lines().filter_map(|line| line.strip_prefix(begin));
    let names = lines.filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Whatever option or argument takes a value, why it is refused is said in French, also of numbers;
/// a list of words that may be given stands as it is.
#[test]
fn a_value_is_refused_in_french() {
    let place = Place::default();
    let (mut left, mut wrong, mut refused) = (vec![String::new()], Vec::new(), 0);
    while let Some(verb) = left.pop() {
        let help = text(&place.run(&format!("{verb} --help")).stdout);
        if let Some((_, below)) = help.split_once("\nCommands:\n") {
            let below = below.split_once("\n\n").unwrap().0;
            let below = names(below, "  ").into_iter().filter(|name| name != "help");
            left.extend(below.map(|name| format!("{verb} {name}").trim().to_owned()));
            continue;
        }
        let options = names(&help, "      --").into_iter().map(|name| format!("--{name} ??"));
        for given in options.chain(["?? ?? ??".to_owned()]) {
            let output = place.run(&format!("{verb} {given} --lang fr"));
            let said = text(&output.stderr);
            if !said.starts_with("erreur d'usage\u{a0}: ") {
                continue;
            }
            refused += 1;
            let english = text(&place.run(&format!("{verb} {given} --lang en")).stderr);
            let line = english.lines().next().unwrap();
            let reason = line.split_once("': ").unwrap_or_else(|| panic!("{english}")).1;
            if output.status.code() != Some(2)
                || said.contains(reason)
                || !english_in(&said).is_empty()
            {
                wrong.push(format!("{verb} {given}: {said}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(refused > 60, "{refused}");
    let said = text(&place.run("service open h d --minimum-batch 0 --lang fr").stderr);
    assert!(said.contains("\u{a0}: 0 n'est pas dans 1..="), "{said}");
}

/// The text of a page, without its tags and its style.
fn text_of(page: &str) -> String {
    let body = page.split_once("</style>").unwrap().1;
    // A word may be divided there, and is one word all the same.
    let body = body.replace("<wbr>", "");
    let pieces = body.split('<').filter_map(|piece| piece.split_once('>'));
    pieces.flat_map(|(_, text)| [text, "\n"]).collect()
}

#[test]
fn the_page_of_an_evaluation_is_french() {
    let place = Place::default();
    people::write_people(&place);
    place.ok("register build r --from people.csv");
    let evaluate = "register evaluate r --queries known.csv --truth person --kind level,error";
    let [english, french] = ["en", "fr"].map(|lang| {
        let output = place.run(&format!("{evaluate} --out {lang}.html --lang {lang}"));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let page = place.read(&format!("{lang}.html"));
        assert!(page.contains(&format!("<html lang=\"{lang}\">")));
        text_of(&page) + &text(&output.stderr) + &text(&output.stdout)
    });
    assert_eq!(english_in(&french), Vec::<String>::new());
    assert!(english_in(&english).len() > 20, "{english}");
    // The same numbers, and none with the English sign of decimals.
    let rows = |page: &str| place.read(page).matches("<td>").count();
    assert_eq!(rows("en.html"), rows("fr.html"));
    for heading in ["fausses", "Ce que vaut un score"] {
        let quoted = format!("*{heading}*");
        assert!(french.contains(heading) && guide("register-operator").contains(&quoted));
    }
    assert!(french.contains("0,999") && !french.contains("0.9"), "{french}");
}

#[test]
fn the_demonstration_is_told_in_french() {
    let place = Place::default();
    let output = place.run("demo d --rows 200 --lang fr");
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(english_in(&said), Vec::<String>::new());
    assert!(said.contains("La cérémonie") && said.contains("Registre du service"), "{said}");
}

#[test]
fn the_locale_chooses_and_the_option_is_before_it() {
    let place = Place::default();
    let help = |option: &str, locale: &str| {
        let output = place
            .command(&format!("service status --help {option}"))
            .env("LC_ALL", locale)
            .output()
            .unwrap();
        text(&output.stdout)
    };
    for (option, locale, french) in [
        ("", "fr_FR.UTF-8", true),
        ("", "C", false),
        ("--lang en", "fr_FR.UTF-8", false),
        ("--lang fr", "C", true),
    ] {
        let help = help(option, locale);
        assert_eq!(help.contains("Montrer les domaines"), french, "{option} {locale}: {help}");
        assert_eq!(help.contains("Show domains"), !french, "{option} {locale}: {help}");
    }
    // clap's own sentence stays English, below a French one.
    let output = place.run("service nothing --lang fr");
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.starts_with("erreur d'usage"), "{said}");
    let output = place.run("service status home --lang de");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

fn guide(role: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide");
    fs::read_to_string(format!("{folder}/{role}.fr.md")).unwrap()
}

/// What a page of the guides says of a language is the program's.
#[test]
fn the_words_on_screen_stand_in_the_french_guides() {
    let guide = guide("custodian");
    for word in [
        "détenteurs",
        "résultat",
        "minimum",
        "ouvre",
        "avant",
        "renouvelle",
        "en retard",
        "rétabli",
        "horloge",
    ] {
        assert!(guide.contains(&format!("`{word}`")), "{word}");
    }
}
