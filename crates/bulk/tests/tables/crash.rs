//! Storage that stops or fails at any step: nothing half made has a name, and what was there is
//! still there.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cstatns::coded::Coded as _;
use cstatns::files::{Step, faults};
use cstatns::identifier::Scheme;
use cstatns::manifest::manifest_path;
use cstatns::received::received_path;
use cstatns::report::{Destruction, Report, report_path};
use cstatns::requested::requested_path;
use cstatns_controller::{
    Attach, AttachError, Attached, Column, NotDestroyed, PrepareError, attach, attach_and_destroy,
    check,
};
use cstatns_rows::effort::Effort;

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
    let steps = faults::count(place.0.path(), || {
        data(&place)
            .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap()
    });
    assert!(steps >= 15, "{steps}");
    for step in 0..steps {
        for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
            let place = Place::new();
            let way = data(&place);
            let prepare = || {
                way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            };
            let error = faults::fail_at(place.0.path(), step, kind, prepare).unwrap_err();
            let expected: &[&str] = match kind {
                ErrorKind::StorageFull => &["disk-full"],
                _ => &["file-io", "write-failed"],
            };
            assert!(expected.contains(&error.code()), "step {step}: {error}");
            assert_eq!(place.names(), ["d.csv"], "step {step}");
            way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
                .unwrap();
        }
    }
}

#[test]
fn where_a_request_is_after_a_crash_its_seal_and_its_retained_file_are() {
    let place = Place::new();
    let steps = faults::count(place.0.path(), || {
        data(&place)
            .prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap()
    });
    for step in 0..steps {
        let place = Place::new();
        let way = data(&place);
        let stopped = faults::stop_after(place.0.path(), step, || {
            way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
        });
        assert!(stopped.is_err());
        if way.request.exists() {
            assert!(manifest_path(&way.request).exists() && way.retained.exists(), "step {step}");
            way.code(&POPULATION, 1, 1).unwrap();
            way.attach().unwrap();
        }
    }
}

/// Row by row the same work takes fifty times as long.
#[test]
fn rows_are_written_many_at_once() {
    const ROWS: usize = 30_000;
    let writes = |place: &Place, act: &mut dyn FnMut()| {
        let steps = faults::trace(place.0.path(), act);
        steps.into_iter().filter(|step| *step == Step::Write).count()
    };
    let place = Place::new();
    let way = Way::new(&place, "d", "csv", "csv");
    let rows: String = (0..ROWS).map(|row| format!("{UNKEYED},{row}\n")).collect();
    fs::write(&way.data, format!("nir,wage\n{rows}")).unwrap();
    let prepared = writes(&place, &mut || {
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
            .unwrap();
    });
    way.code(&POPULATION, 1, 1).unwrap();
    let attached = writes(&place, &mut || drop(way.attach().unwrap()));
    assert!(prepared < 40 && attached < 40, "{prepared} and {attached} for {ROWS} rows");
}

fn destroying(way: &Way) -> Result<cstatns_controller::Attached, AttachError> {
    let (retained, result, out) = (&*way.retained, &*way.result, &*way.out);
    let destroy = std::slice::from_ref(&way.data);
    attach(
        Attach {
            party: None,
            data: None,
            retained: retained.into(),
            requested: None,
            result,
            out: out.into(),
            shuffle: false,
            binary_codes: false,
            destroy,
        },
        &Effort::default(),
    )
}

