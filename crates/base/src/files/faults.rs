//! Makes storage fail on purpose, for tests (debug builds with `--cfg cstatns_faults`).
//!
//! A plan holds for every durable [`Step`] **under one directory** while its closure runs, on any
//! thread that takes the step is taken: a file written by a worker thread is covered, and tests of
//! one process that use different directories do not disturb each other. Give the directory that
//! holds *everything* the code under test writes; what lies elsewhere is neither counted nor
//! stopped. Steps are numbered from 0.
//!
//! The usual matrix: `for n in 0..count(dir, ..) { fresh dir; stop_after(dir, n, ..); check what
//! the next command finds }`.
//!
//! A stopped process has done each step wholly or not at all (or partly, [`tear_write_at`]); that
//! unflushed bytes can also be lost when the *machine* stops is not simulated.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf, absolute};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Step;

/// What [`watch`] calls before each step.
type Watcher = Box<dyn FnMut(Step, &Path) + Send>;

enum Mode {
    Count,
    Watch(Watcher),
    /// There are no files without names.
    Named,
    Stop,
    Fail(ErrorKind),
    Tear(usize),
}

struct Plan {
    number: u64,
    under: PathBuf,
    mode: Mode,
    /// The step at which `mode` takes effect.
    at: usize,
    dead: bool,
    taken: Vec<Step>,
}

struct Plans {
    active: Vec<Plan>,
    next: u64,
}

static PLANS: Mutex<Plans> = Mutex::new(Plans { active: Vec::new(), next: 0 });

/// The files without names that are being written, each with what its steps are called by. Apart
/// from the plans: a watcher may ask for one.
static UNNAMED: Mutex<Vec<(PathBuf, File)>> = Mutex::new(Vec::new());

fn unnamed_files() -> MutexGuard<'static, Vec<(PathBuf, File)>> {
    UNNAMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that finds this variable in its environment does as on a file system that has no files
/// without names.
const ALL_NAMED: &str = "CSTATNS_TEST_ALL_NAMED";

fn plans() -> MutexGuard<'static, Plans> {
    PLANS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends its plan, also when the closure panics.
struct Active(u64);

impl Drop for Active {
    fn drop(&mut self) {
        plans().active.retain(|plan| plan.number != self.0);
    }
}

fn run<R>(under: &Path, mode: Mode, at: usize, f: impl FnOnce() -> R) -> (R, Vec<Step>) {
    let under = absolute(under).unwrap_or_else(|_| under.to_owned());
    let active = {
        let mut plans = plans();
        let number = plans.next;
        plans.next += 1;
        plans.active.push(Plan { number, under, mode, at, dead: false, taken: Vec::new() });
        Active(number)
    };
    let result = f();
    let taken = plans()
        .active
        .iter_mut()
        .find(|plan| plan.number == active.0)
        .map(|plan| std::mem::take(&mut plan.taken))
        .unwrap_or_default();
    (result, taken)
}

/// How many durable steps under `under` the closure takes.
pub fn count<R>(under: &Path, f: impl FnOnce() -> R) -> usize {
    trace(under, f).len()
}

/// Which durable steps under `under` the closure takes, in order.
pub fn trace<R>(under: &Path, f: impl FnOnce() -> R) -> Vec<Step> {
    run(under, Mode::Count, 0, f).1
}

/// Calls `watcher` before each durable step under `under` that the closure takes, with the step's
/// path. Plans inside the closure decide first: a step that they refuse is not shown.
pub fn watch<R>(
    under: &Path,
    watcher: impl FnMut(Step, &Path) + Send + 'static,
    f: impl FnOnce() -> R,
) -> R {
    run(under, Mode::Watch(Box::new(watcher)), 0, f).0
}

/// Does as on a file system that has no files without names, under `under`. Plans inside the
/// closure decide as before.
pub fn without_unnamed<R>(under: &Path, f: impl FnOnce() -> R) -> R {
    run(under, Mode::Named, 0, f).0
}

/// The file without a name whose steps are called by this path, while it is being written.
pub fn unnamed_file(path: &Path) -> Option<File> {
    let files = unnamed_files();
    let (_, file) = files.iter().find(|(called, _)| called == path)?;
    file.try_clone().ok()
}

