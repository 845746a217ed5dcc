//! The language of everything that a person reads: found once, before the command line is read.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::ErrorKind;
use std::sync::OnceLock;

use cstatns_base::files;
use cstatns_base::language::French;
pub use cstatns_base::language::Lang;
#[doc(hidden)]
pub use cstatns_base::text as words_of;

static LANG: OnceLock<Lang> = OnceLock::new();

/// The language of this process.
pub fn lang() -> Lang {
    LANG.get().copied().unwrap_or(Lang::En)
}

/// Finds it: for what comes before the command line is understood, such as its help.
pub(crate) fn set_lang() {
    let _ = LANG.set(find(std::env::args_os(), |name| std::env::var_os(name)));
}

/// What `--lang` takes.
pub(crate) fn named(text: &str) -> Result<Lang, String> {
    match text {
        "en" => Ok(Lang::En),
        "fr" => Ok(Lang::Fr),
        _ => Err(text!("en or fr", "en ou fr")),
    }
}

/// `--lang` of the command line, else what the locale begins with.
fn find(
    arguments: impl IntoIterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Lang {
    let mut words =
        arguments.into_iter().map(|word| word.into_string().unwrap_or_default()).take_while(
            // Behind it are no options.
            |word| word != "--",
        );
    let mut said = None;
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--lang") {
            Some("") => words.next(),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        said = value.and_then(|value| named(&value).ok()).or(said);
    }
    said.unwrap_or_else(|| {
        let set = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
        let name = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find(set);
        let locale = name.and_then(&variable).unwrap_or_default();
        if locale.to_string_lossy().starts_with("fr") { Lang::Fr } else { Lang::En }
    })
}

/// `said` in the language of this process.
pub fn said<T: Display + French + ?Sized>(said: &T) -> String {
    lang().of(said)
}

/// Why the system refused something.
pub fn kind(kind: ErrorKind) -> String {
    match lang() {
        Lang::En => kind.to_string(),
        Lang::Fr => files::words_fr(kind).to_owned(),
    }
}

/// What is said, as `format!` takes it, in English and in French, in the language of the process;
/// or `in` another one, such as English where `--json` has it.
#[macro_export]
macro_rules! text {
    (in $($rest:tt)*) => {
        $crate::lang::words_of!(in $($rest)*)
    };
    ($($rest:tt)*) => {
        $crate::lang::words_of!(in $crate::lang::lang(), $($rest)*)
    };
}
pub use text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_before_the_locale_and_the_locale_before_english() {
        let found = |line: &str, set: &[(&str, &str)]| {
            let words = line.split(' ').map(OsString::from);
            find(words, |name| {
                set.iter().find(|(of, _)| *of == name).map(|(_, value)| OsString::from(value))
            })
        };
        for (line, set, lang) in [
            ("cstatns demo", &[][..], Lang::En),
            ("cstatns demo --lang fr", &[], Lang::Fr),
            ("cstatns --lang=fr demo", &[("LANG", "en_GB.UTF-8")], Lang::Fr),
            ("cstatns demo --lang en", &[("LC_ALL", "fr_FR.UTF-8")], Lang::En),
            ("cstatns demo", &[("LANG", "fr_FR.UTF-8")], Lang::Fr),
            ("cstatns demo", &[("LANG", "fr_FR.UTF-8"), ("LC_ALL", "C")], Lang::En),
            ("cstatns demo", &[("LANG", "C"), ("LC_MESSAGES", "fr_BE")], Lang::Fr),
            ("cstatns demo", &[("LANG", "fr_CH"), ("LC_ALL", "")], Lang::Fr),
            ("cstatns demo", &[("LANG", "de_CH.UTF-8")], Lang::En),
            // What is no language is refused later, in that of the locale.
            ("cstatns demo --lang de", &[("LANG", "fr_FR.UTF-8")], Lang::Fr),
            ("cstatns demo --lang", &[], Lang::En),
            ("cstatns demo -- --lang fr", &[], Lang::En),
            ("cstatns demo --language fr", &[], Lang::En),
        ] {
            assert_eq!(found(line, set), lang, "{line} {set:?}");
        }
    }
}
