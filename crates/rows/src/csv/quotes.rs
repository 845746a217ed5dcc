//! Which quotes of a row open and close a field, beside the core of `csv`, which reads text behind
//! a closing quote as a part of the field (RFC 4180 allows only a delimiter or a line break there).
//!
//! Why refuse it: a stray quote pairs with the next one, however far below, and the rows between
//! become one cell.

use memchr::{memchr, memchr_iter, memchr3};

/// Where a row stands between its quotes.
#[derive(Clone, Copy)]
enum State {
    /// Not within quotes. A quote opens a field only at the beginning of one.
    Outside,
    Inside,
    /// Behind a quote within quotes: the next byte decides whether it closes the field or is the
    /// first of two.
    Behind,
}

/// Follows the quotes of a row, through as many pieces as it comes in.
pub(super) struct Quotes {
    delimiter: u8,
    state: State,
    /// The byte before the next one.
    before: u8,
    /// The line on which the next byte stands, and the one on which the last quoted field opened,
    /// from 1.
    line: u64,
    opened: u64,
    /// Whether a field holds a line break.
    breaks: bool,
    /// Where it is asked for, the field that the next byte is of, and which fields are in quotes.
    fields: Option<(usize, Vec<usize>)>,
}

/// Text behind a closing quote: the lines on which it stands and on which its field opened.
pub(super) struct Stray {
    pub(super) line: u64,
    pub(super) opened: u64,
}

impl Quotes {
    pub(super) fn new(delimiter: u8) -> Self {
        let (state, before) = (State::Outside, b'\n');
        Self { delimiter, state, before, line: 1, opened: 1, breaks: false, fields: None }
    }

    /// From now on it is known which fields are in quotes.
    pub(super) fn keep_fields(&mut self) {
        self.fields = Some((0, Vec::new()));
    }

    /// Which fields of the row are in quotes, ascending.
    pub(super) fn fields(&self) -> Option<&[usize]> {
        self.fields.as_ref().map(|(_, fields)| &fields[..])
    }

    /// Begins a row on this line.
    pub(super) fn begin(&mut self, line: u64) {
        let mut fields = self.fields.take();
        if let Some((at, fields)) = &mut fields {
            *at = 0;
            fields.clear();
        }
        *self = Self { line, opened: line, fields, ..Self::new(self.delimiter) };
    }

    /// Whether a field of the row holds a line break.
    pub(super) fn has_breaks(&self) -> bool {
        self.breaks
    }

    /// Passes over bytes that are not in quotes.
    fn pass(&mut self, bytes: &[u8]) {
        if let Some((at, _)) = &mut self.fields {
            *at += memchr_iter(self.delimiter, bytes).count();
        }
    }

    /// Takes the next bytes of the row.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), Stray> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.state {
                State::Outside => {
                    let Some(quote) = memchr(b'"', rest) else {
                        self.pass(rest);
                        break;
                    };
                    self.pass(&rest[..quote]);
                    at += quote;
                    let before = if at == 0 { self.before } else { bytes[at - 1] };
                    if before == self.delimiter || matches!(before, b'\r' | b'\n') {
                        (self.state, self.opened) = (State::Inside, self.line);
                        self.fields.iter_mut().for_each(|(at, fields)| fields.push(*at));
                    }
                }
                State::Inside => {
                    let Some(found) = memchr3(b'"', b'\r', b'\n', rest) else { break };
                    at += found;
                    match bytes[at] {
                        b'"' => self.state = State::Behind,
                        byte => {
                            self.breaks = true;
                            self.line += u64::from(byte == b'\n');
                        }
                    }
                }
                State::Behind => match rest[0] {
                    b'"' => self.state = State::Inside,
                    byte if byte == self.delimiter || matches!(byte, b'\r' | b'\n') => {
                        self.state = State::Outside;
                        self.pass(&[byte]);
                    }
                    _ => return Err(Stray { line: self.line, opened: self.opened }),
                },
            }
            at += 1;
        }
        self.before = bytes.last().copied().unwrap_or(self.before);
        Ok(())
    }
}
