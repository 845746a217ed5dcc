//! Blocks of rows on their way from one file to another: several threads, each with a block of its
//! own.
//!
//! A thread carries its block all the way: it reads it, works on it, and hands it over. Blocks are
//! read one at a time and handed over one at a time, in the order of the file; only the work
//! between runs side by side. So there is one reader and one writer at any moment, no more blocks
//! than threads, and an output that does not depend on how many threads there are.
//!
//! The error of the first block *in the order of the file* is the one that is returned, whichever
//! thread met one first: a block is handed over only after all those before it were, and none after
//! one that failed. Of several errors in one block it is the one that its steps meet first.

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What happens to a block, in this order.
pub struct Steps<New, Read, Work, Check, Write> {
    /// Makes an empty block: one for each thread, used again and again.
    pub new: New,
    /// Fills the block; false at the end of the file. One at a time.
    pub read: Read,
    /// What can be done side by side.
    pub work: Work,
    /// What needs the blocks before this one. One at a time, in order.
    pub check: Check,
    /// Writes it. One at a time, in order, while the next one is checked.
    pub write: Write,
}

/// Why a block was not handed over.
enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

/// The failure that is first in the file, and its block.
struct First<E>(Mutex<Option<(u64, Failure<E>)>>);

impl<E> First<E> {
    fn is_before(&self, block: u64) -> bool {
        locked(&self.0).as_ref().is_some_and(|(failed, _)| *failed <= block)
    }

    /// Runs a step of a block, unless one at or before it has failed.
    fn run(&self, block: u64, step: impl FnOnce() -> Result<(), E>) {
        if self.is_before(block) {
            return;
        }
        let failure = match catch_unwind(AssertUnwindSafe(step)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => Failure::Error(error),
            Err(panic) => Failure::Panic(panic),
        };
        let mut first = locked(&self.0);
        if first.as_ref().is_none_or(|(failed, _)| block < *failed) {
            *first = Some((block, failure));
        }
    }
}

/// A step that blocks take one at a time, in order.
struct Gate<Step> {
    next: Mutex<(u64, Step)>,
    turned: Condvar,
}

impl<Step> Gate<Step> {
    fn new(step: Step) -> Self {
        Self { next: Mutex::new((0, step)), turned: Condvar::new() }
    }

    /// Waits for the block's turn. Every block takes its turn at every gate, whatever became of it:
    /// the next one waits.
    fn pass(&self, block: u64, step: impl FnOnce(&mut Step)) {
        let mut next = locked(&self.next);
        while next.0 != block {
            next = self.turned.wait(next).unwrap_or_else(PoisonError::into_inner);
        }
        step(&mut next.1);
        next.0 += 1;
        self.turned.notify_all();
    }
}

