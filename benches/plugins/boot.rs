//! Boot of a directory, beside bare `dlopen` of the same files by a program in C. Each has a process of its own every
//! time: libraries are never unloaded, and the dynamic linker looks through all that are loaded whenever it loads one more.

use std::{
    env,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, SamplingMode};

use crate::world;

/// First argument of a child that boots.
const CHILD: &str = "measure-boot";

pub(crate) fn benches(criterion: &mut Criterion) {
    let tools = tempfile::tempdir().unwrap();
    let dlopen = tools.path().join("dlopen");
    world::compile("dlopen", &[], &dlopen);
    let mut group = criterion.benchmark_group("boot");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    for count in [1, 100, 1000] {
        let directory = world::c_plugins(count);
        let directory = directory.path();
        group.bench_function(BenchmarkId::new("dlopen", count), |bencher| {
            bencher.iter_custom(|times| {
                let bare = || measured(Command::new(&dlopen).arg(directory));
                (0..times).map(|_| bare()).sum()
            });
        });
        group.bench_function(BenchmarkId::new("boot", count), |bencher| {
            let this = env::current_exe().unwrap();
            bencher.iter_custom(|times| {
                let boot = || measured(Command::new(&this).arg(CHILD).arg(directory));
                (0..times).map(|_| boot()).sum()
            });
        });
    }
    group.finish();
}

/// Whether this process is a child of a bench. It has booted and printed by then how long that took.
pub(crate) fn is_child() -> bool {
    let arguments: Vec<_> = env::args_os().collect();
    let [_, child, directory] = &*arguments else {
        return false;
    };
    let is_child = child == CHILD;
    if is_child {
        print(boot(Path::new(directory)));
    }
    is_child
}

/// What the child says that its work took.
fn measured(child: &mut Command) -> Duration {
    let output = child.output().unwrap();
    assert!(output.status.success(), "a child failed");
    let nanoseconds = String::from_utf8(output.stdout).unwrap();
    Duration::from_nanos(nanoseconds.trim().parse().unwrap())
}

#[expect(clippy::print_stdout, reason = "to the parent")]
fn print(took: Duration) {
    println!("{}", took.as_nanos());
}

fn boot(directory: &Path) -> Duration {
    let runtime = world::runtime();
    let services = world::services(&runtime);
    let begun = Instant::now();
    let outcome = world::load(directory, &services);
    let took = begun.elapsed();
    assert!(!outcome.registry.is_empty(), "nothing was loaded");
    took
}
