//! Storage that stops or fails at any step: nothing half made has a name, and what was there is still there.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use cstatns::files::faults;
use cstatns_tables::{Attach, AttachError, Column, Effort, Report, attach, check, report_path, seal_path};

use crate::common::*;

fn data(place: &Place) -> Way {
    let way = Way::new(place, "d", "csv", "csv");
    fs::write(&way.data, format!("nir,wage\n{KEYED},1\n{UNKEYED},2\n")).unwrap();
    way
}

/// The names that are not a temporary's.
fn named(place: &Place) -> Vec<String> {
    place.names().into_iter().filter(|name| !name.ends_with(".cstatns-tmp")).collect()
}

#[test]
fn prepare_leaves_nothing_when_a_step_fails() {
    let place = Place::new();
    let steps =
        faults::count(place.0.path(), || data(&place).prepare(Column::Identifier("nir"), b',').unwrap());
    assert!(steps >= 15, "{steps}");
    for step in 0..steps {
        for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
            let place = Place::new();
            let way = data(&place);
            let prepare = || way.prepare(Column::Identifier("nir"), b',');
            let error = faults::fail_at(place.0.path(), step, kind, prepare).unwrap_err();
            let expected: &[&str] = match kind {
                ErrorKind::StorageFull => &["disk-full"],
                _ => &["file-io", "write-failed"],
            };
            assert!(expected.contains(&error.code()), "step {step}: {error}");
            assert_eq!(place.names(), ["d.csv"], "step {step}");
            way.prepare(Column::Identifier("nir"), b',').unwrap();
        }
    }
}

#[test]
fn where_a_request_is_after_a_crash_its_seal_and_its_retained_file_are() {
    let place = Place::new();
    let steps =
        faults::count(place.0.path(), || data(&place).prepare(Column::Identifier("nir"), b',').unwrap());
    for step in 0..steps {
        let place = Place::new();
        let way = data(&place);
        let stopped =
            faults::stop_after(place.0.path(), step, || way.prepare(Column::Identifier("nir"), b','));
        assert!(stopped.is_err());
        if way.request.exists() {
            assert!(seal_path(&way.request).exists() && way.retained.exists(), "step {step}");
            way.code(&POPULATION, 1, 1).unwrap();
            way.attach().unwrap();
        }
    }
}

fn destroying(way: &Way) -> Result<cstatns_tables::Attached, AttachError> {
    let (retained, result, out) = (&*way.retained, &*way.result, &*way.out);
    let destroy = std::slice::from_ref(&way.data);
    attach(&Attach { retained, result, out, binary_codes: false, destroy }, &Effort::default())
}

fn coded(place: &Place) -> Way {
    let way = data(place);
    way.prepare(Column::Identifier("nir"), b',').unwrap();
    way.code(&POPULATION, 1, 1).unwrap();
    way
}

fn whole(out: &Path) {
    assert_eq!(check(&[out.to_owned()]).unwrap()[0].distinct_codes, 2);
    assert_eq!(Report::read(&report_path(out)).unwrap().rows_out, 2);
}

#[test]
fn attach_destroys_nothing_before_the_attached_file_and_its_report_are_durable() {
    let place = Place::new();
    let way = coded(&place);
    let steps = faults::count(place.0.path(), || destroying(&way).unwrap());
    for step in 0..steps {
        let place = Place::new();
        let way = coded(&place);
        let size = fs::metadata(&way.data).unwrap().len();
        assert!(faults::stop_after(place.0.path(), step, || destroying(&way)).is_err());
        if way.out.exists() {
            whole(&way.out);
        } else {
            assert_eq!(fs::read(&way.data).unwrap().len() as u64, size);
            assert!(fs::read_to_string(&way.data).unwrap().contains(KEYED), "step {step}");
        }
    }
    for step in 0..steps {
        let place = Place::new();
        let way = coded(&place);
        let before = named(&place);
        let failed = faults::fail_at(place.0.path(), step, ErrorKind::Other, || destroying(&way));
        assert!(failed.is_err(), "step {step}");
        if way.out.exists() {
            whole(&way.out);
        } else {
            assert_eq!(place.names(), before, "step {step}");
        }
    }
}
