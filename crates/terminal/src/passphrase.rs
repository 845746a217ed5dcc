//! Passphrases, typed or from a file: the same text is the same passphrase however it was written,
//! and a new one is not guessed (SPEC §8).

use std::io::{self, ErrorKind};
use std::path::Path;
use std::str;

use cstatns_base::files;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;

/// How often a passphrase is asked for.
const TRIES: u8 = 3;
/// Characters that a new one has at least.
const SHORTEST: usize = 12;
/// A new one takes more than 10¹⁰ guesses.
const WEAKEST: Score = Score::Four;
/// More than a file with one is long, in bytes.
const LONGEST: u64 = 4096;
/// The most bytes that one in NFC has for each byte that was given.
const GROWTH: usize = 3;

/// What is derived from: UTF-8 in NFC.
pub type Passphrase = Zeroizing<Vec<u8>>;

/// The passphrase in a file.
pub fn read_passphrase(program: &Program, path: &Path) -> Result<Passphrase, Fault> {
    let bytes = Zeroizing::new(files::read_also_pipe(path, LONGEST)?);
    program.warn_of_others(path);
    let text = decoded(&bytes).ok_or_else(|| {
        let text = text!("the passphrase is not text in UTF-8, or in UTF-16 with its mark: save the file as UTF-8",
            "la phrase de passe n'est pas du texte en UTF-8, ou en UTF-16 avec sa marque : enregistrez le fichier en UTF-8");
        Fault::new("passphrase-encoding", text).about(path)
    })?;
    // However many line ends an editor leaves.
    normalised(text.trim_end_matches(['\n', '\r'])).map_err(|fault| fault.about(path))
}

/// Asks for the passphrase of a file.
pub fn ask_for(file: &Path, prompt: &str) -> Result<Passphrase, Fault> {
    normalised(&ask(prompt).map_err(|error| needed(file, &error))?)
}

/// Asks for a passphrase until `open` opens something with it, or has failed as often as may be: a
/// slip of one hand must not send everybody who has approved home. `open` is told whether it is
/// asked for again.
pub fn asked<T>(
    program: &Program,
    prompt: &str,
    unasked: impl Fn(&io::Error) -> Fault,
    open: impl Fn(&[u8], bool) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        let typed = normalised(&ask(prompt).map_err(|error| unasked(&error))?);
        match typed.and_then(|passphrase| open(&passphrase, tries > 0)) {
            Err(fault) if tries > 0 && fault.code.starts_with("passphrase-") => {
                program.say(text!("{}: once more", "{} : encore une fois", fault.text()));
            }
            outcome => return outcome,
        }
    }
}

/// A passphrase is needed, and was not typed.
pub fn needed(file: &Path, error: &io::Error) -> Fault {
    let how = untyped(error);
    Fault::new(
        "passphrase-needed",
        text!(
            "a passphrase is needed for {file:?}: {how}",
            "il faut une phrase de passe pour {file:?} : {how}"
        ),
    )
}

/// A new passphrase from a file, or typed twice, for what will lie at `path`. `known` is what a
/// guesser tries first.
pub fn new_passphrase(
    program: &Program,
    file: Option<&Path>,
    path: &Path,
    known: &[&str],
) -> Result<Passphrase, Fault> {
    if let Some(file) = file {
        let passphrase = read_passphrase(program, file)?;
        // An empty one is refused by what is made, which knows what else it takes.
        if !passphrase.is_empty() {
            check(&passphrase, known)?;
        }
        return Ok(passphrase);
    }
    program.say(text!(
        "choose a passphrase for {path:?}: at least {SHORTEST} characters, and not to be guessed: four words \
        or more that have nothing to do with each other, no name, no saying",
            "choisissez une phrase de passe pour {path:?} : au moins {SHORTEST} caractères, et que personne ne devine : \
                quatre mots ou plus sans rapport entre eux, pas de nom, pas de dicton"
    ));
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match typed_twice(path, known)? {
            Err(fault) if tries > 0 => {
                program.say(text!("{}; once more", "{} ; encore une fois", fault.text()))
            }
            outcome => return outcome,
        }
    }
}

