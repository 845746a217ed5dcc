//! The second process of `--recheck`: this program once more, which makes codes again (SPEC §13).

use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::process::{Child, Command, ExitCode, Stdio};

use cstatns::recheck::{self, Extent, RecheckError, Rechecker, StandardInput};
use cstatns::secret::harden_process;

use crate::lang::text;
use crate::output::Program;
use crate::watch::outlive_signals;

/// What it is started with. It is no verb: a person has no use for it.
const ARGUMENT: &str = "recheck-codes";

/// The second process. It ends when the pipe to it does: with the run that it serves, or with this
/// process.
pub(crate) struct Second(Child);

impl Second {
    /// Starts it, before a key is open anywhere, and waits until it is ready for keys. It takes
    /// neither the environment nor the working directory, and no descriptor of this program.
    pub(crate) fn start(
        program: &Program,
        extent: Extent,
    ) -> Result<(Self, Rechecker), RecheckError> {
        let failed = |error: io::Error| RecheckError::Start { kind: error.kind() };
        let mut command = Command::new(env::current_exe().map_err(failed)?);
        command.arg(ARGUMENT).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let second = Self(child);
        let (to, from) = pipes.ok_or(RecheckError::Ended)?;
        let rechecker = Rechecker::new(extent, to, from)?;
        let others = rechecker.others();
        if others > 0 {
            program.say(text!(
                "note: this command was started with descriptors open that are not its own ({others}): the second \
                process has them too, and uses none",
                "note : cette commande a été lancée avec des descripteurs ouverts qui ne sont pas les siens ({others}) : \
                    le second processus les a aussi, et n'en utilise aucun"
            ));
        }
        Ok((second, rechecker))
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
    if cfg!(target_os = "linux") && !hardening.not_dumpable {
        return ExitCode::FAILURE;
    }
    // They come to every process at a terminal: the first one decides, and its end is the end of
    // this one.
    outlive_signals();
    match recheck::serve(StandardInput::default(), io::stdout().lock(), others()) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// How many descriptors this process has besides its three: those of this program are closed where
/// another is started; what its caller had left open is not.
fn others() -> u32 {
    let listed = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let listed: Vec<_> = listed.map(|entry| entry.path()).collect();
    // That of the listing is closed by now.
    let open = listed.iter().filter(|path| path.symlink_metadata().is_ok());
    open.count().saturating_sub(3) as u32
}
