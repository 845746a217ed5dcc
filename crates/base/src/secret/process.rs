//! What is asked of the operating system: pages that are not swapped out, a process that leaves no
//! core dump.
//!
//! The only room with calls that differ between systems.

/// Keeps one secret's page in memory; unlocks it when dropped.
pub(super) type PageLock = region::LockGuard;

/// Locks the page of `bytes`; `None` where the system refuses (see [`Hardening`]).
pub(super) fn lock_page(bytes: &[u8]) -> Option<PageLock> {
    region::lock(bytes.as_ptr(), bytes.len()).ok()
}

/// What [`harden_process`] obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardening {
    /// The process leaves no core dump and other processes of the user cannot read its memory.
    pub not_dumpable: bool,
    /// Key pages can be locked in memory, so that they are not written to swap space.
    pub memory_locked: bool,
}

/// Forbids core dumps and reading by other processes, and tries to lock a page. A program calls it
/// first.
///
/// Where the system refuses, the work can go on: the caller says so to the operator.
pub fn harden_process() -> Hardening {
    let probe = super::Secret::<1>::fill(|_| {});
    Hardening { not_dumpable: not_dumpable(), memory_locked: probe.lock.is_some() }
}

#[cfg(target_os = "linux")]
fn not_dumpable() -> bool {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let no_core = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    no_core.is_ok() && set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn not_dumpable() -> bool {
    false
}