fn coded(place: &Place) -> Way {
    let way = data(place);
    way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
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

/// How a command is disturbed at one of its steps.
#[derive(Clone, Copy, Debug)]
enum How {
    Stop,
    Fail(ErrorKind),
    Tear,
}

const ALL: [How; 4] =
    [How::Stop, How::Fail(ErrorKind::StorageFull), How::Fail(ErrorKind::Other), How::Tear];

impl How {
    fn at<R>(self, place: &Place, step: usize, f: impl FnOnce() -> R) -> R {
        match self {
            Self::Stop => faults::stop_after(place.0.path(), step, f),
            Self::Fail(kind) => faults::fail_at(place.0.path(), step, kind, f),
            Self::Tear => faults::tear_write_at(place.0.path(), step, 3, f),
        }
    }
}

/// These tests make thousands of durable steps.
fn in_memory() -> Place {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { Place(tempfile::tempdir_in(memory).unwrap()) } else { Place::new() }
}

/// Runs a command disturbed at each of its steps, then perhaps its repeat disturbed as well, then
/// the repeat.
fn repeated<T, E: std::fmt::Debug>(
    ready: impl Fn(&Place) -> Way,
    act: impl Fn(&Way) -> Result<T, E>,
    code: impl Fn(&E) -> &'static str,
    done: impl Fn(&Place, &Way, &str),
) {
    let begun = in_memory();
    let ready_way = ready(&begun);
    let anew = || {
        let place = in_memory();
        for name in begun.names() {
            fs::copy(begun.path(&name), place.path(&name)).unwrap();
            // What is kept of a request says where it and the data are.
            if name.ends_with(".request.json") {
                let said = fs::read_to_string(begun.path(&name)).unwrap();
                let [from, to] = [&begun, &place].map(|place| place.0.path().to_str().unwrap());
                fs::write(place.path(&name), said.replace(from, to)).unwrap();
            }
        }
        let data = place.path(ready_way.data.file_name().unwrap().to_str().unwrap());
        let out = place.path(ready_way.out.file_name().unwrap().to_str().unwrap());
        let way = Way { data, out, ..Way::new(&place, "d", "csv", "csv") };
        (place, way)
    };
    let (place, way) = anew();
    let steps = faults::count(place.0.path(), || act(&way).unwrap());
    let names = place.names();
    for step in 0..steps {
        for (number, how) in ALL.into_iter().enumerate() {
            for again in [None, Some(How::Stop), Some(How::Fail(ErrorKind::Other))] {
                let what = format!("{how:?} at {step}, then {again:?}");
                // Each stop is tried; of the rest a third.
                if (!matches!(how, How::Stop) || again.is_some())
                    && (step + number) % 3 != usize::from(again.is_some())
                {
                    continue;
                }
                let (place, way) = anew();
                let _ = how.at(&place, step, || act(&way));
                if let Some(again) = again {
                    let _ = again.at(&place, (5 * step + 7 * number) % 19, || act(&way));
                }
                match act(&way) {
                    Ok(_) => {}
                    // All its names were given before the stop: it was done.
                    Err(error) => {
                        assert_eq!(code(&error), "output-exists", "{what}: {:?}", place.names())
                    }
                }
                assert_eq!(place.names(), names, "{what}");
                done(&place, &way, &what);
            }
        }
    }
}

#[test]
fn a_prepare_that_was_disturbed_is_repeated() {
    let act = |way: &Way| {
        way.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',')
    };
    repeated(data, act, PrepareError::code, |_, way, what| {
        way.code(&POPULATION, 1, 1).unwrap_or_else(|error| panic!("{what}: {error}"));
        way.attach().unwrap_or_else(|error| panic!("{what}: {error}"));
        whole(&way.out);
    });
    let codes = |place: &Place| {
        let way = coded(place);
        way.attach().unwrap();
        for path in [&way.data, &way.request, &way.retained] {
            fs::remove_file(path).unwrap();
        }
        fs::remove_file(manifest_path(&way.request)).unwrap();
        fs::remove_file(requested_path(&way.retained)).unwrap();
        Way { data: way.out.clone(), ..way }
    };
    let act = |way: &Way| way.prepare(Column::Codes(&["code"]), b',');
    repeated(codes, act, PrepareError::code, |_, way, _| assert_eq!(way.manifest().input.rows, 2));
}

#[test]
fn an_attach_that_was_disturbed_is_repeated() {
    repeated(coded, Way::attach, AttachError::code, |_, way, _| whole(&way.out));
}

/// Everything that holds identifiers, and the sources.
fn all_of(way: &Way) -> Vec<PathBuf> {
    vec![way.data.clone(), way.retained.clone(), way.result.clone()]
}

/// Attaching, after which these files are destroyed.
fn and_destroy<'a>(way: &'a Way, destroy: &'a [PathBuf]) -> Attach<'a> {
    Attach {
        party: None,
        data: None,
        retained: (&*way.retained).into(),
        requested: None,
        result: &way.result,
        out: (&*way.out).into(),
        shuffle: false,
        binary_codes: false,
        destroy,
    }
}

fn destroying_all(way: &Way) -> Result<Attached, AttachError> {
    attach(and_destroy(way, &all_of(way)), &Effort::default())
}

