//! The programs of a cluster, built once from Debian's source package, which has all that they depend on.

use std::{fs, path::Path, process::Command};

use super::{PLACE, machine};
use crate::{Failure, commands::succeed, files};

/// What is built: one `go build` for all, since they share most of their packages.
const PROGRAMS: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
];
/// Where Debian has the one dependency that the source package has too old for its own compiler.
const REFLECT: &str = "/usr/share/gocode/src/github.com/modern-go/reflect2";
/// Said to the build, which would ask git.
const VERSION: &str = "KUBE_GIT_COMMIT='debian'\nKUBE_GIT_TREE_STATE='archive'\nKUBE_GIT_VERSION='v1.20.2'\nKUBE_GIT_MAJOR='1'\n\
                       KUBE_GIT_MINOR='20'\n";
/// A kubelet of 1.20 does not report how the containers of a Pod ended whose deadline has passed; those since 1.22 do. So does this one,
/// with half a condition more.
const PATCH: (&str, &str, &str) = (
    "pkg/kubelet/kubelet.go",
    "\tif podWorkerTerminal {\n",
    "\tif podWorkerTerminal && containersTerminal {\n",
);

/// Builds them, unless they are there.
///
/// # Errors
///
/// When a package cannot be had, or one does not build.
pub(super) fn programs() -> Result<(), Failure> {
    machine::packages()?;
    let place = files::path(PLACE);
    let bin = place.join("bin");
    fs::create_dir_all(&bin)?;
    renderer(&bin.canonicalize()?)?;
    if PROGRAMS.iter().all(|program| bin.join(program).exists()) {
        return Ok(());
    }
    fs::create_dir_all(&place)?;
    let place = place.canonicalize()?;
    let source = place.join("source");
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    machine::source_package("kubernetes", &place)?;
    let reflect = source.join("vendor/github.com/modern-go/reflect2");
    fs::remove_dir_all(&reflect)?;
    succeed(Command::new("cp").args(["-r", REFLECT]).arg(&reflect), "cp")?;
    patch(&source)?;
    make(&place, &source)?;
    for program in PROGRAMS {
        let beside = bin.join(format!("{program}.new"));
        fs::copy(source.join("_output/bin").join(program), &beside)?;
        fs::rename(beside, bin.join(program))?;
    }
    // Gigabytes that nobody needs any more. Go leaves its cache without the right to write.
    for done in ["source", "home"] {
        let done = place.join(done);
        succeed(
            Command::new("chmod").args(["-R", "u+w"]).arg(&done),
            "chmod",
        )?;
        fs::remove_dir_all(done)?;
    }
    Ok(())
}

/// What renders the chart: small, so it is built each time.
///
/// # Errors
///
/// When a command, a file or a part of the cluster fails; it is named.
fn renderer(bin: &Path) -> Result<(), Failure> {
    let mut build = Command::new("go");
    build
        .arg("build")
        .arg("-o")
        .arg(bin.join("render"))
        .arg("main.go")
        .current_dir(files::path("tests/render"))
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode");
    succeed(&mut build, "go build of tests/render")
}

/// # Errors
///
/// When a command, a file or a part of the cluster fails; it is named.
fn patch(source: &Path) -> Result<(), Failure> {
    let (file, before, after) = PATCH;
    let text = fs::read_to_string(source.join(file))?;
    if !text.contains(before) {
        return Err(format!("expected {file} of the source package to be that of 1.20, found another: look whether the patch is needed").into());
    }
    fs::write(source.join(file), text.replace(before, after))?;
    Ok(())
}

/// # Errors
///
/// When a command, a file or a part of the cluster fails; it is named.
fn make(place: &Path, source: &Path) -> Result<(), Failure> {
    let (version, home) = (place.join("version"), place.join("home"));
    fs::write(&version, VERSION)?;
    fs::create_dir_all(&home)?;
    let what = PROGRAMS.map(|program| format!("cmd/{program}")).join(" ");
    let mut make = Command::new("make");
    make.arg(format!("WHAT={what}"))
        .current_dir(source)
        .env("HOME", home)
        .env("GOPROXY", "off")
        .env("CGO_ENABLED", "0")
        // Otherwise the kubelet would be built with cgo, and all that it shares with the others a second time.
        .env("KUBE_STATIC_OVERRIDES", "kubelet")
        .env("KUBE_GIT_VERSION_FILE", version);
    let log = fs::File::create(place.join("build.log"))?;
    make.stdout(log.try_clone()?).stderr(log);
    succeed(
        &mut make,
        "make of Kubernetes (target/kubernetes/build.log)",
    )
}