/// Asks for a new passphrase, and again where it can be taken. The outer error is that nothing was
/// typed.
fn typed_twice(path: &Path, known: &[&str]) -> Result<Result<Passphrase, Fault>, Fault> {
    let typed = |prompt: &str| ask(prompt).map_err(|error| needed(path, &error));
    let first = normalised(&typed(&text!("new passphrase: ", "nouvelle phrase de passe : "))?);
    let checked = first.and_then(|first| check(&first, known).map(|()| first));
    let Ok(first) = checked else { return Ok(checked) };
    Ok(match normalised(&typed(&text!("the same again: ", "la même, encore une fois : "))?) {
        Ok(second) if first == second => Ok(first),
        _ => Err(Fault::new(
            "passphrase-differs",
            text!(
                "the two passphrases differ: try again",
                "les deux phrases de passe diffèrent : essayez encore"
            ),
        )),
    })
}

/// Refuses a new passphrase that is short or would be guessed.
fn check(passphrase: &[u8], known: &[&str]) -> Result<(), Fault> {
    let text = str::from_utf8(passphrase).unwrap_or_default();
    if text.chars().count() < SHORTEST {
        return Err(Fault::new(
            "passphrase-short",
            text!(
                "the passphrase has fewer than {SHORTEST} characters, which a machine guesses: take several words",
                "la phrase de passe a moins de {SHORTEST} caractères, ce qu'une machine devine : prenez plusieurs mots"
            ),
        ));
    }
    let parts = known.iter().flat_map(|known| known.split('-').chain([*known]));
    let known: Vec<&str> = parts.chain(["cstatns", "custodian", "passphrase"]).collect();
    if zxcvbn(text, &known).score() < WEAKEST {
        return Err(Fault::new(
            "passphrase-weak",
            text!(
                "the passphrase is one that a machine guesses: take four words or more that have nothing to do with \
            each other, no name, no saying",
                "la phrase de passe est de celles qu'une machine devine : prenez quatre mots ou plus sans rapport entre \
                    eux, pas de nom, pas de dicton"
            ),
        ));
    }
    Ok(())
}

/// The text of a file: UTF-8, or UTF-16 with its byte order mark.
fn decoded(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(GROWTH * bytes.len()));
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes, &mut text)?,
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes, &mut text)?,
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => text.push_str(str::from_utf8(rest).ok()?),
    }
    // UTF-16 without its mark reads as letters with zeros between them.
    (!text.contains('\0')).then_some(text)
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16, text: &mut String) -> Option<()> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().copied().map(unit))
        .try_for_each(|found| found.map(|found| text.push(found)).ok())
}

/// The same characters whatever keyboard or system wrote them.
fn normalised(text: &str) -> Result<Passphrase, Fault> {
    if text.contains(['\n', '\r']) {
        let text = text!(
            "a passphrase is one line, and there is another one: take it away",
            "une phrase de passe tient en une ligne, et il y en a une autre : enlevez-la"
        );
        return Err(Fault::new("passphrase-lines", text));
    }
    if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        let text = text!(
            "the passphrase begins or ends with a space, which nobody sees: leave it out",
            "la phrase de passe commence ou finit par une espace, que personne ne voit : enlevez-la"
        );
        return Err(Fault::new("passphrase-space", text));
    }
    let mut normal = Zeroizing::new(Vec::with_capacity(GROWTH * text.len()));
    for one in text.nfc() {
        normal.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(normal)
}

fn ask(prompt: &str) -> io::Result<Zeroizing<String>> {
    rpassword::prompt_password(prompt).map(Zeroizing::new)
}

