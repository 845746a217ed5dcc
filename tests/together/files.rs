//! Storage: each call, and each call stopped or failed at each of its durable steps.

use std::fs;
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use cstatns::coded::Coded as _;
use cstatns::files::faults::{count, fail_at, stop_after, tear_write_at, trace};
use cstatns::files::{
    self, Access, Append, FileError, Pending, PendingDirectory, Scratch, Step, Together, faults,
};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Every name in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn code<T>(result: Result<T, FileError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

#[test]
fn a_new_file_has_its_bytes_its_mode_and_no_companion() {
    let folder = folder();
    let (private, shared) = (folder.path().join("private"), folder.path().join("shared"));
    files::write_new(&private, b"one", Access::Private).unwrap();
    files::write_new(&shared, b"two", Access::Shared).unwrap();
    assert_eq!(fs::read(&private).unwrap(), b"one");
    assert_eq!(fs::read(&shared).unwrap(), b"two");
    assert_eq!(mode(&private), 0o600);
    assert_eq!(mode(&shared) & !0o644, 0);
    assert_eq!(names(folder.path()), ["private", "shared"]);
}

#[test]
fn a_temporary_is_private_too_and_goes_when_dropped() {
    let folder = folder();
    let target = folder.path().join("out.csv");
    let mut pending = Pending::create(&target, Access::Private).unwrap();
    pending.write_all(b"half").unwrap();
    assert_eq!(pending.target(), target);
    assert_eq!(mode(pending.temporary()), 0o600);
    assert_eq!(files::leftovers(folder.path()).unwrap(), [pending.temporary()]);
    assert!(!target.exists());
    drop(pending);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_marked_temporary_is_where_its_mark_says() {
    let folder = folder();
    let target = folder.path().join("out.csv");
    let expected = folder.path().join(".out.csv.000102030405060708090a0b0c0d0e0f.cstatns-tmp");
    let mark = std::array::from_fn(|i| i as u8);
    assert_eq!(files::temporary_path(&target, &mark), expected);
    let pending = Pending::create_marked(&target, &mark, Access::Shared).unwrap();
    assert_eq!(pending.temporary(), expected);
    assert_eq!(code(Pending::create_marked(&target, &mark, Access::Shared)), "output-exists");
    assert!(expected.exists(), "the refused second attempt must not remove the first one's file");
    pending.commit().unwrap();
    assert_eq!(names(folder.path()), ["out.csv"]);
}

#[test]
fn nothing_is_ever_written_over() {
    let folder = folder();
    let target = folder.path().join("out");
    fs::write(&target, "theirs").unwrap();
    assert_eq!(code(Pending::create(&target, Access::Private)), "output-exists");
    assert_eq!(code(files::write_new(&target, b"ours", Access::Private)), "output-exists");
    assert_eq!(code(Append::create(&target, Access::Private)), "output-exists");
    assert_eq!(code(files::create_dir(&target)), "output-exists");
    assert_eq!(fs::read(&target).unwrap(), b"theirs");

    let dangling = folder.path().join("dangling");
    symlink(folder.path().join("nowhere"), &dangling).unwrap();
    assert_eq!(code(files::write_new(&dangling, b"ours", Access::Private)), "output-exists");
    assert_eq!(names(folder.path()), ["dangling", "out"]);
}

#[test]
fn a_name_taken_between_creation_and_commit_is_not_replaced() {
    let folder = folder();
    for (name, take) in [
        ("file", (|path: &Path| fs::write(path, "theirs").unwrap()) as fn(&Path)),
        ("link", |path: &Path| symlink("nowhere", path).unwrap()),
        ("directory", |path: &Path| fs::create_dir(path).unwrap()),
    ] {
        let target = folder.path().join(name);
        let mut pending = Pending::create(&target, Access::Private).unwrap();
        pending.write_all(b"ours").unwrap();
        take(&target);
        assert_eq!(code(pending.commit()), "output-exists", "{name}");
    }
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"theirs");
    assert_eq!(names(folder.path()), ["directory", "file", "link"]);
}

/// The negative control of the test above: the plain rename, which `replace` uses, does replace.
#[test]
fn replace_replaces() {
    let folder = folder();
    let path = folder.path().join("checkpoint");
    files::replace(&path, b"first", Access::Shared).unwrap();
    files::replace(&path, b"second", Access::Private).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"second");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(names(folder.path()), ["checkpoint"]);
}

