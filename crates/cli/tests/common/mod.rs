//! The program run in a directory of its own, as a user would.

#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// The files of the pair, shared with the library's tests.
pub fn pair(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/pair").join(file)
}

/// The folder of a case from a public bug report: CSTATNS_VECTORS names the folder that holds
/// cases/. None where it is not at hand.
#[allow(clippy::print_stdout)]
pub fn case(number: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CSTATNS_VECTORS");
    if folder.is_none() {
        println!("CSTATNS_VECTORS is unset: case {number} was not tried");
    }
    Some(Path::new(&folder?).join("cases").join(number))
}

/// A directory in which commands are run.
pub struct Place {
    pub directory: tempfile::TempDir,
    pub kits: Vec<String>,
    /// The program and the user who runs it, where that is another.
    other: Option<(PathBuf, u32)>,
}

/// The user and group that own nothing.
const NOBODY: u32 = 65_534;

impl Default for Place {
    fn default() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), kits: Vec::new(), other: None }
    }
}

impl Place {
    /// A demonstration service, 2 of 3 without passphrases, all shares held: quick.
    pub fn founded() -> Self {
        Self::founded_with("")
    }

    /// The same with further options for `service init`.
    pub fn founded_with(options: &str) -> Self {
        let mut place = Self::default();
        for name in ["alice", "bruno", "chloe"] {
            place.ok(&format!("custodian new {name} --name {name} --no-passphrase"));
        }
        place.found(
            &format!(
                "service init home --name test --threshold 2 --shares shares --demo {options}"
            ),
            &["alice", "bruno", "chloe"],
        );
        place.kits = ["alice", "chloe"].map(|name| format!("--kit {name}")).into();
        place
    }

    /// The same with a statistical domain.
    pub fn open() -> Self {
        let place = Self::founded();
        place.quorum("service open home population --kind statistics");
        place
    }

    /// A service in earnest: 3 of 5, two of them external, every kit with a passphrase in a file.
    pub fn in_earnest() -> Self {
        let mut place = Self::default();
        let names = ["alice", "bruno", "chloe", "denis", "elise"];
        for name in names {
            place.write_private(&format!("{name}.pass"), &format!("the passphrase of {name}\n"));
            let external = if matches!(name, "denis" | "elise") { "--external" } else { "" };
            place.ok(&format!(
                "custodian new {name} --name {name} --passphrase-file {name}.pass {external}"
            ));
        }
        place.found("service init home --name insee --threshold 3 --shares shares", &names);
        place.kits = ["bruno", "chloe", "elise"]
            .map(|name| format!("--kit {name} --passphrase-file {name}.pass"))
            .into();
        place
    }

