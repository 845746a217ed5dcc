//! The statistical flow through parcels: what controller, holder, operator and custodians type and
//! read, and what lies where.

use crate::common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Place, csv, files, identifiers, text};
use serde_json::Value;

/// A statistical domain with a controller, a holder and another controller, and a request key of
/// each of the first two.
fn office() -> Place {
    with_parties(Place::open())
}

/// The same of a service in earnest.
fn in_earnest() -> Place {
    let place = Place::in_earnest();
    place.quorum("service open home population --kind statistics");
    with_parties(place)
}

fn with_parties(place: Place) -> Place {
    for (name, role) in [("insee", "controller"), ("cnaf", "holder"), ("drees", "controller")] {
        place.ok(&format!("party new {name} --name {name} --no-passphrase"));
        place.quorum(&format!(
            "service party home {name}/card.json --role {role} --domain population"
        ));
    }
    for name in ["insee", "cnaf"] {
        key(&place, name, name);
    }
    place.write("wages.csv", csv(&identifiers(40)));
    place
}

fn key(place: &Place, party: &str, out: &str) {
    place.ok(&format!("service request-key home population --for {party} --out {out}.key.json"));
}

/// Prepares `wages` as a parcel.
fn prepare(party: &str, more: &str) -> String {
    format!(
        "controller prepare wages.csv --identifier-column nir --as {party} --request-key \
        {party}.key.json --service home/card.json --domain population --request wages.req.csv.age \
        --retained wages.kept.csv {more}"
    )
}

const CODE: &str = "service code home population --request wages.req.csv.age --result \
    wages.res.csv.age --purpose wages";

fn attach(party: &str) -> String {
    format!(
        "controller attach --retained wages.kept.csv --result wages.res.csv.age --as {party} --out \
        coded.csv"
    )
}

fn status(place: &Place) -> Value {
    place.json("service status home")
}

fn status_text(place: &Place) -> String {
    text(&place.run("service status home").stdout)
}