#[test]
fn a_file_takes_the_place_of_the_one_that_was_read() {
    let folder = folder();
    let path = folder.path().join("register");
    files::write_new(&path, b"old", Access::Shared).unwrap();
    let open = || fs::File::open(&path).unwrap();
    let (old, other) = (open(), open());
    let mut pending = Pending::create_over(&path, &old, Access::Private).unwrap();
    pending.write_all(b"new").unwrap();
    // One at a time; and until then nothing has changed.
    assert_eq!(code(Pending::create_over(&path, &other, Access::Private)), "file-locked");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    pending.commit().unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"new".to_vec(), 0o600));
    assert_eq!(std::io::read_to_string(&old).unwrap(), "old", "whoever has it open keeps it");
    drop(old);
    // What is open is not what has the name any more.
    assert_eq!(code(Pending::create_over(&path, &other, Access::Private)), "file-locked");
    drop(Pending::create_over(&path, &open(), Access::Private).unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"new");
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    assert_eq!(code(Pending::create_over(&link, &open(), Access::Private)), "not-a-file");
    assert_eq!(
        code(Pending::create_over(&folder.path().join("none"), &open(), Access::Private)),
        "file-missing"
    );
    assert_eq!(names(folder.path()), ["link", "register"]);
}

#[test]
fn append_grows_and_truncate_cuts() {
    let folder = folder();
    let path = folder.path().join("ledger");
    assert_eq!(code(Append::open(&path)), "file-missing");
    let mut ledger = Append::create(&path, Access::Shared).unwrap();
    ledger.append(b"one\n").unwrap();
    ledger.append(b"two\n").unwrap();
    drop(ledger);
    let mut ledger = Append::open(&path).unwrap();
    assert_eq!(ledger.length(), 8);
    ledger.append(b"thr").unwrap();
    ledger.truncate(100).unwrap();
    assert_eq!(ledger.length(), 11);
    ledger.truncate(8).unwrap();
    ledger.append(b"three\n").unwrap();
    assert_eq!(ledger.length(), 14);
    assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\nthree\n");
    assert_eq!(code(Append::open(folder.path())), "not-a-file");
}

#[test]
fn a_scratch_file_has_no_name_and_gives_back_what_it_was_given() {
    let folder = folder();
    let beside = folder.path().join("request.csv");
    let scratch = Scratch::create(&beside).unwrap();
    scratch.write_at(b"after", 3).unwrap();
    scratch.write_at(b"one", 0).unwrap();
    assert!(names(folder.path()).is_empty());
    let mut read = [0; 8];
    scratch.read_at(&mut read, 0).unwrap();
    assert_eq!(&read, b"oneafter");
    assert_eq!(code(scratch.read_at(&mut read, 1)), "file-io");

    let steps = [Step::Create, Step::Unlink, Step::Write];
    let use_it = || Scratch::create(&beside)?.write_at(b"bytes", 0);
    assert_eq!(trace(folder.path(), || use_it().unwrap()), steps);
    for n in 0..steps.len() {
        // The error is of the file that was asked for, and nothing is left.
        let error = fail_at(folder.path(), n, ErrorKind::StorageFull, use_it).unwrap_err();
        assert!(matches!(&error, FileError::Full { path } if *path == beside), "{n}: {error}");
        assert!(names(folder.path()).is_empty(), "{n}");
        // Stopped before the name is gone: the next attempt at that file destroys what was left.
        assert_eq!(code(stop_after(folder.path(), n, use_it)), "file-io");
        assert_eq!(names(folder.path()).len(), usize::from(n == 1), "{n}");
        drop(Pending::create(&beside, Access::Private).unwrap());
        assert!(names(folder.path()).is_empty(), "{n}");
    }
    assert_eq!(code(Scratch::create(&folder.path().join("no/request.csv"))), "file-missing");
}

#[test]
fn what_the_system_says_has_words() {
    let path = Path::new("a");
    for (number, expected) in [
        (5, "storage-failed"),
        (23, "too-many-files"),
        (24, "too-many-files"),
        (27, "file-size-limit"),
        (30, "file-read-only"),
    ] {
        let error = FileError::from_io(path, &std::io::Error::from_raw_os_error(number));
        assert_eq!(error.code(), expected);
    }
    // ENOTRECOVERABLE: the standard library has no word for it.
    let error = FileError::from_io(path, &std::io::Error::from_raw_os_error(131));
    assert!(!error.to_string().contains("uncategorized"), "{error}");
}