    fn found(&self, init: &str, names: &[&str]) {
        let cards: Vec<String> =
            names.iter().map(|name| format!("--custodian {name}/card.json")).collect();
        self.ok(&format!("{init} {}", cards.join(" ")));
        for name in names {
            let pass = if self.path(&format!("{name}.pass")).exists() {
                format!("--passphrase-file {name}.pass")
            } else {
                String::new()
            };
            self.ok(&format!(
                "custodian accept {name} shares/{name}.1.share --ledger home/ledger.jsonl {pass}"
            ));
        }
        let receipts: Vec<String> =
            names.iter().map(|name| format!("{name}/receipt-1-held.json")).collect();
        self.ok(&format!("service receipt home {}", receipts.join(" ")));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// What the report beside a file says: that of a result is signed around it.
    pub fn report(&self, file: &str) -> Value {
        let report: Value =
            serde_json::from_str(&self.read(&format!("{file}.report.json"))).unwrap();
        report.get("body").cloned().unwrap_or(report)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn write_private(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// From here on an ordinary user runs the program, who owns the place: the administrator is
    /// refused nothing.
    pub fn unprivileged(mut self) -> Self {
        let root = self.directory.path().metadata().unwrap().uid() == 0;
        if root {
            // Where the program was built is perhaps not for everybody. Another process copies it:
            // what this one has open for writing may still be so in a child of another test.
            let program = self.path("cstatns");
            let copy = Command::new("cp").arg(env!("CARGO_BIN_EXE_cstatns")).arg(&program).status();
            assert!(copy.unwrap().success());
            let owner = format!("{NOBODY}:{NOBODY}");
            let chown =
                Command::new("chown").arg("-R").arg(owner).arg(self.directory.path()).status();
            assert!(chown.unwrap().success());
            self.other = Some((program, NOBODY));
        }
        self
    }

    /// A command, not run yet; words are parted by spaces.
    pub fn command(&self, command: &str) -> Command {
        let mut program = match &self.other {
            Some((program, user)) => {
                let mut program = Command::new(program);
                program.uid(*user).gid(*user);
                program
            }
            None => Command::new(env!("CARGO_BIN_EXE_cstatns")),
        };
        program.current_dir(self.directory.path()).args(command.split_whitespace());
        program.env("LC_ALL", "C");
        program.args(self.to_whom(command));
        program
    }

    /// What a request is for, and that a result goes out in clear, where a test does not say.
    fn to_whom(&self, command: &str) -> Vec<OsString> {
        let makes_results =
            ["service code ", "service renew "].iter().any(|verb| command.contains(verb));
        if makes_results && !command.contains(" --to ") && !command.contains(" --plain") {
            return vec!["--plain".into()];
        }
        if !command.contains("controller prepare ") || command.contains("--service ") {
            return Vec::new();
        }
        let home = self.path("home/card.json");
        // Without a service here, that of the kept home: its card is as good as any.
        let kept =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/home/card.json");
        let card = if home.exists() { "home/card.json".into() } else { kept.into_os_string() };
        let mut more: Vec<OsString> = vec!["--service".into(), card];
        if !command.contains("--domain ") {
            more.extend(["--domain".into(), "population".into()]);
        }
        more
    }

    /// Runs a command. A custodian who is asked whether the roster or the service's new card is
    /// right says yes.
    pub fn run(&self, command: &str) -> Output {
        let mut program = self.command(command);
        if command.starts_with("custodian accept") || command.contains(" --accept-service ") {
            let answer = self.directory.path().with_extension("answer");
            fs::write(&answer, "yes\n").unwrap();
            program.stdin(fs::File::open(&answer).unwrap());
            fs::remove_file(&answer).unwrap();
        }
        program.output().unwrap()
    }

    /// A command that must do what it says. Returns what it said on standard error.
    pub fn ok(&self, command: &str) -> String {
        let output = self.run(command);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command}\n{said}");
        said
    }

    /// A command that needs a quorum.
    pub fn quorum(&self, command: &str) -> String {
        self.ok(&self.with_kits(command))
    }

    pub fn with_kits(&self, command: &str) -> String {
        format!("{command} {}", self.kits.join(" "))
    }

    /// Starts a command; what it says is kept. Returns once it is writing a temporary file in the
    /// place, or its run has begun, or it has ended: a result has no name while it is written.
    pub fn started(&self, command: &str) -> Child {
        assert!(self.other.is_none());
        // The tests may run where signals are ignored: under `nohup`, in the background of a
        // script.
        let mut program = Command::new("env");
        program.args(["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_cstatns")]);
        program.current_dir(self.directory.path()).args(command.split_whitespace());
        program.env("LC_ALL", "C");
        program.args(self.to_whom(command));
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let before = self.runs();
        self.wait_for_work(&mut child, before);
        child
    }

    /// How many runs have begun.
    pub fn runs(&self) -> usize {
        match self.exists("home/ledger.jsonl") {
            true => self.read("home/ledger.jsonl").matches("\"type\":\"cosigned\"").count(),
            false => 0,
        }
    }

    /// Returns once this command is writing a temporary file in the place, or its run has begun, or
    /// it has ended.
    pub fn wait_for_work(&self, child: &mut Child, runs_before: usize) {
        while child.try_wait().unwrap().is_none()
            && self.temporaries().is_empty()
            && self.runs() == runs_before
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The names of the temporary files in the place.
    pub fn temporaries(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("cstatns-tmp")).collect()
    }

    /// Its summary.
    pub fn json(&self, command: &str) -> Value {
        let output = self.run(&format!("{command} --json"));
        assert_eq!(output.status.code(), Some(0), "{command}\n{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A command that must be refused with this code, in one line that holds all of these words,
    /// and that leaves no file.
    pub fn refused(&self, command: &str, code: &str, words: &[&str]) -> String {
        let before = files(self.directory.path());
        let output = self.run(command);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}\n{said}");
        assert!(output.stdout.is_empty(), "{command}: standard output is for summaries");
        let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("error[")).collect();
        assert_eq!(lines.len(), 1, "{command}\n{said}");
        assert!(said.trim_end().ends_with(lines[0]), "the error is the last thing said:\n{said}");
        let line = lines[0].to_owned();
        assert!(line.starts_with(&format!("error[{code}]: ")), "{command}\n{line}");
        for word in words {
            assert!(line.contains(word), "{command}\n{line}\nwithout {word:?}");
        }
        let after = files(self.directory.path());
        let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
        let own = |path: &&&PathBuf| !is_memory(path) && !path.ends_with("lock");
        assert!(new.iter().filter(own).count() == 0, "{command}: left {new:?}");
        line
    }

    pub fn refused_quorum(&self, command: &str, code: &str, words: &[&str]) -> String {
        self.refused(&self.with_kits(command), code, words)
    }

    /// prepare → code → copied → attach, leaving `<file>-<generation>.csv`. Returns the run's
    /// summary.
    pub fn coded(&self, file: &str, column: &str, domain: &str, generation: u32) -> Value {
        self.exchange(
            &format!("{file}.csv --identifier-column {column}"),
            file,
            domain,
            "code",
            generation,
        )
    }

    /// The same for codes of the generation given.
    pub fn renewed(&self, file: &str, from: u32, domain: &str, generation: u32) -> Value {
        self.exchange(
            &format!("{file}-{from}.csv --code-column code"),
            file,
            domain,
            "renew",
            generation,
        )
    }

    fn exchange(
        &self,
        source: &str,
        file: &str,
        domain: &str,
        verb: &str,
        generation: u32,
    ) -> Value {
        let work = format!("{file}.{domain}.{generation}");
        self.ok(&format!(
            "controller prepare {source} --domain {domain} --request {work}.request.csv --retained \
            {work}.retained.csv"
        ));
        let run = self.json(&self.with_kits(&format!(
            "service {verb} home {domain} --request {work}.request.csv --result {work}.result.csv \
            --purpose test"
        )));
        fs::create_dir_all(self.path("received")).unwrap();
        for suffix in ["", ".report.json"] {
            let name = format!("{work}.result.csv{suffix}");
            fs::copy(self.path(&name), self.path(&format!("received/{name}"))).unwrap();
        }
        self.ok(&format!(
            "controller attach --retained {work}.retained.csv --result received/{work}.result.csv \
            --out {file}-{generation}.csv"
        ));
        run
    }

    /// A run in `population` that a quorum approves and that fails: two identifiers of its request
    /// change their places after it was prepared.
    pub fn failed_run(&self) {
        self.write("failed.csv", csv(&identifiers(30)));
        self.ok(
            "controller prepare failed.csv --identifier-column nir --request failed.request.csv \
            --retained failed.retained.csv --service home/card.json --domain population",
        );
        let request = self.read("failed.request.csv");
        let mut lines: Vec<Vec<&str>> =
            request.lines().map(|line| line.split(',').collect()).collect();
        let moved = lines[1][1];
        lines[1][1] = lines[2][1];
        lines[2][1] = moved;
        let swapped: String = lines.iter().map(|line| line.join(",") + "\n").collect();
        self.write("failed.request.csv", swapped);
        self.refused_quorum(
            "service code home population --request failed.request.csv --result \
            failed.result.csv --purpose test",
            "commitment",
            &[],
        );
    }

    /// The rows of a CSV file without quotes, below its header.
    pub fn rows(&self, name: &str) -> Vec<Vec<String>> {
        let text = self.read(name);
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    /// The rows of each code in an attached file.
    pub fn codes(&self, name: &str) -> BTreeMap<String, u64> {
        let mut codes = BTreeMap::new();
        for row in self.rows(name) {
            if !row[0].is_empty() {
                *codes.entry(row[0].clone()).or_insert(0) += 1;
            }
        }
        codes
    }
}

/// Sends a signal, such as `INT`.
pub fn signal(process: u32, name: &str) {
    let kill = format!("kill -{name} {process}");
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Every file below a directory, with its bytes.
pub fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let bytes = fs::read(&path).unwrap_or_default();
                found.insert(path, bytes);
            }
        }
    }
    found
}

