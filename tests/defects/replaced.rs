//! What happens to a plugin's file under a running platform, and what a file that was cut short does to boot.

use std::{
    fs::{self, OpenOptions},
    io::Write,
};

use provisionhook_host::policy::Policy;

use crate::{booted::PATIENCE, compiled::compile, world::World};

/// How many lengths a library is cut to.
const CUTS: usize = 48;

#[test]
fn a_file_that_is_overwritten_and_cut_while_it_runs_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ok.so");
    compile("ok", &path);
    let world = World::boot(directory, &Policy::default(), PATIENCE);
    let length = fs::metadata(&path).unwrap().len();
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all(&vec![0xCC; usize::try_from(length).unwrap()])
        .unwrap();
    assert_eq!(world.mutate("ok"), Ok(Some("ok".to_owned())));
    file.set_len(0).unwrap();
    assert_eq!(world.mutate("ok"), Ok(Some("ok".to_owned())));
}

#[test]
fn a_library_that_was_cut_short_is_a_refused_file() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("ok.so");
    compile("ok", &whole);
    let bytes = fs::read(&whole).unwrap();
    let cuts: Vec<_> = (0..CUTS).map(|part| bytes.len() * part / CUTS).collect();
    for cut in &cuts {
        let path = directory.path().join(format!("cut-{cut}.so"));
        fs::write(path, &bytes[..*cut]).unwrap();
    }
    let world = World::boot(directory, &Policy::default(), PATIENCE);
    assert_eq!(world.names(), ["ok"]);
    let reports: Vec<_> = cuts
        .iter()
        .map(|cut| world.report(&format!("cut-{cut}")))
        .collect();
    // What is loaded ends before the symbols and the section headers: a file that lacks only those is sound.
    let refused = |report: &String| report.starts_with("elf: ");
    let sound = reports.partition_point(refused);
    assert!(sound > CUTS / 2, "{reports:?}");
    assert!(!reports[sound..].iter().any(refused), "{reports:?}");
    assert_eq!(world.mutate("ok"), Ok(Some("ok".to_owned())));
}