#[test]
fn reading_is_bounded() {
    let folder = folder();
    let path = folder.path().join("card");
    fs::write(&path, "12345678").unwrap();
    assert_eq!(files::read(&path, 8).unwrap(), b"12345678");
    assert_eq!(files::read(&path, 1 << 20).unwrap(), b"12345678");
    assert_eq!(code(files::read(&path, 7)), "file-too-large");
    assert_eq!(code(files::read(&path, 0)), "file-too-large");
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let socket = folder.path().join("socket");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for special in [Path::new("/dev/zero"), Path::new("/dev/null"), &pipe, &socket] {
        // A pipe that nobody writes to would be waited for.
        assert_eq!(code(files::read(special, 1000)), "not-a-file", "{special:?}");
        assert_eq!(code(files::open_to_read(special)), "not-a-file", "{special:?}");
        assert_eq!(code(Append::open(special)), "not-a-file", "{special:?}");
        assert_eq!(code(files::lock(special)), "not-a-file", "{special:?}");
    }
    assert_eq!(code(files::read_also_pipe(Path::new("/dev/zero"), 1000)), "file-too-large");
    assert_eq!(files::read_also_pipe(Path::new("/dev/null"), 0).unwrap(), b"");
    let writes = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "words")
    });
    assert_eq!(files::read_also_pipe(&pipe, 100).unwrap(), b"words");
    writes.join().unwrap().unwrap();
    assert_eq!(code(files::read(&folder.path().join("none"), 8)), "file-missing");
    assert_eq!(code(files::read(folder.path(), 1 << 20)), "not-a-file");
}

#[test]
fn a_directory_is_the_owners_alone() {
    let folder = folder();
    let path = folder.path().join("home");
    files::create_dir(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(code(files::create_dir(&folder.path().join("no/home"))), "file-missing");
}

#[test]
fn removal() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    files::remove(&path).unwrap();
    assert_eq!(code(files::remove(&path)), "file-missing");
    assert!(!files::remove_if_present(&path).unwrap());
    fs::write(&path, "").unwrap();
    assert!(files::remove_if_present(&path).unwrap());
    assert!(names(folder.path()).is_empty());
}

#[test]
fn destruction_overwrites_what_it_removes() {
    let folder = folder();
    let (path, witness) = (folder.path().join("request"), folder.path().join("witness"));
    // Longer than the buffer, and not a multiple of it.
    let secret = vec![b'x'; 150_001];
    fs::write(&path, &secret).unwrap();
    fs::hard_link(&path, &witness).unwrap();
    assert_eq!(files::destroy(&path).unwrap().bytes, 150_001);
    assert_eq!(names(folder.path()), ["witness"]);
    assert!(fs::read(&witness).unwrap().is_empty(), "the other name shows that the contents went");

    // Stopped just before it is emptied, the file shows that all of it had been overwritten.
    fs::write(&path, &secret).unwrap();
    let trace = trace(folder.path(), || files::destroy(&path).unwrap());
    let overwrite = Step::Overwrite;
    assert_eq!(
        trace,
        [
            overwrite,
            overwrite,
            overwrite,
            Step::Sync,
            Step::Truncate,
            Step::Unlink,
            Step::SyncDirectory
        ]
    );
    fs::write(&path, &secret).unwrap();
    assert_eq!(code(stop_after(folder.path(), 4, || files::destroy(&path))), "file-io");
    let left = fs::read(&path).unwrap();
    assert_eq!(left.len(), secret.len());
    // One byte in 256 stays by chance: 586 ± 24.
    assert!(left.iter().filter(|byte| **byte == b'x').count() < 800);

    files::destroy(&path).unwrap();
    assert_eq!(code(files::destroy(&path)), "file-missing");
    assert_eq!(files::destroy_if_present(&path).unwrap(), None);
    fs::write(&path, "").unwrap();
    assert_eq!(files::destroy_if_present(&path).unwrap().unwrap().bytes, 0);
}

