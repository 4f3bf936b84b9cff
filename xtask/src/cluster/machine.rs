//! What the cluster needs of Debian.

use std::{fs, path::Path, process::Command};

use crate::{Failure, commands::succeed};

/// A file that each package brings, and the package.
const PACKAGES: [(&str, &str); 13] = [
    ("/usr/bin/go", "golang-go"),
    (
        "/usr/share/gocode/src/github.com/modern-go/reflect2",
        "golang-github-modern-go-reflect2-dev",
    ),
    (
        "/usr/share/gocode/src/github.com/Masterminds/sprig",
        "golang-github-masterminds-sprig-dev",
    ),
    ("/usr/bin/rsync", "rsync"),
    ("/usr/bin/jq", "jq"),
    ("/usr/bin/make", "make"),
    ("/usr/bin/dpkg-source", "dpkg-dev"),
    ("/usr/bin/etcd", "etcd-server"),
    ("/usr/bin/kubectl", "kubernetes-client"),
    ("/usr/bin/openssl", "openssl"),
    ("/usr/sbin/dockerd", "docker.io"),
    ("/usr/sbin/runc", "runc"),
    ("/bin/busybox", "busybox-static"),
];

/// Installs what is missing.
///
/// # Errors
///
/// When apt fails; it has said why.
pub(super) fn packages() -> Result<(), Failure> {
    let missing = PACKAGES
        .iter()
        .filter(|(file, _)| !Path::new(file).exists())
        .map(|(_, package)| *package);
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = format!("apt-get install {}", missing.join(" "));
    succeed(
        Command::new("apt-get").args(["update", "-qq"]),
        "apt-get update",
    )?;
    let mut install = Command::new("apt-get");
    install
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(missing)
        .env("DEBIAN_FRONTEND", "noninteractive");
    succeed(&mut install, &what)
}

/// Downloads a source package and unpacks it as `source`, without a change to the machine's own list of sources.
///
/// # Errors
///
/// When apt or dpkg fails; it has said why.
pub(super) fn source_package(name: &str, place: &Path) -> Result<(), Failure> {
    let apt = place.join("apt");
    fs::create_dir_all(apt.join("lists/partial"))?;
    sources(&apt.join("sources.d"))?;
    for action in [&["update"][..], &["source", "--download-only", name]] {
        let mut get = Command::new("apt-get");
        get.arg("-qq")
            .arg("-oDir::Etc::sourcelist=/dev/null")
            .arg(format!(
                "-oDir::Etc::sourceparts={}",
                apt.join("sources.d").display()
            ))
            .arg(format!(
                "-oDir::State::lists={}",
                apt.join("lists").display()
            ))
            .args([
                "-oDir::Cache::pkgcache=",
                "-oDir::Cache::srcpkgcache=",
                "-oAPT::Sandbox::User=root",
            ])
            .args(action)
            .current_dir(place);
        succeed(&mut get, "apt-get source")?;
    }
    let description = fs::read_dir(place)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|end| end == "dsc"))
        .ok_or("expected a source package, found none")?;
    let mut unpack = Command::new("dpkg-source");
    unpack
        .args([
            "-q".as_ref(),
            "--no-check".as_ref(),
            "-x".as_ref(),
            description.as_os_str(),
        ])
        .arg(place.join("source"));
    succeed(&mut unpack, "dpkg-source")
}

/// The machine's own sources of Debian's packages, for source packages instead.
///
/// # Errors
///
/// When a command, a file or a part of the cluster fails; it is named.
fn sources(to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    let parts =
        fs::read_dir("/etc/apt/sources.list.d")?.filter_map(|entry| Some(entry.ok()?.path()));
    for from in parts.chain([Path::new("/etc/apt/sources.list").to_owned()]) {
        let (Ok(text), Some(name)) = (fs::read_to_string(&from), from.file_name()) else {
            continue;
        };
        if text.contains("/debian") {
            let line = |line: &str| match line.strip_prefix("deb ") {
                Some(rest) => format!("deb-src {rest}\n"),
                None if line == "Types: deb" => "Types: deb-src\n".to_owned(),
                None => format!("{line}\n"),
            };
            fs::write(to.join(name), text.lines().map(line).collect::<String>())?;
        }
    }
    Ok(())
}
