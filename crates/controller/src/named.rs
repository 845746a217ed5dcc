//! What the columns of codes are called, where there are several (SPEC §6).

use cstatns_base::coded::ColumnName;
use cstatns_rows::guard::names::trimmed;
use cstatns_rows::table::Table;

/// The columns of the codes of a column that was sent, and of their qualities.
pub(crate) struct Names {
    /// As they are written.
    pub(crate) code: Vec<u8>,
    pub(crate) quality: Vec<u8>,
    /// The column in which the data of a renewal has the qualities.
    pub(crate) known: Option<usize>,
}

/// Why columns cannot be called so: the column of the data that is in the way.
pub(crate) enum Clash {
    /// It has a name that is needed.
    Reserved(usize),
    /// Nothing can be called after its name.
    Unnamed(usize),
    /// What is called after its name has that of another.
    Twice(usize),
}

impl Names {
    /// Those for several columns `sent`: `C_code` and `C_quality` for a column `C`. In a renewal a
    /// column that is called `code` or `C_code` keeps its name, and its quality its place.
    pub(crate) fn of(table: &Table, sent: &[usize], renewal: bool) -> Result<Vec<Self>, Clash> {
        let folded = |name: &[u8]| trimmed(name).to_lowercase();
        let header: Vec<String> = table.header().iter().map(|name| folded(name)).collect();
        let mut names = Vec::with_capacity(sent.len());
        let mut taken: Vec<String> = Vec::with_capacity(2 * sent.len());
        for column in sent.iter().copied() {
            let name = table.header().get(column).ok_or(Clash::Unnamed(column))?;
            // Of a file without a header it is somebody's identifier.
            if ColumnName::could_be_value(name) || trimmed(name).is_empty() {
                return Err(Clash::Unnamed(column));
            }
            let written = &table.written_header()[column];
            let stays = renewal && (written == b"code" || written.ends_with(b"_code"));
            let with = |word: &str| match stays {
                true => [&written[..written.len() - "code".len()], word.as_bytes()].concat(),
                false => [written, &b"_"[..], word.as_bytes()].concat(),
            };
            let alike = |word: &str| match stays {
                true => header[column][..header[column].len() - "code".len()].to_owned() + word,
                false => format!("{}_{word}", header[column]),
            };
            let [code, quality] = ["code", "quality"].map(alike);
            if taken.contains(&code) || taken.contains(&quality) {
                return Err(Clash::Twice(column));
            }
            let mut known = None;
            for (other, found) in header.iter().enumerate() {
                if *found == code && !(stays && other == column) {
                    return Err(Clash::Reserved(other));
                }
                if *found == quality {
                    let is_former = renewal && table.written_header()[other] == with("quality");
                    if !is_former || known.replace(other).is_some() {
                        return Err(Clash::Reserved(other));
                    }
                }
            }
            taken.extend([code, quality]);
            names.push(Self { code: with("code"), quality: with("quality"), known });
        }
        Ok(names)
    }
}