#[test]
fn destruction_touches_only_regular_files() {
    let folder = folder();
    let (kept, link, pipe) =
        (folder.path().join("kept"), folder.path().join("link"), folder.path().join("pipe"));
    fs::write(&kept, "kept").unwrap();
    symlink(&kept, &link).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert_eq!(code(files::destroy(&link)), "not-a-file");
    assert_eq!(code(files::destroy(folder.path())), "not-a-file");
    assert_eq!(code(files::destroy(&pipe)), "not-a-file");
    assert_eq!(fs::read(&kept).unwrap(), b"kept");
    assert_eq!(names(folder.path()), ["kept", "link", "pipe"]);
}

#[test]
fn one_lock_at_a_time() {
    let folder = folder();
    let path = folder.path().join("lock");
    let held = files::lock(&path).unwrap();
    let refusal = files::lock(&path).unwrap_err();
    assert_eq!(refusal.code(), "home-locked");
    drop(held);
    files::lock(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(code(files::lock(&folder.path().join("no/lock"))), "file-missing");
}

/// The lock as another process sees it: this test runs itself again.
#[test]
fn another_process_is_refused() {
    if let Some(path) = std::env::var_os("CSTATNS_TEST_LOCK") {
        assert_eq!(code(files::lock(Path::new(&path))), "home-locked");
        return;
    }
    let folder = folder();
    let path = folder.path().join("lock");
    let held = files::lock(&path).unwrap();
    let child = || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "files::another_process_is_refused"])
            .env("CSTATNS_TEST_LOCK", &path)
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(child());
    drop(held);
    assert!(!child(), "negative control: without a holder the other process is not refused");
}

#[test]
fn errors_name_the_path_on_one_line_and_never_the_contents() {
    let folder = folder();
    let path = folder.path().join("canary\nname");
    fs::write(&path, "canary-contents").unwrap();
    for error in [
        files::write_new(&path, b"canary-contents", Access::Private).unwrap_err(),
        files::read(&path, 3).unwrap_err(),
        files::destroy(&path.join("below")).unwrap_err(),
        fail_at(folder.path(), 0, ErrorKind::StorageFull, || files::destroy(&path)).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("canary\\nname") && !text.contains('\n'), "{text}");
        assert!(!format!("{text}{error:?}").contains("contents"), "{text}");
    }
}

// Faults. Each scenario below changes one thing in a fresh directory; the state before and the
// state after are the only ones that any stop may leave under the names that count.

/// One change to storage: what is there before it, the change, and what is there after it.
struct Scenario {
    name: &'static str,
    steps: &'static [Step],
    before: Option<&'static [u8]>,
    after: Option<&'static [u8]>,
    change: fn(&Path) -> Result<(), FileError>,
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "write_new",
        steps: &[Step::Create, Step::Write, Step::Sync, Step::Rename, Step::SyncDirectory],
        before: None,
        after: Some(b"new bytes"),
        change: |path| files::write_new(path, b"new bytes", Access::Private),
    },
    Scenario {
        name: "pending",
        steps: &[Step::Create, Step::Write, Step::Sync, Step::Rename, Step::SyncDirectory],
        before: None,
        after: Some(b"new bytes"),
        change: |path| {
            let mut out = BufWriter::new(Pending::create_marked(path, &[7; 16], Access::Shared)?);
            let written = out.write_all(b"new bytes").and_then(|()| out.flush());
            written.map_err(|error| FileError::from_io(path, &error))?;
            match out.into_inner() {
                Ok(pending) => pending.commit(),
                Err(_) => unreachable!("flushed above"),
            }
        },
    },
    Scenario {
        name: "replace",
        steps: &[Step::Create, Step::Write, Step::Sync, Step::Rename, Step::SyncDirectory],
        before: Some(b"old bytes"),
        after: Some(b"new bytes"),
        change: |path| files::replace(path, b"new bytes", Access::Private),
    },
    Scenario {
        name: "remove",
        steps: &[Step::Unlink, Step::SyncDirectory],
        before: Some(b"old bytes"),
        after: None,
        change: files::remove,
    },
    Scenario {
        name: "append",
        steps: &[Step::Write, Step::Sync],
        before: Some(b"old bytes"),
        after: Some(b"old bytesnew bytes"),
        change: |path| Append::open(path)?.append(b"new bytes"),
    },
    Scenario {
        name: "truncate",
        steps: &[Step::Truncate, Step::Sync],
        before: Some(b"old bytes"),
        after: Some(b"old"),
        change: |path| Append::open(path)?.truncate(3),
    },
];

