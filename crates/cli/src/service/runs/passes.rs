//! The rows of a run on their way to its result: in one pass, or in two where others could read
//! what is written.

use std::io::{self, BufWriter};

use cstatns::coded::{Blame, Coded as _};
use cstatns::commitment::Commitment;
use cstatns::files::FileError;
use cstatns::service::{Counts, LeftResult, Outcome, ResultFile, WorkError, Written};
use cstatns_bulk::{CodeFileError, Out, Seen, Tally};
use cstatns_rows::results::commitment_of;

use crate::lang::text;
use crate::output::Program;

/// What stands between the rows and the file, in bytes: each write to the file is a system call.
const BUFFER: usize = 1 << 18;

/// Takes the rows to the result. `step` codes or renews them.
pub(super) fn write_result(
    file: &mut ResultFile,
    step: impl Fn(Out<'_>) -> Result<Tally, CodeFileError>,
) -> Result<Tally, WorkError> {
    let step = |out: Out<'_>| step(out).map_err(WorkError::new);
    let (seen, seal) = (Seen::default(), file.seal());
    let (readable, rechecker) = (file.is_readable(), file.rechecker());
    if readable {
        let found = step(Out::first(&mut io::sink(), &seen))?;
        file.admit(&found_of(&found))?;
    }
    let mut buffer = BufWriter::with_capacity(BUFFER, file);
    let out = Out::from(&mut buffer).committed(seal.key(), seal.context());
    let out = out.rechecked(rechecker.as_deref());
    let worked = step(if readable { out.second(&seen) } else { out });
    let found = match worked {
        Ok(found) => found,
        Err(error) => {
            // What is left in the buffer is of a result that will not be: it is not written.
            let _ = buffer.into_parts();
            return Err(error);
        }
    };
    match buffer.into_inner() {
        Ok(_) => Ok(found),
        Err(error) => {
            let (error, buffer) = error.into_parts();
            let (file, _) = buffer.into_parts();
            Err(WorkError::new(FileError::from_io(file.target(), &error)))
        }
    }
}

/// What the run records.
pub(super) fn written(tally: Tally) -> Written {
    let found = found_of(&tally);
    let quality = tally.qualities.into_iter().map(|(word, count)| (word.to_owned(), count));
    Written {
        found,
        result: tally.result.expect("it was asked for"),
        counts: Counts {
            coded: tally.coded,
            quality: quality.collect(),
            scores: tally.scores,
            ..Counts::default()
        },
    }
}

/// Reads the rows of what may be a result.
pub(in crate::service) fn read_result(left: &LeftResult) -> Result<Option<Commitment>, WorkError> {
    let codes = (left.tag, left.generation);
    match commitment_of(&left.path, codes, left.seal.key(), left.seal.context()) {
        Ok((commitment, _)) => Ok(Some(commitment)),
        // Now unreadable, it may be the result all the same.
        Err(error) if error.blame() == Blame::Machine => Err(WorkError::new(error)),
        Err(_) => Ok(None),
    }
}

/// What the run compares with what was approved.
fn found_of(found: &Tally) -> Outcome {
    Outcome { input: found.input, people: found.scores.map(|_| found.distinct) }
}

/// Warns where files without names can be read from outside: who owns a user namespace may look
/// into the processes in it.
pub(super) fn warn_of_namespace(program: &Program) {
    let map = std::fs::read_to_string("/proc/self/uid_map");
    if map.is_ok_and(|map| !is_initial(&map)) {
        program.say(
            text!("warning: this process runs in a user namespace (a container without root): who \
            started it can read the result before it is verified, and the memory of this process",
                "attention : ce processus tourne dans un espace d'utilisateurs (un conteneur sans root) : qui l'a lancé \
                    peut lire le résultat avant qu'il soit vérifié, et la mémoire de ce processus"),
        );
    }
}

/// Whether this is the map of the initial user namespace.
fn is_initial(map: &str) -> bool {
    let lines: Vec<Vec<&str>> =
        map.lines().map(|line| line.split_ascii_whitespace().collect()).collect();
    lines == [["0", "0", "4294967295"]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_initial_namespace_maps_everybody_to_themselves() {
        assert!(is_initial("         0          0 4294967295\n"));
        for other in
            ["", "0 1000 1\n", "0 0 1\n", "0 0 4294967295\n1 1 1\n", "0 100000 65536\n", "0 0\n"]
        {
            assert!(!is_initial(other), "{other:?}");
        }
    }
}
