//! The page of a kit on paper: one file of HTML for one sheet of A4, with its QR codes in it, no
//! script, and nothing from elsewhere.

use std::fmt::Write;

use cstatns::card::spoken;
use cstatns::custody::custodian::Paper;
use jiff::Timestamp;
use qrcodegen::{QrCode, QrCodeEcc};

use crate::lang::text;

/// Lines in one QR code: few enough that a telephone reads it from paper.
const LINES: usize = 7;
/// The white around a QR code, in its modules.
const QUIET: i32 = 4;

const STYLE: &str = "
@page{size:A4;margin:12mm 15mm}
*{box-sizing:border-box}
:root{color-scheme:light}
body{margin:0 auto;max-width:180mm;background:#fff;color:#000;font:10.5pt/1.35 system-ui,sans-serif}
h1{font-size:16pt;margin:0 0 2mm}
h2{font-size:11pt;margin:4mm 0 1mm}
p{margin:0 0 2mm}
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 4mm;margin:0 0 2mm}
dd{margin:0}
code,pre{font-family:'DejaVu Sans Mono','Liberation Mono',Consolas,Menlo,monospace}
pre{margin:0;font-size:12pt;line-height:1.3;font-weight:600}
.codes{display:flex;gap:6mm;margin:2mm 0}
figure{margin:0;width:54mm}
figcaption{font-size:8pt;text-align:center}
svg{display:block;width:100%;height:auto}
@media screen{body{padding:12mm 15mm;max-width:210mm}}
";

/// The page, as text.
pub(super) fn page(paper: &Paper, now: Timestamp) -> String {
    let body = &paper.card.body;
    let name = &body.name;
    let title = text!("Kit of {name} on paper", "Trousse de {name} sur papier");
    let external = match body.external {
        true => text!("{name} (external)", "{name} (externe)"),
        false => name.to_string(),
    };
    let day = now.to_string();
    let day = day.split('T').next().unwrap_or_default();
    let facts = [
        (text!("Custodian", "Détenteur"), external),
        (text!("Service", "Service"), paper.service.clone()),
        (text!("Epoch", "Époque"), paper.epoch.to_string()),
        (text!("Card", "Carte"), spoken(&paper.card.fingerprint())),
        (text!("Printed", "Imprimé"), day.to_owned()),
    ];
    let facts: String = facts.iter().fold(String::new(), |mut rows, (name, value)| {
        let _ = writeln!(rows, "<dt>{name}</dt><dd><code>{value}</code></dd>");
        rows
    });
    let lines: Vec<&str> = paper.lines.split_inclusive('\n').collect();
    let typed: String = lines.iter().map(|line| aligned(line)).collect();
    let codes: String =
        lines.chunks(LINES).enumerate().map(|(at, part)| code(at * LINES, part)).collect();
    let count = lines.len();
    format!(
        "<!DOCTYPE html>
<html lang=\"{}\">
<head>
<meta charset=\"utf-8\"/>
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<dl>
{facts}</dl>
<p>{}</p>
<h2>{}</h2>
<pre>
{typed}</pre>
<h2>{}</h2>
<div class=\"codes\">
{codes}</div>
<h2>{}</h2>
<p>{}</p>
<p>{}</p>
</main>
</body>
</html>
",
        text!("en", "fr"),
        text!(
            "<strong>Whoever has this sheet and its passphrase has the kit.</strong> Keep the sheet where the kit is \
                not, and the passphrase apart from both.",
                "<strong>Qui a cette feuille et sa phrase de passe a la trousse.</strong> Gardez la feuille là où la \
                    trousse n'est pas, et la phrase de passe ailleurs encore."
        ),
        text!(
            "The kit, sealed: {count} lines. Characters: 0 to 9, A to Z without I, L, O, U",
            "La trousse, scellée : {count} lignes. Caractères : 0 à 9, A à Z sans I, L, O, U"
        ),
        text!("The same lines as QR codes", "Les mêmes lignes en codes QR"),
        text!("To make the kit again", "Pour refaire la trousse"),
        text!(
            "Type all lines with their numbers into a file (or read the codes, one after the other), then: <code>cstatns \
            custodian import lines.txt KIT</code>. A line with an error is named. The kit does not remember what it had \
            stated.",
                "Tapez toutes les lignes avec leurs numéros dans un fichier (ou lisez les codes, l'un après l'autre), \
                    puis : <code>cstatns custodian import lignes.txt TROUSSE</code>. Une ligne qui a une erreur est \
                    nommée. La trousse ne se souvient pas de ce qu'elle avait déclaré."
        ),
        text!(
            "Keep this sheet until another one is printed and its epoch works. Then destroy it, before <code>custodian \
            forget</code>.",
            "Gardez cette feuille jusqu'à ce qu'une autre soit imprimée et que son époque soit en service. Détruisez-la \
                alors, avant <code>custodian forget</code>."
        ),
    )
}

/// A line with its number to the right.
fn aligned(line: &str) -> String {
    let (number, symbols) = line.split_once(' ').unwrap_or((line, ""));
    format!("{number:>2}  {symbols}")
}

/// A QR code of the lines from this one on, as a drawing.
fn code(from: usize, lines: &[&str]) -> String {
    let code = QrCode::encode_text(&lines.concat(), QrCodeEcc::Medium);
    let code = code.expect("a code holds 2,000 characters and more");
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let run = (x..size).take_while(|at| code.get_module(*at, y)).count() as i32;
            if run > 0 {
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run + 1;
        }
    }
    let side = size + 2 * QUIET;
    let (first, last) = (from + 1, from + lines.len());
    let caption = text!("lines {first} to {last}", "lignes {first} à {last}");
    format!(
        "<figure>
<svg viewBox=\"0 0 {side} {side}\" role=\"img\" shape-rendering=\"crispEdges\">
<title>{caption}</title>
<rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\"/>
</svg>
<figcaption>{caption}</figcaption>
</figure>
"
    )
}