impl Scenario {
    fn stage(&self) -> (TempDir, PathBuf) {
        let folder = folder();
        let path = folder.path().join("file");
        if let Some(bytes) = self.before {
            fs::write(&path, bytes).unwrap();
        }
        (folder, path)
    }
}

#[test]
fn every_step_is_seen() {
    for scenario in SCENARIOS {
        let (folder, path) = scenario.stage();
        let seen = trace(folder.path(), || (scenario.change)(&path).unwrap());
        assert_eq!(seen, scenario.steps, "{}", scenario.name);
        assert_eq!(fs::read(&path).ok().as_deref(), scenario.after, "{}", scenario.name);
    }
    let folder = folder();
    let home = folder.path().join("home");
    assert_eq!(
        trace(folder.path(), || files::create_dir(&home).unwrap()),
        [Step::CreateDirectory, Step::SyncDirectory]
    );
    let lock = home.join("lock");
    assert_eq!(trace(folder.path(), || files::lock(&lock).unwrap()), [Step::Create]);
    assert_eq!(count(folder.path(), || files::lock(&lock).unwrap()), 0);
    let create = || Append::create(&home.join("ledger"), Access::Shared).unwrap();
    assert_eq!(trace(folder.path(), create), [Step::Create, Step::SyncDirectory]);
}

#[test]
fn a_stop_at_any_step_leaves_before_or_after() {
    let mut stops = 0;
    for scenario in SCENARIOS {
        for n in 0..scenario.steps.len() {
            let (folder, path) = scenario.stage();
            let result = stop_after(folder.path(), n, || (scenario.change)(&path));
            assert_eq!(code(result), "file-io", "{} stopped at {n}", scenario.name);
            // The step with which the change shows.
            let turn = scenario
                .steps
                .iter()
                .position(|step| {
                    matches!(step, Step::Rename | Step::Unlink | Step::Truncate)
                        || (*step == Step::Write && scenario.name == "append")
                })
                .unwrap();
            let expected = if n <= turn { scenario.before } else { scenario.after };
            assert_eq!(
                fs::read(&path).ok().as_deref(),
                expected,
                "{} stopped at {n}",
                scenario.name
            );
            // A dead process does not clean up: the temporary of a stop between creation and rename
            // is still there.
            let created = scenario.steps[0] == Step::Create;
            let left = files::leftovers(folder.path()).unwrap().len();
            assert_eq!(
                left,
                usize::from(created && n > 0 && n <= turn),
                "{} stopped at {n}",
                scenario.name
            );
            stops += 1;
        }
        // One step more than there are: nothing is stopped.
        let (folder, path) = scenario.stage();
        stop_after(folder.path(), scenario.steps.len(), || (scenario.change)(&path)).unwrap();
    }
    assert_eq!(stops, 21);
}

#[test]
fn a_failure_at_any_step_is_reported_and_cleaned_up() {
    for scenario in SCENARIOS {
        for n in 0..scenario.steps.len() {
            for (kind, expected) in
                [(ErrorKind::StorageFull, "disk-full"), (ErrorKind::Other, "file-io")]
            {
                let (folder, path) = scenario.stage();
                let result = fail_at(folder.path(), n, kind, || (scenario.change)(&path));
                assert_eq!(code(result), expected, "{} failed at {n}", scenario.name);
                assert!(
                    files::leftovers(folder.path()).unwrap().is_empty(),
                    "{} at {n}",
                    scenario.name
                );
            }
        }
    }
}