#[test]
fn a_destruction_that_was_disturbed_is_finished_by_the_same_command() {
    let undisturbed = {
        let place = Place::new();
        let way = coded(&place);
        let made = destroying_all(&way).unwrap();
        assert!(!made.resumed);
        made.report
    };
    // What was kept of the request goes with the retained file.
    assert_eq!(undisturbed.destroyed.len(), 4);
    repeated(coded, destroying_all, AttachError::code, |_, way, what| {
        whole(&way.out);
        let report = Report::read(&report_path(&way.out)).unwrap();
        // What is kept of the request says where the data was: its length is that of the place.
        let destroyed = |report: &Report| -> Vec<_> {
            let all = report.destroyed.iter();
            all.map(|file| (file.file.clone(), file.how.clone())).collect()
        };
        assert_eq!(destroyed(&report), destroyed(&undisturbed), "{what}");
        assert!(
            !fs::read_to_string(report_path(&way.out)).unwrap().contains("unfinished"),
            "{what}"
        );
    });
}

/// Names none of the files that it destroys.
fn destroying_sources(way: &Way) -> Result<Attached, AttachError> {
    attach_and_destroy(and_destroy(way, &[]), &Effort::default())
}

/// What holds identifiers, or says whose a code is.
fn holders(way: &Way) -> Vec<PathBuf> {
    let (manifest, requested) = (manifest_path(&way.request), requested_path(&way.retained));
    let (data, request, result) = (way.data.clone(), way.request.clone(), way.result.clone());
    vec![data, request, manifest, result, way.retained.clone(), requested]
}

#[test]
fn a_destruction_of_all_sources_that_was_disturbed_is_finished_by_the_same_command() {
    repeated(coded, destroying_sources, AttachError::code, |_, way, what| {
        whole(&way.out);
        let left: Vec<_> = holders(way).into_iter().filter(|path| path.exists()).collect();
        assert_eq!(left, [""; 0].map(PathBuf::from), "{what}");
        assert!(report_path(&way.result).exists() && received_path(&way.out).exists(), "{what}");
        let report = Report::read(&report_path(&way.out)).unwrap();
        let destroyed: Vec<_> = report.destroyed.iter().map(|one| one.file.clone()).collect();
        let names = holders(way).into_iter().map(|path| path.file_name().unwrap().to_owned());
        assert_eq!(destroyed, names.map(|name| name.into_string().unwrap()).collect::<Vec<_>>());
        let said = fs::read_to_string(report_path(&way.out)).unwrap();
        assert!(!said.contains("unfinished"), "{what}");
    });
}

#[test]
fn what_still_holds_identifiers_is_named_and_another_request_is_left() {
    let place = Place::new();
    let way = coded(&place);
    assert_eq!(way.attach().unwrap().holding, holders(&way));

    // What was written there since is of other rows.
    let place = Place::new();
    let way = coded(&place);
    for path in [way.request.clone(), manifest_path(&way.request)] {
        fs::rename(&path, path.with_extension("first")).unwrap();
    }
    let other = Way { data: place.path("e.csv"), retained: place.path("f.csv"), ..way.clone() };
    fs::copy(&way.data, &other.data).unwrap();
    other.prepare(Column::Identifiers { columns: &["nir"], scheme: Scheme::FrNir }, b',').unwrap();
    let made = destroying_sources(&way).unwrap();
    assert_eq!(made.holding, [way.request.clone(), manifest_path(&way.request)]);
    assert!(made.holding.iter().all(|path| path.exists()) && other.data.exists());
    assert!(!way.data.exists() && !way.retained.exists() && !way.result.exists());

    // A request without its manifest is not known to be the one.
    let place = Place::new();
    let way = coded(&place);
    fs::remove_file(manifest_path(&way.request)).unwrap();
    assert_eq!(destroying_sources(&way).unwrap().holding, std::slice::from_ref(&way.request));

    // Data that changed is refused before anything is destroyed.
    let place = Place::new();
    let way = coded(&place);
    fs::write(&way.data, "nir,wage\n,1\n,2\n").unwrap();
    assert_eq!(destroying_sources(&way).unwrap_err().code(), "data-changed");
    assert!(holders(&way).iter().all(|path| path.exists()));
}

/// Stopped right after the first of three files is gone.
fn stopped_between(place: &Place) -> Way {
    let steps: Vec<Step> = {
        let place = Place::new();
        let way = coded(&place);
        faults::trace(place.0.path(), || destroying_all(&way).unwrap())
    };
    let first = steps.iter().position(|step| *step == Step::Truncate).unwrap();
    let way = coded(place);
    assert!(faults::stop_after(place.0.path(), first + 3, || destroying_all(&way)).is_err());
    assert!(!way.data.exists() && way.retained.exists() && way.result.exists() && way.out.exists());
    way
}

