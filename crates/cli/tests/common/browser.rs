//! A page looked at in headless Chromium.

#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The browser, where there is one.
#[allow(clippy::print_stdout)]
pub fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<_> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found =
        names.iter().flat_map(|name| directories.iter().map(move |directory| directory.join(name)));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        println!("there is no chromium here: the page was not looked at");
    }
    found
}

pub fn run(browser: &Path, scratch: &Path, wanted: &[&str], page: &Path) -> Output {
    let profile = format!("--user-data-dir={}", scratch.join("profile").display());
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--enable-logging=stderr",
    ]);
    command.args(["--virtual-time-budget=10000", &profile]).args(wanted);
    let output = command.arg(format!("file://{}", page.display())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What a script finds in `page`, shown so wide and in a dark or light scheme, as JSON; and what
/// the console said. The page is shown in a frame of a page that holds the script.
pub fn look(
    browser: &Path,
    scratch: &Path,
    page: &str,
    width: u32,
    dark: bool,
) -> (Value, Vec<String>) {
    const SCRIPT: &str = include_str!("look.js");
    let shown = page.replace('&', "&amp;").replace('"', "&quot;");
    let around = format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><iframe id=\"page\" \
        style=\"border:0;width:{width}px;height:9000px\" \
         srcdoc=\"{shown}\"></iframe><pre id=\"found\"></pre><script>{SCRIPT}</script>"
    );
    let path = scratch.join("look.html");
    fs::write(&path, around).unwrap();
    let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
    let output = run(browser, scratch, &[&scheme, "--window-size=1200,1000", "--dump-dom"], &path);
    let (dom, said) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    let found = dom
        .split_once("<pre id=\"found\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .unwrap()
        .0;
    let found = serde_json::from_str(found).unwrap_or_else(|_| panic!("{found}\n{said}"));
    (found, said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect())
}