/// Lets `n` steps happen, then the process is "dead": step `n` and every later one fail and leave
/// no trace on disk, the clean-up of a dropped [`Pending`](super::Pending) included.
pub fn stop_after<R>(under: &Path, n: usize, f: impl FnOnce() -> R) -> R {
    run(under, Mode::Stop, n, f).0
}

/// Step `n` alone fails, without effect, with an error of this kind ([`ErrorKind::StorageFull`] is
/// a full disk).
pub fn fail_at<R>(under: &Path, n: usize, kind: ErrorKind, f: impl FnOnce() -> R) -> R {
    run(under, Mode::Fail(kind), n, f).0
}

/// As [`stop_after`], but if step `n` writes ([`Step::Write`], [`Step::Overwrite`]), its first
/// `bytes_kept` bytes (at most all) still reach the file.
pub fn tear_write_at<R>(under: &Path, n: usize, bytes_kept: usize, f: impl FnOnce() -> R) -> R {
    run(under, Mode::Tear(bytes_kept), n, f).0
}

enum Verdict {
    Go,
    Refuse(io::Error),
    Tear(usize),
}

fn judge(step: Step, path: &Path) -> Verdict {
    let stopped = || io::Error::other("stopped by a fault plan");
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plans = plans();
    let mut here: Vec<_> =
        plans.active.iter_mut().filter(|plan| path.starts_with(&plan.under)).collect();
    // The newest plan is the innermost where closures are nested.
    let inner = here.iter().rposition(|plan| !matches!(plan.mode, Mode::Watch(_) | Mode::Named));
    let verdict = inner.map_or(Verdict::Go, |inner| decide(here[inner], step, stopped));
    if matches!(verdict, Verdict::Go) {
        for plan in here {
            if let Mode::Watch(watcher) = &mut plan.mode {
                watcher(step, &path);
            }
        }
    }
    verdict
}

fn decide(plan: &mut Plan, step: Step, stopped: impl Fn() -> io::Error) -> Verdict {
    if plan.dead {
        return Verdict::Refuse(stopped());
    }
    let number = plan.taken.len();
    plan.taken.push(step);
    match plan.mode {
        Mode::Stop if number == plan.at => {
            plan.dead = true;
            Verdict::Refuse(stopped())
        }
        Mode::Tear(kept) if number == plan.at => {
            plan.dead = true;
            Verdict::Tear(kept)
        }
        Mode::Fail(kind) if number == plan.at => Verdict::Refuse(kind.into()),
        _ => Verdict::Go,
    }
}

/// Asked before every durable step; an error means that the step must not be taken.
pub(super) fn before(step: Step, path: &Path) -> io::Result<()> {
    match judge(step, path) {
        Verdict::Go => Ok(()),
        Verdict::Refuse(error) => Err(error),
        Verdict::Tear(_) => Err(io::Error::other("stopped by a fault plan")),
    }
}

/// As [`before`], for a step that writes `bytes` at the file's present position: stores the part
/// that a torn write keeps.
pub(super) fn before_write(
    step: Step,
    path: &Path,
    file: &mut File,
    bytes: &[u8],
) -> io::Result<()> {
    match judge(step, path) {
        Verdict::Go => Ok(()),
        Verdict::Refuse(error) => Err(error),
        Verdict::Tear(kept) => {
            file.write_all(&bytes[..kept.min(bytes.len())])?;
            Err(io::Error::other("stopped by a fault plan"))
        }
    }
}

/// Whether the file system has files without names.
pub(super) fn has_unnamed(path: &Path) -> bool {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    let here = |plan: &Plan| matches!(plan.mode, Mode::Named) && path.starts_with(&plan.under);
    std::env::var_os(ALL_NAMED).is_none() && !plans().active.iter().any(here)
}

/// Remembers a file without a name for [`unnamed_file`].
pub(super) fn unnamed(called: &Path, file: &File) -> io::Result<()> {
    let called = absolute(called)?;
    let file = file.try_clone()?;
    unnamed_files().push((called, file));
    Ok(())
}

/// Forgets it.
pub(super) fn forget_unnamed(called: &Path) {
    let called = absolute(called).unwrap_or_else(|_| called.to_owned());
    unnamed_files().retain(|(other, _)| *other != called);
}
