//! `controller check`: what files of codes hold, whether they can be joined, and which of a folder
//! are of a former generation.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use cstatns::code::Generation;
use cstatns::coded::{Blame, Coded as _};
use cstatns::files::FileError;
use cstatns::report::report_path;
use cstatns_controller::{CheckError, FileFacts, check};
use cstatns_rows::csv::Delimiter;
use cstatns_rows::table::{Format, Source};
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::lang::text;
use crate::output::Program;
use crate::settings::Settings;

/// So deep folders in a folder are looked at.
const DEEPEST: usize = 4;

/// Show what files of codes hold, and refuse files that cannot be joined; or show which files of a
/// folder are of a former generation
#[derive(Args)]
#[command(after_help = "Examples:
  cstatns controller check courses-coded.csv wages-coded.csv
  cstatns controller check data
Of a folder, all files of codes in it are shown, which need not go together. Where the folder has files of one service and
domain of two generations, those of the former one are named with the command that makes their request for renewal. Whether
there is a later generation that no file here has, the service knows: `service status HOME --to-renew DOMAIN`.")]
pub(crate) struct CheckArgs {
    /// Files with a column `code`, or with several C_code; or folders
    #[arg(required = true, value_name = "FILE|FOLDER")]
    files: Vec<PathBuf>,
}

impl CheckArgs {
    pub(super) fn run(self, program: &Program) -> Result<Value, Fault> {
        if self.files.iter().any(|file| file.is_dir()) {
            return survey(program, &self.files);
        }
        let facts = check(&self.files)?;
        facts.iter().for_each(|file| program.tell(line_of(file)));
        if facts.len() > 1 {
            program.say(text!(
                "these files can be joined on their codes",
                "ces fichiers peuvent s'apparier sur leurs codes"
            ));
        }
        let summary = json!({ "files": facts.iter().map(summary_of).collect::<Vec<_>>() });
        ended(program, &facts, summary)
    }
}

/// Ends with 3 where nothing says of which service and domain the codes of a file are.
fn ended(program: &Program, files: &[FileFacts], summary: Value) -> Result<Value, Fault> {
    let unknown: Vec<_> = files.iter().filter(|file| file.domain.is_none()).collect();
    for file in &unknown {
        program.say(text!(
            "warning: {:?}: its report is not beside it, so nothing says of which service and domain its codes \
            are: put {:?} back",
                "attention : {:?} : son rapport n'est pas à côté, et rien ne dit de quel service et de quel domaine sont \
                    ses codes : remettez {:?}",
            file.path,
            report_path(&file.path)
        ));
    }
    if unknown.is_empty() { Ok(summary) } else { Err(Fault::not_in_order(summary)) }
}

fn line_of(file: &FileFacts) -> String {
    let unknown = text!("unknown", "inconnu");
    text!(
        "{}: domain {}, generation {}, {} rows, {} distinct codes (tag {}, service {})",
        "{} : domaine {}, génération {}, {} lignes, {} codes distincts (étiquette {}, service {})",
        file.path.display(),
        file.domain.as_ref().map_or(&*unknown, |domain| domain.as_str()),
        file.generation,
        file.rows,
        file.distinct_codes,
        file.tag,
        file.service.as_deref().unwrap_or(&unknown),
    )
}

fn summary_of(file: &FileFacts) -> Value {
    json!({
        "file": file.path,
        "columns": file.columns,
        "service": file.service.as_deref(),
        "domain": file.domain,
        "tag": file.tag.as_str(),
        "generation": file.generation,
        "rows": file.rows,
        "distinct_codes": file.distinct_codes,
    })
}

/// Every file of codes in the folders, and which are of a former generation.
fn survey(program: &Program, places: &[PathBuf]) -> Result<Value, Fault> {
    let mut paths = Vec::new();
    for place in places {
        match place.is_dir() {
            true => paths.extend(tables_in(place, DEEPEST)?),
            false => paths.push(place.clone()),
        }
    }
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for path in &paths {
        // A request or a result has `index`: it is on its way.
        match Source::open(path, Delimiter::Under("code")).map(|source| is_coded(&source)) {
            Ok(Ok(true)) => {}
            Ok(_) => continue,
            Err(error) if error.blame() == Blame::Input => continue,
            Err(error) => {
                unread.push(path);
                program.say(text!(
                    "warning: {path:?}: {}",
                    "attention : {path:?} : {}",
                    Fault::from(error).text()
                ));
                continue;
            }
        }
        match check([path]) {
            Ok(facts) => found.extend(facts),
            // What it has are columns such as `postal_code`.
            Err(CheckError::NoCodes { .. }) => {}
            Err(error) => {
                unread.push(path);
                program.say(text!(
                    "warning: {path:?}: {}",
                    "attention : {path:?} : {}",
                    Fault::from(error).text()
                ));
            }
        }
    }
    let (mut files, mut told) = (Vec::new(), BTreeSet::new());
    for file in &found {
        program.tell(line_of(file));
        let same = found.iter().filter(|other| other.tag == file.tag);
        let newest = same.max_by_key(|other| other.generation).unwrap_or(file);
        let mut summary = summary_of(file);
        if newest.generation > file.generation {
            let gone = newest.left_out.contains(&file.generation);
            let renewal = if gone { None } else { Some(renewal(file)?) };
            let is_new = told.insert((&file.report_of, newest.generation));
            tell_former(program, newest.generation, renewal.as_deref().filter(|_| is_new), gone);
            summary["newest"] = json!(newest.generation);
            summary["renewal"] = json!(renewal);
        }
        files.push(summary);
    }
    if found.is_empty() {
        program.say(text!("no file of codes is there", "il n'y a là aucun fichier de codes"));
    }
    ended(program, &found, json!({ "files": files, "unread": unread }))
}