#[test]
fn a_report_says_what_is_still_to_be_destroyed_and_a_repeat_says_that_it_went_on() {
    let place = Place::new();
    let way = stopped_between(&place);
    let said = fs::read_to_string(report_path(&way.out)).unwrap();
    assert!(said.contains("unfinished") && !said.contains(KEYED), "{said}");
    assert_eq!(Report::read(&report_path(&way.out)).unwrap().destroyed, []);
    let made = destroying_all(&way).unwrap();
    assert!(made.resumed && made.rows == 2);
    assert!(all_of(&way).iter().all(|path| !path.exists()));
    // Done, it is as any other.
    assert_eq!(destroying_all(&way).unwrap_err().code(), "output-exists");
}

#[test]
fn only_the_same_command_on_the_same_files_goes_on() {
    let place = Place::new();
    let way = stopped_between(&place);
    let (retained, result, out) = (&*way.retained, &*way.result, &*way.out);
    let with = |destroy: &[PathBuf]| {
        attach(
            Attach {
                party: None,
                data: None,
                retained: retained.into(),
                requested: None,
                result,
                out: out.into(),
                shuffle: false,
                binary_codes: false,
                destroy,
            },
            &Effort::default(),
        )
    };
    // Another list of files; none.
    assert_eq!(with(std::slice::from_ref(&way.retained)).unwrap_err().code(), "output-exists");
    assert_eq!(with(&[]).unwrap_err().code(), "output-exists");
    // Another attached file.
    let whole = fs::read(&way.out).unwrap();
    fs::rename(&way.out, place.path("aside.csv")).unwrap();
    fs::write(&way.out, &whole).unwrap();
    assert_eq!(destroying_all(&way).unwrap_err().code(), "output-exists");
    fs::rename(place.path("aside.csv"), &way.out).unwrap();
    assert!(retained.exists() && result.exists());

    // New data under the name of the old is nobody's to destroy; the rest is, and a repeat does not
    // change that.
    fs::write(&way.data, "nir,wage\nnew,1\n").unwrap();
    fs::write(&way.retained, "index,status,wage\nnew\n").unwrap();
    for _ in 0..2 {
        let error = destroying_all(&way).unwrap_err();
        let AttachError::NotDestroyed { count, reason: NotDestroyed::Another { path } } = &error
        else {
            panic!("{error}")
        };
        assert!(*count >= 1 && (*path == way.data || *path == way.retained), "{error}");
        assert_eq!(fs::read(&way.data).unwrap(), b"nir,wage\nnew,1\n");
        assert!(way.retained.exists() && !way.result.exists());
    }
    // Out of the way, it is finished.
    fs::remove_file(&way.data).unwrap();
    fs::remove_file(&way.retained).unwrap();
    let report = destroying_all(&way).unwrap().report;
    let how: Vec<&str> = report.destroyed.iter().map(|destroyed| &*destroyed.how).collect();
    let [overwritten, absent] = [Destruction::OVERWRITTEN, Destruction::ABSENT];
    assert_eq!(how, [overwritten, absent, overwritten, overwritten]);
}

#[test]
fn a_file_that_could_not_be_destroyed_is_destroyed_by_the_repeat() {
    let place = Place::new();
    let way = coded(&place);
    let overwrite = {
        let place = Place::new();
        let way = coded(&place);
        let steps = faults::trace(place.0.path(), || destroying_all(&way).unwrap());
        steps.iter().position(|step| *step == Step::Overwrite).unwrap()
    };
    let failed =
        faults::fail_at(place.0.path(), overwrite, ErrorKind::Other, || destroying_all(&way));
    assert_eq!(failed.unwrap_err().code(), "not-destroyed");
    assert!(way.data.exists() && !way.retained.exists() && !way.result.exists());
    let report = destroying_all(&way).unwrap().report;
    assert_eq!(report.destroyed.len(), 4);
    assert!(!way.data.exists());
}

#[test]
fn two_processes_do_not_destroy_the_same_files() {
    let place = Place::new();
    let way = stopped_between(&place);
    let other = cstatns::files::lock_file(&way.out).unwrap();
    assert_eq!(destroying_all(&way).unwrap_err().code(), "file-locked");
    assert!(way.retained.exists());
    drop(other);
    assert!(destroying_all(&way).unwrap().resumed);
}
