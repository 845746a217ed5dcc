//! What ends a command: one line on standard error, with a stable code, what is wrong and what to
//! do.

use std::collections::BTreeMap;
use std::panic::PanicHookInfo;
use std::path::Path;

use cstatns_base::coded::{Coded, Fact};
use cstatns_base::language::Words;
use serde_json::{Value, json};

use crate::advice::advice;
use crate::lang::{Lang, lang, said, text};

/// Why a command ends without having done what it was asked.
#[derive(Debug)]
pub struct Fault {
    /// The stable short code.
    pub code: String,
    cause: String,
    /// What to do, where the cause does not say it.
    advice: Option<String>,
    facts: Vec<Fact>,
    /// 1; 2 for wrong usage; 3 for what holds and is not in order.
    pub exit: u8,
    /// What a command found that ends badly because of what it found.
    pub summary: Option<Box<Value>>,
}

impl Fault {
    /// What is wrong, under its code.
    pub fn new(code: &str, message: String) -> Self {
        Self {
            code: code.to_owned(),
            cause: message,
            advice: None,
            facts: Vec::new(),
            exit: 1,
            summary: None,
        }
    }

    /// What a library says is wrong, with what to do about it; `more` are facts that the library
    /// does not know.
    pub fn of(error: &dyn Coded, more: &[Fact]) -> Self {
        Self::said_in(lang(), error, more)
    }

    /// The same in a language.
    pub fn said_in(lang: Lang, error: &dyn Coded, more: &[Fact]) -> Self {
        let facts = [&error.facts()[..], more].concat();
        let advice = advice(lang, error.code(), error.blame(), &facts);
        Self { advice, facts, ..Self::new(error.code(), lang.of(error)) }
    }

    /// The same about a file that the library does not know.
    pub fn about(self, path: &Path) -> Self {
        Self { cause: text!("{path:?}: {}", "{path:?} : {}", self.cause), ..self }
    }

    /// The same with other advice.
    pub fn advising(self, advice: String) -> Self {
        Self { advice: Some(advice), ..self }
    }

    /// The same with more advice.
    pub fn and(self, more: &str) -> Self {
        let advice = self.advice.map_or_else(
            || more.to_owned(),
            |advice| text!("{advice}; {more}", "{advice} ; {more}"),
        );
        Self { advice: Some(advice), ..self }
    }

    /// Arguments that do not go together.
    pub fn usage(message: String) -> Self {
        Self { exit: 2, ..Self::new("usage", message) }
    }

    /// A file that is not what it should be.
    pub fn form(path: &Path, expected: &Words) -> Self {
        let expected = said(expected);
        Self::new(
            "file-form",
            text!(
                "{path:?} is not {expected}, or was damaged: check the path, or ask for the file again",
                "{path:?} n'est pas {expected}, ou a été endommagé : vérifiez le chemin, ou redemandez le fichier"
            ),
        )
    }

    /// Everything was done and shown, and something must be accounted for.
    pub fn not_in_order(summary: Value) -> Self {
        Self { exit: 3, ..Self::new("", String::new()).with(summary) }
    }

    /// The same with the summary of what was found.
    pub fn with(self, summary: Value) -> Self {
        Self { summary: Some(Box::new(summary)), ..self }
    }

    /// What is wrong and what to do, in one line.
    pub fn text(&self) -> String {
        self.text_in(lang())
    }

    /// The same with the signs of a language.
    pub fn text_in(&self, lang: Lang) -> String {
        let cause = &self.cause;
        let text = match &self.advice {
            Some(advice) => text!(in lang, "{cause}: {advice}", "{cause} : {advice}"),
            None => cause.clone(),
        };
        text.replace(['\n', '\r'], " ")
    }

    /// The summary of a command that ends so: what it found, and the error, if it is one.
    pub fn answer(&self) -> Value {
        let mut summary = self.summary.as_deref().cloned().unwrap_or_else(|| json!({}));
        if self.code.is_empty() {
            return summary;
        }
        let mut facts = BTreeMap::<&str, Vec<&str>>::new();
        for fact in &self.facts {
            facts.entry(fact.name()).or_default().push(fact.value());
        }
        summary["error"] = json!({
            "code": self.code,
            "message": self.cause,
            "advice": self.advice,
            "facts": facts,
            "exit": self.exit,
        });
        summary
    }

    /// The line on standard error.
    pub fn line(&self) -> Option<String> {
        (!self.code.is_empty()).then(|| format!("error[{}]: {}", self.code, self.text()))
    }
}

impl<E: Coded> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::of(&error, &[])
    }
}

/// A panic, whose hook has said it.
pub fn panicked() -> Fault {
    Fault::new("internal", text!("internal error", "erreur interne")).advising(text!(
        "please report it, then repeat the command",
        "merci de la signaler, puis relancez la commande"
    ))
}

/// What is said of a panic: where it was, never what it says, which could hold data.
pub fn panic_line(info: &PanicHookInfo<'_>) -> String {
    let place =
        info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
    text!(
        "error[internal]: internal error{place}: please report this line, then repeat the command",
        "error[internal]: erreur interne{place} : merci de signaler cette ligne, puis relancez la commande"
    )
}
