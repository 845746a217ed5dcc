//! What goes on beside bulk work: a progress bar where standard error is a terminal, and an ear for
//! Ctrl-C.
//!
//! SIGINT, SIGTERM and SIGHUP (the terminal was closed) ask the work to stop, which ends it with
//! the error `interrupted` and leaves nothing. Work that is past its last row is finished rather
//! than stopped, but for a register's index, whose end takes as long as its rows. Somebody who asks
//! again more than a second later is obeyed at once; what is left then, the next command destroys.
//! Before and after bulk work, at a prompt for instance, the signals do what they always did.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cstatns_rows::effort::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::bar::set_bar;
use crate::figures::{grouped, in_words, per_second, rate};
use crate::lang::text;
use crate::output::write_error;

/// How often the signals are looked at; the bar is drawn less often.
const TICK: Duration = Duration::from_millis(20);
/// A second signal that follows sooner is the same one: `timeout` sends two, and a finger may slip.
const PATIENCE: Duration = Duration::from_secs(1);
/// The bar's length.
const WHOLE: u64 = 10_000;

/// A signal has come since the work began.
static ASKED: AtomicBool = AtomicBool::new(false);
/// A signal ends the program.
static AT_ONCE: AtomicBool = AtomicBool::new(true);
/// A thread that watches bulk work as long as this is held.
pub(crate) struct Watch {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn begin(progress: Arc<Progress>) -> Self {
        listen();
        ASKED.store(false, Ordering::SeqCst);
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        let thread = std::thread::Builder::new().name("watch".to_owned());
        // Without it the work goes on all the same, unseen; then signals end it as they always did.
        let thread = thread.spawn(move || watch(&progress, &ended)).ok();
        AT_ONCE.store(thread.is_none(), Ordering::SeqCst);
        Self { over, thread }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
        AT_ONCE.store(true, Ordering::SeqCst);
    }
}

/// An ear for Ctrl-C while people are waited for, as long as this is held: what waits looks for it.
pub struct Ears(());

impl Ears {
    /// Opens it.
    pub fn open() -> Self {
        listen();
        ASKED.store(false, Ordering::SeqCst);
        AT_ONCE.store(false, Ordering::SeqCst);
        Self(())
    }

    /// Whether a signal has come since.
    pub fn have_heard(&self) -> bool {
        ASKED.load(Ordering::SeqCst)
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        AT_ONCE.store(true, Ordering::SeqCst);
    }
}

/// Hears the signals from now on. The order counts: the first action looks at what was before this
/// signal.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Under `nohup` the work outlives its terminal.
        let hang_up = (!is_ignored(SIGHUP)).then_some(SIGHUP);
        for signal in [SIGINT, SIGTERM].into_iter().chain(hang_up) {
            // A system that lets no signal be heard keeps its own way with them.
            let _ = flag::register_conditional_default(signal, &AT_ONCE)
                .and_then(|_| flag::register(signal, &ASKED));
        }
    });
}

/// Has the signals that ask work to stop do nothing: for a process that ends with another one.
pub fn outlive_signals() {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Where it cannot be, the signal does what it always did.
        let _ = flag::register(signal, Arc::default());
    }
}

/// Whether who started the program has it ignore this signal; also where the system does not say.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}

fn watch(progress: &Progress, over: &AtomicBool) {
    let begun = Instant::now();
    let mut asked = None;
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let bar = (!target.is_hidden()).then(|| ProgressBar::with_draw_target(Some(WHOLE), target));
    if let Some(bar) = &bar {
        let style = ProgressStyle::with_template("[{bar:20}] {msg}")
            .expect("a template that is well formed");
        bar.set_style(style.progress_chars("=> "));
        set_bar(Some(bar.clone()));
    }
    while !over.load(Ordering::SeqCst) {
        if ASKED.load(Ordering::SeqCst) {
            progress.stop();
            let since = *asked.get_or_insert_with(Instant::now);
            if since.elapsed() >= PATIENCE && !AT_ONCE.swap(true, Ordering::SeqCst) {
                write_error(&text!(
                    "still finishing; Ctrl-C once more ends at once, and the next command cleans \
                    up",
                    "termine encore ; Ctrl-C une fois de plus arrête aussitôt, et la commande suivante nettoie"
                ));
            }
        }
        if let Some(bar) = &bar {
            bar.set_position((progress.part() * WHOLE as f64) as u64);
            bar.set_message(state(progress, begun.elapsed()));
        }
        std::thread::park_timeout(TICK);
    }
    if let Some(bar) = &bar {
        set_bar(None);
        bar.finish_and_clear();
    }
}

/// Counts and times; nothing of the data.
fn state(progress: &Progress, elapsed: Duration) -> String {
    let (rows, part) = (progress.rows(), progress.part());
    let going = text!(
        "{} rows, {}",
        "{} lignes, {}",
        grouped(rows),
        rate(per_second(rows, elapsed.as_secs_f64()))
    );
    if part == 0.0 {
        return going;
    }
    if part == 1.0 {
        return text!("100 %  {going}, finishing", "100 %  {going}, termine");
    }
    // Of a manifest that speaks of more rows than there are people, the time is too long to show.
    match Duration::try_from_secs_f64(elapsed.as_secs_f64() * (1.0 - part) / part) {
        Ok(left) => {
            let left = in_words(left.as_secs().max(1));
            text!(
                "{:3.0} %  {going}, {left} left",
                "{:3.0} %  {going}, encore {left}",
                part * 100.0
            )
        }
        Err(_) => going,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    use super::*;

    const CHILD: &str = "CSTATNS_TEST_WATCHED";

    /// Work that does not look up is ended by the second signal, once that has been said, and not
    /// before. At a terminal: what is said is not said beside the bar.
    #[test]
    fn a_second_signal_ends_work_that_does_not_stop() {
        if std::env::var_os(CHILD).is_some() {
            let _watch = Watch::begin(Arc::default());
            write_error(&format!("process {} is at work", std::process::id()));
            std::thread::sleep(Duration::from_secs(60));
            return;
        }
        let line = format!(
            "stty rows 24 cols 80; exec {} a_second_signal_ends --nocapture",
            std::env::current_exe().unwrap().display()
        );
        let mut child = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env(CHILD, "1")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs `script`, of bsdutils or util-linux");
        let mut terminal = child.stdin.take().unwrap();
        let mut shown = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let begun = shown.find(|line| line.contains(" is at work")).unwrap();
        let process =
            begun.split(' ').skip_while(|word| !word.ends_with("process")).nth(1).unwrap();
        // Two at once count as one. Of two kinds, because the system itself makes one of two of a
        // kind that wait.
        let kill = format!("kill -TERM {process}; kill -INT {process}");
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let warned = shown.find(|line| line.contains("once more ends at once"));
        let warned = warned.expect("it goes on after two at once");
        terminal.write_all(b"\x03").unwrap();
        assert!(shown.all(|line| !line.contains("once more")));
        assert_eq!(child.wait().unwrap().code(), Some(128 + SIGINT));
        assert!(
            warned.contains(" rows/s") && warned.contains("\u{1b}[2Kstill finishing"),
            "{warned:?}"
        );
    }

    #[test]
    fn the_bar_tells_what_is_known() {
        assert_eq!(state(&Progress::default(), Duration::from_secs(2)), "0 rows, 0 rows/s");
    }
}
