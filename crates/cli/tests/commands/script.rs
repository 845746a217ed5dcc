//! The checklists of ceremonies: they print well, say the same in both languages, and quote
//! commands that the program has.

use crate::common;

use std::process::{Command, Stdio};

use common::{Place, text};

const CEREMONIES: [&str; 3] = ["init", "deal", "recover"];

fn script(place: &Place, arguments: &str) -> String {
    text(&place.run(&format!("service script {arguments}")).stdout)
}

/// The commands that a checklist quotes, each on one line.
fn commands(script: &str) -> Vec<String> {
    let joined = script.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.trim_start().strip_prefix("cstatns "));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn they_print_on_pages_of_a4() {
    let place = Place::default();
    let long = "a-name-of-thirty-two-characters-";
    let filled = format!(
        "--name {long} --threshold 4 --custodian alice {long} chloe denis elise florence gerard"
    );
    for ceremony in CEREMONIES {
        for language in ["en", "fr"] {
            for options in ["", &filled] {
                let said = script(&place, &format!("{ceremony} --lang {language} {options}"));
                let pages: Vec<_> = said.split('\u{c}').collect();
                assert!((3..=5).contains(&pages.len()), "{ceremony}");
                for (number, page) in (1..).zip(&pages) {
                    let of = format!(" {number} / {}", pages.len());
                    assert!(page.lines().next().unwrap().ends_with(&of), "{page}");
                    // Those that are filled in list seven custodians, the others five.
                    assert!(page.lines().count() <= 60, "{ceremony} {language} {number}\n{page}");
                    for line in page.lines() {
                        assert!(line.chars().count() <= 78, "{ceremony} {language}: {line}");
                        assert!(!line.contains(['{', '}', '\t']), "{ceremony}: {line}");
                    }
                }
                let steps: Vec<u32> = said
                    .lines()
                    .filter_map(|line| line.strip_prefix(" [ ] ")?.get(..2)?.trim().parse().ok())
                    .collect();
                assert!(steps.len() > 10, "{steps:?}");
                assert!(steps.iter().copied().eq(1..=steps.len() as u32), "{steps:?}");
                let exceptions = ["EXCEPTION SHEET", "FEUILLE D'INCIDENTS"];
                assert!(exceptions.iter().any(|sheet| pages.last().unwrap().contains(sheet)));
            }
        }
    }
    let said = script(&place, &format!("init {filled}"));
    for part in [
        format!(" Service      {long}\n"),
        " Quorum       4 of 7 custodians\n".to_owned(),
        format!("--name {long} \\\n               --threshold 4 "),
    ] {
        assert!(said.contains(&part), "{part}\n{said}");
    }
    // Who is there, who accepts, who signs.
    assert_eq!(said.matches(&format!(" C2 {long} ")).count(), 2);
    assert_eq!(said.matches(&format!(" C2  custodian     {long} ")).count(), 1);
    place.refused("service script init --threshold 4 --custodian a b c", "threshold", &["4 of 3"]);
}

#[test]
fn both_languages_have_the_same_steps_and_commands() {
    let place = Place::default();
    for ceremony in CEREMONIES {
        let [english, french] = ["en", "fr"].map(|lang| {
            let said = script(&place, &format!("{ceremony} --lang {lang}"));
            (commands(&said), said.matches(" [ ] ").count())
        });
        assert_eq!(english, french, "{ceremony}");
        assert!(english.0.len() >= 6, "{english:?}");
    }
}

/// Each command that is quoted is one that the program understands: it fails because its files are
/// not there, and never as wrong usage.
#[test]
fn every_command_that_is_quoted_is_understood() {
    let place = Place::default();
    let usage = |command: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_cstatns"));
        program.args(command.split(' ')).current_dir(place.directory.path());
        program.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null());
        let output = program.output().unwrap();
        output.status.code() == Some(2)
    };
    // What stands for a number or a name is none of its own.
    let written = |command: &str| {
        let command = command.replace("...", "").replace("--threshold K", "--threshold 2");
        command
            .replace("--epoch E", "--epoch 2")
            .replace("--epoch F", "--epoch 1")
            .replace("--name NAME", "--name alice --no-passphrase")
            .replace("--name SERVICE", "--name s")
    };
    for ceremony in CEREMONIES {
        for command in commands(&script(&place, ceremony)) {
            assert!(!usage(&written(&command)), "{ceremony}: {command}");
        }
    }
    // A command that was renamed, and an option that is gone.
    assert!(usage("service receipts HOME RECEIPT") && usage("service status HOME --checked"));
}
