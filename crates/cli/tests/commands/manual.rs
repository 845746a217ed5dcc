//! Completions and man pages say what the program says.

use crate::common;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use common::{Place, files, text};

/// A command's words, its verbs below it, and its examples, as `--help` gives them.
fn help(place: &Place, command: &str) -> (Vec<String>, Vec<String>) {
    let help = text(&place.run(&format!("{command} --help")).stdout);
    let below = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
    let listed = below.lines().take_while(|line| !line.is_empty());
    let words = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names =
        words.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let examples =
        help.split("Example").skip(1).flat_map(str::lines).filter(|line| line.starts_with("  "));
    (names.map(str::to_owned).collect(), examples.map(|line| line.trim().to_owned()).collect())
}

#[test]
fn every_shell_has_completions() {
    let place = Place::default();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = place.run(&format!("completions {shell}"));
        let script = text(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}");
        for word in ["prepare", "threads", "retained", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(place.run("completions csh").status.code(), Some(2));
    let (summary, script) = (place.json("completions zsh"), place.run("completions zsh").stdout);
    assert!(summary["script"] == text(&script).trim_end() && summary["shell"] == "zsh");
}

/// What must be given stands first, with its value.
#[test]
fn a_synopsis_is_the_usage() {
    let place = Place::default();
    place.ok("man pages");
    let page = place.read("pages/cstatns-service-delivered.1");
    let synopsis = page.split(".SH SYNOPSIS\n").nth(1).unwrap().lines().next().unwrap();
    let help = text(&place.run("service delivered --help").stdout);
    let usage = help.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap();
    assert_eq!(synopsis.replace('\\', ""), usage);
    let prepare = place.read("pages/cstatns-controller-prepare.1");
    for words in [r"[OPTIONS] \-\-request <R> ", r" <\-\-retained <T>|\-\-payload <P>> "] {
        assert!(prepare.contains(words), "{prepare}");
    }
}

/// The script is one that bash takes, and it completes a verb.
#[test]
fn bash_completes() {
    let place = Place::default();
    let script = text(&place.run("completions bash").stdout);
    let asked = "\nCOMP_WORDS=(cstatns controller pre) COMP_CWORD=2; _cstatns cstatns pre \
        controller; echo \"${COMPREPLY[@]}\"\n";
    let mut bash = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs bash");
    bash.stdin.take().unwrap().write_all((script + asked).as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(text(&output.stdout), "prepare\n");
}

#[test]
fn every_command_has_a_man_page_with_its_examples() {
    let place = Place::default();
    place.ok("man pages");
    let mut expected = Vec::new();
    let mut left = vec![String::new()];
    while let Some(command) = left.pop() {
        let (below, examples) = help(&place, &command);
        let name = format!("cstatns {command}").trim().replace(' ', "-");
        let page = place.read(&format!("pages/{name}.1"));
        // Not every roff reads UTF-8.
        assert!(page.is_ascii() && page.contains(&format!(".TH {name} 1")), "{name}");
        // As it is in the source of a page.
        let typed = page.replace("\\-", "-").replace("\\\\", "\\").replace("\\*(Aq", "'");
        assert!(!below.is_empty() || !examples.is_empty(), "{name}");
        for line in examples {
            assert!(typed.lines().any(|typed| typed.trim() == line), "{name}: {line}\n{page}");
        }
        left.extend(below.into_iter().map(|verb| format!("{command} {verb}").trim().to_owned()));
        expected.push(format!("{name}.1"));
    }
    expected.sort();
    let written: Vec<String> = files(&place.path("pages"))
        .into_keys()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(written, expected);
    assert!(written.len() > 22, "every verb, and the roles");
}

#[test]
fn man_pages_are_not_written_over() {
    let place = Place::default();
    fs::create_dir(place.path("pages")).unwrap();
    place.write("pages/cstatns-service-code.1", "mine");
    place.refused("man pages", "output-exists", &["pages/cstatns-service-code.1"]);
    assert_eq!(place.read("pages/cstatns-service-code.1"), "mine");
    fs::remove_file(place.path("pages/cstatns-service-code.1")).unwrap();
    place.ok("man pages");
    place.refused("man pages", "output-exists", &["pages/"]);
}

#[test]
#[allow(clippy::print_stderr)]
fn a_page_is_one_that_groff_takes() {
    let place = Place::default();
    place.ok("man pages");
    let render = |page: &str| {
        let page = place.path(&format!("pages/{page}.1"));
        Command::new("groff").args(["-man", "-ww", "-Tascii", "-P-cbou"]).arg(page).output()
    };
    let Ok(output) = render("cstatns-controller-prepare") else {
        // Machines without groff are common; the page's source is looked at above in any case.
        eprintln!("not rendered: this machine has no groff");
        return;
    };
    assert_eq!(text(&output.stderr), "");
    let page = text(&output.stdout);
    for part in [
        "NAME",
        "EXAMPLES",
        "  cstatns controller prepare courses.csv --identifier-column nir --as insee \\",
        "--memory",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert_eq!(text(&render("cstatns").unwrap().stderr), "");
}