/// A lock that was poisoned is taken all the same: the steps' panics are caught, and end the run.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<New, Read, Work, Check, Write> Steps<New, Read, Work, Check, Write> {
    /// Takes all blocks through the steps.
    ///
    /// # Errors
    /// The first in the order of the file; the blocks before it were written, those after it were
    /// not.
    ///
    /// # Panics
    /// When a step does and no error comes before it: with the step's own panic, in the caller's
    /// thread.
    pub fn run<B, E>(self, threads: NonZeroUsize) -> Result<(), E>
    where
        New: Fn() -> B + Sync,
        Read: FnMut(&mut B) -> Result<bool, E> + Send,
        Work: Fn(&mut B) -> Result<(), E> + Sync,
        Check: FnMut(&mut B) -> Result<(), E> + Send,
        Write: FnMut(&mut B) -> Result<(), E> + Send,
        E: Send,
    {
        let Self { new, read, work, check, write } = self;
        let first = First(Mutex::new(None));
        // The reader, and the number of the block that it reads next; none after the end.
        let reader = Mutex::new((read, Some(0)));
        let (check, write) = (Gate::new(check), Gate::new(write));
        let carry = || {
            let mut block = new();
            loop {
                let mut reading = locked(&reader);
                let (read, next) = &mut *reading;
                // Nothing is read after the end, nor after a failure.
                let Some(number) = next.filter(|number| !first.is_before(*number)) else { return };
                let mut more = true;
                first.run(number, || read(&mut block).map(|found| more = found));
                *next = more.then_some(number + 1);
                if !more {
                    return;
                }
                drop(reading);
                first.run(number, || work(&mut block));
                check.pass(number, |check| first.run(number, || check(&mut block)));
                write.pass(number, |write| first.run(number, || write(&mut block)));
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads.get() {
                // Where the system gives no more threads, those there are do the work.
                let _ = thread::Builder::new().spawn_scoped(scope, carry);
            }
            carry();
        });
        match first.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some((_, Failure::Error(error))) => Err(error),
            Some((_, Failure::Panic(panic))) => resume_unwind(panic),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Sends the numbers below `blocks` through; `fail` may end the step of that name for a block.
    /// Returns what was written.
    fn send(
        blocks: u32,
        threads: usize,
        fail: impl Fn(&'static str, u32) -> Result<(), (&'static str, u32)> + Sync,
    ) -> (Result<(), (&'static str, u32)>, Vec<u32>) {
        let (mut read, mut checked, mut written) = (0, 0, Vec::new());
        let steps = Steps {
            new: || Cell::new(0),
            read: |block: &mut Cell<u32>| {
                fail("read", read)?;
                block.set(read);
                read += 1;
                Ok(read <= blocks)
            },
            work: |block: &mut Cell<u32>| {
                // Blocks take different times: they would overtake one another.
                for _ in 0..(block.get() * 7919) % 13 {
                    thread::yield_now();
                }
                fail("work", block.get())
            },
            check: |block: &mut Cell<u32>| {
                assert_eq!(block.get(), checked, "in order");
                checked += 1;
                fail("check", block.get())
            },
            write: |block: &mut Cell<u32>| {
                fail("write", block.get())?;
                written.push(block.get());
                Ok(())
            },
        };
        let outcome = steps.run(NonZeroUsize::new(threads).unwrap());
        (outcome, written)
    }

    #[test]
    fn blocks_are_written_in_the_order_of_the_file() {
        for threads in [1, 2, 3, 8] {
            for blocks in [0, 1, 2, 200] {
                let (outcome, written) = send(blocks, threads, |_, _| Ok(()));
                assert_eq!(
                    (outcome, written),
                    (Ok(()), (0..blocks).collect()),
                    "{threads} threads"
                );
            }
        }
    }

    #[test]
    fn the_first_failure_in_the_order_of_the_file_is_the_one_that_is_told() {
        for threads in [1, 2, 8] {
            for step in ["read", "work", "check", "write"] {
                for block in [0, 1, 30, 31] {
                    // All later blocks fail too, at once.
                    let (outcome, written) = send(60, threads, |at, number| {
                        if (at == step && number == block) || (at == "work" && number > block) {
                            return Err((at, number));
                        }
                        Ok(())
                    });
                    assert_eq!(outcome, Err((step, block)), "{threads} threads");
                    assert_eq!(
                        written,
                        (0..block).collect::<Vec<_>>(),
                        "those before it, and none after it"
                    );
                }
            }
        }
    }

    #[test]
    fn a_panic_in_any_thread_is_the_callers() {
        for threads in [1, 2, 8] {
            for step in ["read", "work", "check", "write"] {
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    send(60, threads, |at, number| {
                        assert!(at != step || number != 30, "that one");
                        Ok(())
                    })
                }));
                let panic = outcome.unwrap_err();
                assert_eq!(
                    panic.downcast_ref::<&str>(),
                    Some(&"that one"),
                    "{threads} threads, {step}"
                );
                // An error of a block before it is told instead.
                let outcome = send(60, threads, |at, number| {
                    assert!(at != step || number != 30, "that one");
                    if at == "write" && number == 29 { Err((at, number)) } else { Ok(()) }
                });
                assert_eq!(outcome.0, Err(("write", 29)));
            }
        }
    }
}
