//! Every verb explains itself with an example.

use crate::common;

use common::{Place, text};

#[test]
fn every_verb_has_help_with_an_example() {
    let place = Place::default();
    let mut verbs = 0;
    let mut left = vec![String::new()];
    while let Some(command) = left.pop() {
        let output = place.run(&format!("{command} --help"));
        let help = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{command}");
        let commands: Vec<String> = match help.split_once("\nCommands:\n") {
            Some((_, rest)) => {
                let listed = rest.lines().take_while(|line| !line.is_empty());
                let words =
                    listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
                words.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
            }
            None => Vec::new(),
        };
        if commands.is_empty() {
            verbs += 1;
            assert!(help.contains("Example"), "{command} has no example");
            assert!(
                help.contains(&format!("cstatns {}", command.trim())),
                "{command}: its example is of another verb"
            );
            // What is typed stands as it is typed: a line that was wrapped could not be copied.
            let mut goes_on = false;
            for line in help
                .split("Example")
                .skip(1)
                .flat_map(str::lines)
                .filter(|line| line.starts_with(' '))
            {
                let begins =
                    line.starts_with("  cstatns ") || line.starts_with("  17 * * * *  cstatns ");
                assert!(begins != goes_on, "{command}: {line}");
                goes_on = line.ends_with('\\');
            }
            assert!(!goes_on, "{command}");
        }
        let below = commands.into_iter().filter(|name| name != "help");
        left.extend(below.map(|name| format!("{command} {name}").trim().to_owned()));
    }
    assert_eq!(verbs, VERBS, "verbs that the program has");
}

/// demo, completions, man; custodian 10; service 23; controller 7; auditor 7; register 3; party 1;
/// parcel 3.
const VERBS: usize = 59;

/// People are looked up for somebody in `service code` alone: what a register answers otherwise are
/// counts.
#[test]
fn no_verb_shows_a_person() {
    let help = text(&Place::default().run("register --help").stdout);
    let listed =
        help.split_once("\nCommands:\n").unwrap().1.lines().take_while(|line| !line.is_empty());
    let verbs: Vec<_> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(verbs, ["build", "stats", "evaluate", "help"], "SPEC §18.5");
}

#[test]
fn wrong_usage_is_2() {
    let place = Place::default();
    for command in [
        "",
        "nothing",
        "service open home population --kind research --kit a",
        "service open home population --kind statistics --ends 2030-01-01 --kit a",
        "service open home population --kind statistics --minimum-batch 0 --kit a",
        "service code home population --request r --result s --purpose Dupont --kit a",
        "service code home population --request r --result s --purpose p",
        "service delivered home 123 --receipt f",
        "service delivered home 123456",
        "service delivered home 123456 --receipt f --stated",
        "service delivered home 123456 --stated --lost",
        "controller prepare d.csv --request r --retained t",
        // Without a domain.
        "controller prepare d.csv --identifier-column a --service c --request r --retained t",
        "controller prepare d.csv --identifier-column a --code-column b --request r --retained t",
        "controller prepare d.csv --identifier-column a --request r --retained t --delimiter ;;",
        "controller prepare d.csv --identifier-column a --civil-status --request r --retained t",
        "controller prepare d.csv --code-column a --civil-status --request r --retained t",
        "controller prepare d.csv --identifier-column a --map nom=b --request r --retained t",
        "controller prepare d.csv --civil-status --map id=b --request r --retained t",
        "controller prepare d.csv --civil-status --map name=b --request r --retained t",
        "service code home population --request r --result s --purpose p --kit a --accept found",
        "service code home population --request r --result s --purpose p --kit a --register x --accept near",
        "register build r",
        "register build r --from a.csv --update b.csv",
        "register build r --from a.csv --map name=x",
        "register build r --from a.csv --map nom",
        "custodian new k --name alice --no-passphrase --passphrase-file f",
        "custodian approve k p",
        "service close home project",
        "service close home project --proposal p",
        "service close home project --approvals d",
        "service close home project --kit a --proposal p",
        "service close home project --kit a --wait 2h",
        "service close home project --proposal p --approvals d --wait 25h",
        "service close home project --proposal p --approvals d --wait 0s",
        "demo d --rows 1",
    ] {
        let output = place.run(command);
        assert_eq!(output.status.code(), Some(2), "{command}\n{}", text(&output.stderr));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{command}");
    }
}
