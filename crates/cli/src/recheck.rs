//! The second process of `--recheck`: this program once more, which makes codes again (SPEC §13).

use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::process::{Child, Command, ExitCode, Stdio};

use cstatns::recheck::{self, Extent, RecheckError, Rechecker, StandardInput};
use cstatns::secret::harden_process;

use crate::watch::outlive_signals;

/// What it is started with. It is no verb: a person has no use for it.
const ARGUMENT: &str = "recheck-codes";

/// The second process. It ends when the pipe to it does: with the run that it serves, or with this
/// process.
pub(crate) struct Second(Child);

impl Second {
    /// Starts it, before a key is open anywhere, and waits until it is ready for keys. It takes
    /// neither the environment nor the working directory, and no descriptor: those that whoever
    /// started this program had left open are closed in it too.
    pub(crate) fn start(extent: Extent) -> Result<(Self, Rechecker), RecheckError> {
        let failed = |error: io::Error| RecheckError::Start { kind: error.kind() };
        let mut command = Command::new(env::current_exe().map_err(failed)?);
        command.arg(ARGUMENT).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let mut child = command.spawn().map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let second = Self(child);
        let (to, from) = pipes.ok_or(RecheckError::Ended)?;
        Ok((second, Rechecker::new(extent, to, from)?))
    }

    /// Waits for its end, once its run is over.
    pub(crate) fn end(mut self) {
        let _ = self.0.wait();
    }
}

/// Where no run came to use it, it has no key.
impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether this process is to be a second one.
pub(crate) fn is_asked() -> bool {
    env::args_os().skip(1).eq([ARGUMENT]) && !io::stdin().is_terminal()
}

/// All that the second process does.
pub(crate) fn serve() -> ExitCode {
    // Before anything else: what follows holds secrets.
    let hardening = harden_process();
    if cfg!(target_os = "linux") && !(hardening.not_dumpable && has_three_descriptors()) {
        return ExitCode::FAILURE;
    }
    // They come to every process at a terminal: the first one decides, and its end is the end of
    // this one.
    outlive_signals();
    match recheck::serve(StandardInput::default(), io::stdout().lock()) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// Whether this process has its two pipes and the null device open, and nothing else.
fn has_three_descriptors() -> bool {
    let listed = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let listed: Vec<_> = listed.map(|entry| entry.path()).collect();
    // That of the listing is closed by now.
    listed.iter().filter(|path| path.symlink_metadata().is_ok()).count() == 3
}