/// What to do where nothing was typed: the person at the terminal ended the input, or there is no
/// terminal.
pub fn untyped(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            text!(
                "give its passphrase; none was typed, and nothing is done without it",
                "donnez sa phrase de passe ; rien n'a été tapé, et rien ne se fait sans elle"
            )
        }
        _ => text!(
            "give its passphrase; there is no terminal to ask at, use --passphrase-file",
            "donnez sa phrase de passe ; il n'y a pas de terminal où la demander, utilisez --passphrase-file"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<String, String> {
        let text = decoded(bytes).ok_or("encoding")?;
        match normalised(text.trim_end_matches(['\n', '\r'])) {
            Ok(text) => Ok(String::from_utf8(text.to_vec()).unwrap()),
            Err(fault) => Err(fault.code),
        }
    }

    #[test]
    fn one_text_is_one_passphrase_however_it_was_written() {
        // "Né à 5 h": composed, as most keyboards type it; decomposed, as macOS writes names.
        let nfc = b"N\xc3\xa9 \xc3\xa0 5 h";
        let nfd = b"Ne\xcc\x81 a\xcc\x80 5 h";
        let utf_16_le = b"\xff\xfeN\0\xe9\0 \0\xe0\0 \x005\0 \0h\0";
        let utf_16_be_nfd = b"\xfe\xff\0N\0e\x03\x01\0 \0a\x03\0\0 \x005\0 \0h";
        let text = Ok("Né à 5 h".to_owned());
        for bytes in [&nfc[..], nfd, utf_16_le, utf_16_be_nfd] {
            assert_eq!(of(bytes), text, "{bytes:02x?}");
        }
        let with = |before: &[u8], after: &[u8]| [before, nfc, after].concat();
        for end in ["\n", "\r\n", "\r", "\n\n"] {
            assert_eq!(of(&with(b"", end.as_bytes())), text, "{end:?}");
        }
        assert_eq!(of(&with(b"\xef\xbb\xbf", b"\r\n")), text);
        assert_eq!(of(&[&utf_16_le[..], b"\r\0\n\0"].concat()), text);
        // Compatibility is not equality: a ligature stays what it is.
        assert_eq!(of("\u{fb01}n".as_bytes()), Ok("\u{fb01}n".to_owned()));
        // The most that a character grows by.
        let grows = "\u{1d160}".repeat(20);
        let normal = normalised(&grows).unwrap();
        assert!(normal.len() <= GROWTH * grows.len(), "{}", normal.len());
    }

    #[test]
    fn what_cannot_be_one_is_said_in_its_own_word() {
        for bytes in
            [&b"N\xe9 \xe0 5 h"[..], b"N\0\xe9\0", b"o\0n\0e\0", b"\xff\xfeN", b"\xff\xfe\0\xd8"]
        {
            assert_eq!(of(bytes), Err("encoding".to_owned()), "{bytes:02x?}");
        }
        for lines in ["one\ntwo", "one\r\ntwo\n", "one\rtwo"] {
            assert_eq!(of(lines.as_bytes()), Err("passphrase-lines".to_owned()), "{lines:?}");
        }
        for spaced in ["one ", " one", "one\t\n", "one\u{a0}"] {
            assert_eq!(of(spaced.as_bytes()), Err("passphrase-space".to_owned()), "{spaced:?}");
        }
    }

    #[test]
    fn a_new_one_is_long_and_takes_many_guesses() {
        let checked =
            |text: &str| check(text.as_bytes(), &["anne-marie"]).map_err(|fault| fault.code);
        for good in [
            "eleven plus one",
            "the passphrase of alice",
            "douze lettré",
            "mouette grenier sabot ficelle",
        ] {
            assert_eq!(checked(good), Ok(()), "{good}");
        }
        for short in ["", "abc", "onze lettré"] {
            assert_eq!(checked(short), Err("passphrase-short".to_owned()), "{short}");
        }
        for weak in [
            "aaaaaaaaaaaa",
            "123456789012",
            "azertyuiopqsdfgh",
            "password1234",
            "abcabcabcabcabc",
            "anne-marieanne-marie",
            "cstatns custodian",
            "passphrase 2026",
        ] {
            assert_eq!(checked(weak), Err("passphrase-weak".to_owned()), "{weak}");
        }
    }
}
