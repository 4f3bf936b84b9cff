//! Images of the platform and of its plugins, made of what was built for the tests and of this machine's own C library.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use crate::cluster::place;

/// An image in the making: its root directory.
pub(crate) struct Image<'a>(&'a Path);

impl<'a> Image<'a> {
    /// With these commands of busybox.
    pub(crate) fn in_directory(root: &'a Path, tools: &[&str]) -> Self {
        let image = Self(root);
        image.copy(Path::new("/bin/busybox"), "bin/busybox");
        for tool in tools {
            symlink("busybox", root.join("bin").join(tool)).unwrap();
        }
        fs::create_dir_all(root.join("tmp")).unwrap();
        image
    }

    pub(crate) fn copy(&self, from: &Path, to: &str) {
        let to = self.0.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, &to).unwrap();
        fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A program, with the libraries that it is linked against.
    pub(crate) fn program(&self, from: &Path, to: &str) {
        self.copy(from, to);
        let libraries = Command::new("ldd").arg(from).output().unwrap();
        let libraries = String::from_utf8(libraries.stdout).unwrap();
        let paths = libraries
            .split_whitespace()
            .filter(|word| word.starts_with('/'));
        for path in paths {
            self.copy(Path::new(path), path.trim_start_matches('/'));
        }
    }

    /// Puts it onto the cluster's node.
    pub(crate) fn import(&self, name: &str) {
        let tar = PathBuf::from(format!("{}.tar", self.0.display()));
        let mut pack = Command::new("tar");
        pack.arg("-C").arg(self.0).arg("-cf").arg(&tar).arg(".");
        assert!(pack.status().unwrap().success());
        let mut import = Command::new("docker");
        import
            .arg("-H")
            .arg(format!("unix://{}", place().join("docker.sock").display()))
            .args(["import", "-c", "ENV PATH=/bin"])
            .arg(&tar)
            .arg(name);
        let imported = import.output().unwrap();
        assert!(imported.status.success(), "{imported:?}");
    }
}