/// People in both, and pairs of rows.
pub fn join(a: &BTreeMap<String, u64>, b: &BTreeMap<String, u64>) -> (u64, u64) {
    let pairs: Vec<u64> = a.iter().filter_map(|(code, rows)| Some(rows * b.get(code)?)).collect();
    (pairs.len() as u64, pairs.iter().sum())
}

/// The date in so many years: a project's key serves for ten at most.
pub fn in_years(years: i16) -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.saturating_add(jiff::Span::new().years(years)).to_string()
}

/// Whether a file is what a kit remembers: each command that opens the kit may add to it.
pub fn is_memory(path: &Path) -> bool {
    path.ends_with("memory") || path.ends_with("ledger.zst")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The key of an identifier of 13 digits: what completes it to 15.
pub fn keyed(identifier: &str) -> String {
    let digits = identifier.replace("2A", "19").replace("2B", "18");
    format!("{identifier}{:02}", 97 - digits.parse::<u64>().unwrap() % 97)
}

/// Valid identifiers of people who do not exist.
pub fn identifiers(count: usize) -> Vec<String> {
    (0..count)
        .map(|i| keyed(&format!("1{:02}0675{:03}{:03}", i % 100, 100 + i % 800, 1 + i % 999)))
        .collect()
}

/// A CSV file of these identifiers, with a column beside them.
pub fn csv(identifiers: &[String]) -> String {
    let mut text = "nir,value\n".to_owned();
    for (row, identifier) in identifiers.iter().enumerate() {
        text.push_str(&format!("{identifier},{row}\n"));
    }
    text
}