/// What a stopped attempt left is destroyed by the next one, also where the first try fails.
#[test]
fn what_cannot_be_destroyed_at_first_is_tried_again() {
    type Make<'a> = &'a dyn Fn(&Path) -> Result<(), FileError>;
    let new_directory = |path: &Path| PendingDirectory::create(path)?.commit();
    let ways: [(&str, Make<'_>); 4] = [
        ("new", &|path| files::write_new(path, b"new", Access::Private)),
        ("replace", &|path| files::replace(path, b"new", Access::Private)),
        ("together", &|path| Together::create([path], Access::Private)?.commit()),
        ("directory", &new_directory),
    ];
    for (what, make) in ways {
        let mut tidying = 0;
        for step in 0.. {
            let folder = folder();
            let path = folder.path().join("file");
            let left = folder.path().join(format!(".file.{}.cstatns-tmp", "0a".repeat(16)));
            fs::write(&left, "what somebody was").unwrap();
            let result = fail_at(folder.path(), step, ErrorKind::StorageFull, || make(&path));
            if result.is_err() {
                // The first step of the attempt itself.
                break;
            }
            tidying += 1;
            assert!(path.exists() && !left.exists(), "{what}, step {step}");
            assert!(names(folder.path()).len() == 1, "{what}, step {step}");
        }
        assert!(tidying >= 4, "{what}: {tidying} steps");
    }
}

#[test]
fn a_torn_write_keeps_its_prefix_and_nothing_follows() {
    let append = SCENARIOS.iter().find(|scenario| scenario.name == "append").unwrap();
    for kept in 0..=12 {
        let (folder, path) = append.stage();
        assert_eq!(
            code(tear_write_at(folder.path(), 0, kept, || (append.change)(&path))),
            "file-io"
        );
        let expected = [b"old bytes".as_slice(), &b"new bytes"[..kept.min(9)]].concat();
        assert_eq!(fs::read(&path).unwrap(), expected, "{kept}");
    }
    // A temporary is torn, the name not given.
    let new = &SCENARIOS[0];
    let (folder, path) = new.stage();
    assert_eq!(code(tear_write_at(folder.path(), 1, 4, || (new.change)(&path))), "file-io");
    assert!(!path.exists());
    assert_eq!(fs::read(&files::leftovers(folder.path()).unwrap()[0]).unwrap(), b"new ");
    // A destruction is torn and repeated.
    let (folder, path) = append.stage();
    assert_eq!(code(tear_write_at(folder.path(), 0, 3, || files::destroy(&path))), "file-io");
    let torn = fs::read(&path).unwrap();
    assert_eq!((torn.len(), &torn[3..]), (9, b" bytes".as_slice()));
    // A step that does not write is stopped.
    assert_eq!(code(tear_write_at(folder.path(), 0, 3, || files::remove(&path))), "file-io");
    files::destroy(&path).unwrap();
}

#[test]
fn destruction_stopped_anywhere_can_be_repeated() {
    for n in 0..5 {
        let folder = folder();
        let path = folder.path().join("file");
        fs::write(&path, "secret").unwrap();
        assert_eq!(code(stop_after(folder.path(), n, || files::destroy(&path))), "file-io");
        assert_eq!(path.exists(), n <= 3, "{n}");
        files::destroy_if_present(&path).unwrap();
        assert!(names(folder.path()).is_empty());
    }
}

#[test]
fn an_append_that_failed_refuses_until_reopened() {
    for n in 0..2 {
        let folder = folder();
        let path = folder.path().join("ledger");
        let mut ledger = Append::create(&path, Access::Shared).unwrap();
        let first = fail_at(folder.path(), n, ErrorKind::StorageFull, || ledger.append(b"one\n"));
        assert_eq!(code(first), "disk-full");
        assert_eq!(code(ledger.append(b"two\n")), "append-broken");
        assert_eq!(code(ledger.truncate(0)), "append-broken");
        let mut ledger = Append::open(&path).unwrap();
        ledger.truncate(0).unwrap();
        ledger.append(b"two\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two\n");
    }
}

#[test]
fn a_plan_reaches_other_threads_and_no_other_directory() {
    let (planned, other) = (folder(), folder());
    let write =
        |folder: &TempDir| files::write_new(&folder.path().join("file"), b"x", Access::Private);
    let steps = count(planned.path(), || {
        std::thread::scope(|scope| scope.spawn(|| write(&planned).unwrap()).join().unwrap());
    });
    assert_eq!(steps, 5);
    stop_after(other.path(), 0, || {
        let elsewhere = folder();
        write(&elsewhere).unwrap();
        std::thread::scope(|scope| {
            assert_eq!(scope.spawn(|| code(write(&other))).join().unwrap(), "file-io");
        });
    });
    assert!(names(other.path()).is_empty());
    write(&other).unwrap();
}

#[test]
fn a_plan_ends_with_its_closure_even_in_a_panic() {
    let folder = folder();
    let path = folder.path().join("file");
    let panicked = std::panic::catch_unwind(|| {
        faults::stop_after(folder.path(), 0, || {
            files::write_new(&path, b"x", Access::Private).unwrap();
        });
    });
    assert!(panicked.is_err());
    files::write_new(&path, b"x", Access::Private).unwrap();
}