/// The files below a folder that hold one of these texts.
fn holding(place: &Place, folder: &str, texts: &[String]) -> Vec<PathBuf> {
    let all = files(&place.path(folder));
    let has = |path: &&PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        texts.iter().any(|text| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    all.keys().filter(has).cloned().collect()
}

/// The identifiers of the data: what the service must not hold in clear.
fn canaries() -> Vec<String> {
    identifiers(40).into_iter().map(|identifier| identifier.to_string()).collect()
}

#[test]
fn three_files_and_three_commands_take_codes_to_the_data() {
    let place = in_earnest();
    // The same through clear files: one key, one code.
    place
        .ok("controller prepare wages.csv --identifier-column nir --request plain.csv --retained \
        plain.kept.csv");
    let said = place.quorum(
        "service code home population --request plain.csv --result plain.res.csv --purpose wages \
        --plain",
    );
    for words in ["  request   IN CLEAR, ", "  result    IN CLEAR, for whoever brought the request"]
    {
        assert!(said.contains(words), "{words}\n{said}");
    }
    place.ok(
        "controller attach --retained plain.kept.csv --result plain.res.csv --out plain.coded.csv",
    );

    let said = place.ok(&prepare("insee", ""));
    assert!(said.contains("which alone can open it, under a quorum"), "{said}");
    assert!(said.contains("custodians are shown that `insee` signed it"), "{said}");
    assert!(!place.exists("wages.req.csv.age.manifest.json"), "the manifest is in it");
    let shown = place.json("parcel show wages.req.csv.age");
    assert_eq!(shown["recipients"], serde_json::json!(["an X-Wing key"]));
    assert_eq!(
        (&shown["declared"]["rows"], &shown["declared"]["domain"]),
        (&40.into(), &"population".into())
    );
    let parcel = fs::read(place.path("wages.req.csv.age")).unwrap();

    // Nothing is handed out in clear because nobody said anything.
    let mut unsaid = Command::new(env!("CARGO_BIN_EXE_cstatns"));
    unsaid.current_dir(place.directory.path()).env("LC_ALL", "C");
    let unsaid = unsaid.args(place.with_kits(CODE).split_whitespace()).output().unwrap();
    assert_eq!(unsaid.status.code(), Some(2));
    assert!(text(&unsaid.stderr).contains("--to NAME"), "{}", text(&unsaid.stderr));
    let said = place.quorum(&format!("{CODE} --to insee"));
    for words in [
        "  request   signed by `insee`, controller (",
        "), 40 rows with 40 values, 40 of them distinct",
        "  result    in a parcel for `insee`, controller (",
        "send \"wages.res.csv.age\" to `insee`, who alone can open it",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(!place.exists("wages.req.csv.age"), "the request is destroyed");
    assert!(!place.exists("wages.res.csv.age.report.json"), "the report is in it");
    let left = status(&place);
    let keys = left["request_keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1, "its request key is destroyed, that of the holder is not: {keys:?}");
    let waiting = &left["unsigned_for"][0];
    assert_eq!((&waiting["party"], &waiting["stated"]), (&"insee".into(), &false.into()));
    let delivery = waiting["delivery"].as_str().unwrap().to_owned();
    assert!(status_text(&place).contains("no signed receipt yet of `insee`: delivery "));
    let unsigned = |count: u32| {
        let metrics = text(&place.run("service status home --prometheus").stdout);
        let line = format!("\ncstatns_receipts_unsigned {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    };
    unsigned(1);
    assert_eq!(holding(&place, "home", &canaries()), [""; 0].map(PathBuf::from));

    let said = place.ok(&attach("insee"));
    assert!(said.contains("give \"coded.csv.receipt.json\" to the service"), "{said}");
    assert_eq!(place.read("coded.csv"), place.read("plain.coded.csv"), "the same codes");
    let codes: Vec<String> = place.codes("coded.csv").into_keys().collect();
    assert_eq!(codes.len(), 40);
    assert_eq!(holding(&place, "home", &codes), [""; 0].map(PathBuf::from));

    let said =
        place.ok(&format!("service delivered home {delivery} --receipt coded.csv.receipt.json"));
    assert!(said.contains("is signed by its receiver, and recorded"), "{said}");
    unsigned(0);
    assert!(!place.exists("wages.res.csv.age"), "the service's copy is destroyed");
    let left = status(&place);
    assert_eq!(left["unsigned_for"], serde_json::json!([]));
    let flow = &left["domains"][0]["flow"];
    for (count, expected) in
        [("files", 2), ("parcels", 2), ("requests_in_clear", 1), ("results_in_clear", 1)]
    {
        assert_eq!(flow[count], expected, "{count}");
    }
    let audit = place.run("auditor verify home/ledger.jsonl --service home/card.json");
    let said = text(&audit.stdout);
    assert_eq!(audit.status.code(), Some(0), "{said}");
    assert!(said.contains(": 2 files, 2 parcels; in clear 1 request and 1 result"), "{said}");

    // Whoever kept the parcel can do nothing with it.
    place.write("wages.req.csv.age", parcel);
    place.refused_quorum(&format!("{CODE} --to insee"), "request-spent", &["delivery "]);
}

#[test]
fn what_a_holder_sends_goes_to_its_controller_alone() {
    let place = office();
    place.ok("service publish home published");
    let for_insee = "--for insee --ledger published/ledger.jsonl";
    for (more, code, words) in [
        ("--for cnaf --ledger published/ledger.jsonl", "sent-for", "a holder names a controller"),
        ("--for other --ledger published/ledger.jsonl", "unknown-party", "service status"),
    ] {
        place.refused(&prepare("cnaf", more), code, &[words]);
    }
    // Beside the card that was published its ledger lies.
    fs::copy(place.path("home/card.json"), place.path("alone.json")).unwrap();
    let alone = prepare("cnaf", "--for insee").replace("home/card.json", "alone.json");
    assert_eq!(place.run(&alone).status.code(), Some(2));
    place.ok(&prepare("cnaf", ""));
    place.refused_quorum(&format!("{CODE} --to insee"), "sent-for", &["--for"]);
    for file in ["wages.req.csv.age", "wages.kept.csv", "wages.kept.csv.request.json"] {
        fs::remove_file(place.path(file)).unwrap();
    }
    let slip = text(&place.run(&prepare("cnaf", for_insee)).stdout);
    assert!(slip.contains("send the result in a parcel to `insee`."), "{slip}");
    for (to, code) in [("drees", "recipient-other"), ("cnaf", "recipient-role")] {
        place.refused_quorum(&format!("{CODE} --to {to}"), code, &["--to"]);
    }
    let plain = CODE.replace("wages.res.csv.age", "wages.res.csv");
    place.refused_quorum(&format!("{plain} --plain"), "recipient-other", &["--to"]);
    let said = place.quorum(&format!("{CODE} --to insee"));
    assert!(said.contains("signed by `cnaf`, holder for a controller ("), "{said}");
    assert!(said.contains("), for `insee`, controller ("), "{said}");
    for other in ["cnaf", "drees"] {
        place.refused(&attach(other), "parcel-receiver", &["--as"]);
    }
    place.ok(&attach("insee"));
}

#[test]
fn each_mistake_with_a_parcel_is_named() {
    let place = office();
    assert_eq!(place.run(&prepare("insee", "").replace("--as insee", "")).status.code(), Some(2));
    let named = prepare("insee", "").replace("wages.req.csv.age", "wages.req.csv");
    place.refused(&named, "parcel-name", &["request.csv.age"]);
    let other = prepare("insee", "").replace("insee.key.json", "cnaf.key.json");
    place.refused(&other, "request-key-other", &["service request-key"]);
    place.quorum("service open home income --kind statistics");
    let other = prepare("insee", "").replace("--domain population", "--domain income");
    place.refused(&other, "request-key-domain", &["`population`", "`income`"]);
    place.ok(&prepare("insee", ""));

    // Nobody is asked for what could not be given back.
    let unsaid = place.command(&place.with_kits(&format!("{CODE} --to"))).output().unwrap();
    assert_eq!(unsaid.status.code(), Some(2));
    let missing = CODE.replace("wages.req.csv.age", "nowhere.csv.age");
    place.refused_quorum(
        &format!("{missing} --to insee"),
        "file-missing",
        &["\"nowhere.csv.age\""],
    );
    let named = CODE.replace("wages.res.csv.age", "wages.res.csv");
    place.refused_quorum(&format!("{named} --to insee"), "parcel-name", &["wages.res.csv"]);
    place.refused_quorum(&format!("{CODE} --to nobody"), "unknown-party", &["service party"]);
    let elsewhere = CODE.replace("home population", "home income");
    place.refused_quorum(&format!("{elsewhere} --to insee"), "request-domain", &[]);

    // What was altered on its way: what is declared, the content, the end.
    let parcel = fs::read(place.path("wages.req.csv.age")).unwrap();
    let declared = parcel.windows(8).position(|part| part == b"-> mlkem").unwrap();
    let mut claims = parcel.clone();
    claims[declared - 40] ^= 1;
    let mut altered = parcel.clone();
    altered[parcel.len() - 5_000] ^= 1;
    let cut = parcel[..parcel.len() - 600].to_vec();
    for bytes in [claims, altered, cut] {
        place.write("wages.req.csv.age", bytes);
        let said = place.run(&place.with_kits(&format!("{CODE} --to insee")));
        assert_eq!(said.status.code(), Some(1), "{}", text(&said.stderr));
        let said = text(&said.stderr);
        let codes = ["parcel-form", "declaration-signature", "parcel-altered", "parcel-cut"];
        assert!(codes.iter().any(|code| said.contains(&format!("error[{code}]"))), "{said}");
        assert!(!place.exists("wages.res.csv.age") && place.exists("wages.req.csv.age"));
    }
    // The same parcel may be proposed again: its key is there.
    place.write("wages.req.csv.age", &parcel);
    place.quorum(&format!("{CODE} --to insee"));

    place.refused(&attach("insee").replace("--as insee", ""), "party-needed", &["--as"]);
    let delivery = status(&place)["unsigned_for"][0]["delivery"].as_str().unwrap().to_owned();
    place.ok(&attach("insee"));
    let receipt = place.read("coded.csv.receipt.json");
    let unsigned: Value = serde_json::from_str(&receipt).unwrap();
    let mut unsigned = unsigned["body"].clone();
    unsigned.as_object_mut().unwrap().retain(|name, _| name != "by" && name != "checkpoint");
    place.write("unsigned.json", unsigned.to_string());
    place.write(
        "forged.json",
        receipt
            .replace("\"rows\": 40", "\"rows\": 40 ")
            .replace("\"destroyed\": 0", "\"destroyed\": 1"),
    );
    let give = |file: &str| format!("service delivered home {delivery} --receipt {file}");
    place.refused(&give("unsigned.json"), "received-unsigned", &["--stated"]);
    place.refused(&give("forged.json"), "received-by", &[]);
    // What was stated may be signed for later.
    place.ok(&format!("service delivered home {delivery} --stated"));
    assert_eq!(status(&place)["unsigned_for"][0]["stated"], true);
    place.ok(&give("coded.csv.receipt.json"));
    assert_eq!(status(&place)["unsigned_for"], serde_json::json!([]));
    place.refused(&give("coded.csv.receipt.json"), "already-delivered", &[]);
}

/// Whatever the file in it: packed text, Parquet, several requests of one key.
#[test]
fn any_type_of_request_and_result_travels() {
    let place = office();
    let own = place.read("wages.csv");
    for (number, (request, result)) in
        [("csv", "parquet"), ("csv.gz", "csv.zst"), ("parquet", "csv"), ("parquet", "parquet")]
            .into_iter()
            .enumerate()
    {
        let key_file = format!("key{number}");
        key(&place, "insee", &key_file);
        place.ok(&format!(
            "controller prepare wages.csv --identifier-column nir --as insee --request-key \
            {key_file}.key.json --service home/card.json --domain population --request \
            r{number}.{request}.age --retained k{number}.csv"
        ));
        place.quorum(&format!(
            "service code home population --request r{number}.{request}.age --result \
            s{number}.{result}.age --purpose wages --to insee"
        ));
        place.ok(&format!(
            "controller attach --retained k{number}.csv --result s{number}.{result}.age --as insee \
            --out c{number}.csv"
        ));
        assert_eq!(place.read(&format!("c{number}.csv")), place.read("c0.csv"));
        assert_eq!(place.rows(&format!("c{number}.csv")).len(), own.lines().count() - 1);
    }
    // Two requests with one key go in one command; the key goes with the last.
    key(&place, "insee", "both");
    for name in ["one", "two"] {
        place.ok(&format!(
            "controller prepare wages.csv --identifier-column nir --as insee --request-key \
            both.key.json --service home/card.json --domain population --request {name}.csv.age \
            --retained {name}.kept.csv"
        ));
    }
    place.quorum(
        "service code home population --request one.csv.age two.csv.age --result one.res.csv.age \
        two.res.csv.age --purpose wages --to insee",
    );
    assert_eq!(status(&place)["request_keys"].as_array().unwrap().len(), 2);
    // Renewed through parcels.
    place.quorum("service new-key home population --reason scheduled");
    key(&place, "insee", "renew");
    place.ok(
        "controller prepare c0.csv --code-column code --as insee --request-key renew.key.json \
        --service home/card.json --domain population --request renew.csv.age --retained \
        renew.kept.csv",
    );
    let said = place.quorum(
        "service renew home population --request renew.csv.age --result renewed.csv.age --purpose \
        wages --to insee",
    );
    assert!(said.contains("  renews    the codes of "), "{said}");
    place.ok(
        "controller attach --retained renew.kept.csv --result renewed.csv.age --as insee --out \
        new.csv",
    );
    assert!(place.codes("new.csv").into_keys().all(|code| code.starts_with("c2.")));
}

#[test]
fn the_receipt_says_what_was_destroyed() {
    let place = office();
    place.ok(&prepare("insee", ""));
    place.quorum(&format!("{CODE} --to insee"));
    place.ok(&format!("{} --destroy-sources", attach("insee")));
    let receipt: Value = serde_json::from_str(&place.read("coded.csv.receipt.json")).unwrap();
    let destroyed = receipt["body"]["destroyed"].as_u64().unwrap();
    assert!(destroyed >= 3, "{receipt}");
    for gone in ["wages.csv", "wages.kept.csv", "wages.kept.csv.request.json", "wages.res.csv.age"]
    {
        assert!(!Path::new(&place.path(gone)).exists(), "{gone}");
    }
}

/// In research nothing goes in clear outside a demonstration, and codes go to who links.
#[test]
fn in_research_nothing_goes_in_clear() {
    let place = in_earnest();
    place.quorum("service open home benefits --kind research --ends 2030-12-31");
    place.ok("party new casd --name casd --no-passphrase");
    place.quorum("service party home casd/card.json --role linking --domain benefits");
    place.quorum("service party home drees/card.json --role controller --domain benefits");
    place.ok("service request-key home benefits --for drees --out drees.key.json");
    place.ok(&prepare("drees", "").replace("--domain population", "--domain benefits"));
    let code = CODE.replace("home population", "home benefits");
    let plain = code.replace("wages.res.csv.age", "wages.res.csv");
    place.refused_quorum(&format!("{plain} --plain"), "research-needs-party", &["--to"]);
    place.refused_quorum(&format!("{code} --to drees"), "recipient-role", &["a linking body"]);
    place.ok(
        "controller prepare wages.csv --identifier-column nir --service home/card.json --domain \
        benefits --request clear.csv --retained clear.kept.csv",
    );
    let clear = code.replace("wages.req.csv.age", "clear.csv");
    place.refused_quorum(&format!("{clear} --to casd"), "request-in-clear", &["--request-key"]);
    let said = place.quorum(&format!("{code} --to casd"));
    assert!(said.contains("in a parcel for `casd`, linking body ("), "{said}");
    // What the controller may not have it does not open.
    place.refused(&attach("drees"), "parcel-receiver", &["--as"]);
    let domains = status(&place)["domains"].clone();
    let flow = domains.as_array().unwrap().iter().find(|one| one["domain"] == "benefits").unwrap();
    assert_eq!(flow["flow"]["parcels"], 2);
}