/// One command renews all files that were attached together.
fn tell_former(program: &Program, newest: Generation, renewal: Option<&str>, is_gone: bool) {
    program.tell(match renewal {
        Some(command) => text!("  of a former generation, {newest} is here too: {command}",
            "  d'une ancienne génération, {newest} est là aussi : {command}"),
        None if !is_gone => text!(
            "  of a former generation, {newest} is here too: it is renewed with the files above of its folder",
            "  d'une ancienne génération, {newest} est là aussi : il se renouvelle avec les fichiers ci-dessus de son \
                dossier"
        ),
        None => text!(
            "  of a former generation, {newest} is here too, and its key is lost: no renewal brings it there",
            "  d'une ancienne génération, {newest} est là aussi, et sa clé est perdue : aucun renouvellement ne l'y amène"
        ),
    });
}

/// The command that prepares the renewal of a file.
fn renewal(file: &FileFacts) -> Result<String, Fault> {
    let data = &file.report_of;
    let settings = match data.is_dir() {
        true => Settings::of(data)?.or(|| Settings::beside(data))?,
        false => Settings::beside(data)?,
    };
    let mut command = format!("cstatns controller prepare {}", quoted(data));
    for column in &file.columns {
        command.push_str(&format!(" --code-column {}", quoted(Path::new(column))));
    }
    if settings.service.is_none() {
        command.push_str(" --service CARD");
    }
    if settings.domain.is_none() || settings.domain != file.domain {
        let domain = file.domain.as_ref().map_or("DOMAIN", |domain| domain.as_str());
        command.push_str(&format!(" --domain {domain}"));
    }
    let first = file.columns.first().map_or("code", String::as_str);
    let source = Source::open(&file.path, Delimiter::Under(first))?;
    if let (Format::Csv | Format::Text(_), between) =
        (Format::of(&file.path)?, source.table().delimiter())
        && between != b','
        && settings.delimiter() != Some(between)
    {
        let between =
            if between == b'\t' { "tab".into() } else { format!("'{}'", between as char) };
        command.push_str(&format!(" --delimiter {between}"));
    }
    let beside = |what: &str| {
        let name = data.file_name().unwrap_or_default().to_string_lossy();
        let (stem, extension) = name.split_once('.').unwrap_or((&*name, "csv"));
        quoted(&data.with_file_name(format!("{stem}.{what}.{extension}")))
    };
    command.push_str(&format!(
        " --request {} --retained {}",
        beside("renewal"),
        beside("retained")
    ));
    Ok(command)
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Whether a table has codes, and is neither a request nor a result.
fn is_coded(source: &Source) -> Result<bool, Fault> {
    let table = source.table();
    let is_code = |name: &[u8]| name == b"code" || name.ends_with(b"_code");
    // Under another delimiter all names are one.
    let names = |name: &Vec<u8>| name.split(|byte| b";\t|".contains(byte)).any(is_code);
    Ok(table.header().iter().any(names) && table.find("index")?.is_none())
}

/// The files of a folder, and of those in it, that may be tables, by their names.
fn tables_in(folder: &Path, deep: usize) -> Result<Vec<PathBuf>, Fault> {
    let failed = |error: &std::io::Error| FileError::from_io(folder, error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        found.push(entry.map_err(|error| failed(&error))?.path());
    }
    found.sort();
    let mut tables = Vec::new();
    for path in found {
        if path.is_file() && Format::of(&path).is_ok() {
            tables.push(path);
        } else if deep > 0 && path.is_dir() && !path.is_symlink() {
            tables.extend(tables_in(&path, deep - 1)?);
        }
    }
    Ok(tables)
}
