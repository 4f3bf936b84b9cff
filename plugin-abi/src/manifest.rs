//! The manifest and its ELF note, both made by the compiler: `const fn` from fields to bytes.

mod json;
mod sharing;

pub use self::{
    json::Json,
    sharing::{Given, Sharing},
};
use crate::wire::{ABI_MAJOR, ABI_MINOR, NOTE_FORMAT, NOTE_NAME, NOTE_TYPE};

/// What [`export_plugin!`](crate::export_plugin) puts into the library. Each function but [`new`](Self::new) is a field
/// that an author may give.
#[derive(Clone, Copy, Debug)]
pub struct Manifest {
    capabilities: &'static [&'static str],
    execution: &'static str,
    entry: &'static str,
    name: &'static str,
    version: &'static str,
    reads: &'static [&'static str],
    writes: &'static [&'static str],
    secrets: &'static [&'static str],
    shared_tokens: Sharing,
    files: &'static [&'static str],
    hosts: &'static [&'static str],
    config_schema: &'static str,
    after: &'static [&'static str],
    before: &'static [&'static str],
    min_host_minor: u16,
    panic: &'static str,
}

impl Manifest {
    /// What every plugin has. Name and version are those of its crate.
    #[must_use]
    pub const fn new(
        capabilities: &'static [&'static str],
        execution: &'static str,
        entry: &'static str,
        name: &'static str,
        version: &'static str,
    ) -> Self {
        Self {
            capabilities,
            execution,
            entry,
            name,
            version,
            reads: &[],
            writes: &[],
            secrets: &[],
            shared_tokens: Sharing::Never,
            files: &[],
            hosts: &[],
            config_schema: "",
            after: &[],
            before: &[],
            min_host_minor: 0,
            panic: if cfg!(panic = "abort") {
                "abort"
            } else {
                "unwind"
            },
        }
    }

    /// Another name than the crate's: `[a-z0-9][a-z0-9-]{0,62}`.
    #[must_use]
    pub const fn name(self, name: &&'static str) -> Self {
        Self {
            name: *name,
            ..self
        }
    }

    /// Another version than the crate's; for people.
    #[must_use]
    pub const fn version(self, version: &&'static str) -> Self {
        Self {
            version: *version,
            ..self
        }
    }

    /// Variables that it reads: a name, a prefix ending in `*`, or `config:/json/pointer`.
    #[must_use]
    pub const fn reads(self, keys: &'static [&'static str]) -> Self {
        Self {
            reads: keys,
            ..self
        }
    }

    /// Variables that it sets or removes.
    #[must_use]
    pub const fn writes(self, keys: &'static [&'static str]) -> Self {
        Self {
            writes: keys,
            ..self
        }
    }

    /// Those of the written ones that are always secret.
    #[must_use]
    pub const fn secrets(self, keys: &'static [&'static str]) -> Self {
        Self {
            secrets: keys,
            ..self
        }
    }

    /// Whether its tokens depend on the scope alone, so that one serves all workspaces; calls for tokens then carry no
    /// workspace. `true`, `false`, or `config:/json/pointer` to a boolean.
    #[must_use]
    pub const fn shared_tokens(self, shared: Sharing) -> Self {
        Self {
            shared_tokens: shared,
            ..self
        }
    }

    /// Files that it puts into the home directory of a workspace: `directory/name`, `directory/*` for everything beneath,
    /// or `config:/json/pointer`.
    #[must_use]
    pub const fn files(self, files: &'static [&'static str]) -> Self {
        Self { files, ..self }
    }

    /// Hosts that it must reach: `name`, `name:port`, `*.suffix`, or `config:/json/pointer` to a URL.
    #[must_use]
    pub const fn hosts(self, hosts: &'static [&'static str]) -> Self {
        Self { hosts, ..self }
    }

    /// JSON Schema of its config; without it, it takes none but `{}`.
    #[must_use]
    pub const fn config_schema(self, schema: &&'static str) -> Self {
        Self {
            config_schema: *schema,
            ..self
        }
    }

    /// Names of plugins that it must run after.
    #[must_use]
    pub const fn after(self, names: &'static [&'static str]) -> Self {
        Self {
            after: names,
            ..self
        }
    }

    /// Names of plugins that it must run before.
    #[must_use]
    pub const fn before(self, names: &'static [&'static str]) -> Self {
        Self {
            before: names,
            ..self
        }
    }

    /// The oldest ABI minor of a host that it can do with.
    #[must_use]
    pub const fn min_host_minor(self, minor: &u16) -> Self {
        Self {
            min_host_minor: *minor,
            ..self
        }
    }

    /// How many bytes its JSON has.
    #[must_use]
    pub const fn json_len(&self) -> usize {
        self.check();
        self.write(Json::<0>::new()).len()
    }

    /// Its JSON. `N` is [`json_len`](Self::json_len).
    #[must_use]
    pub const fn json<const N: usize>(&self) -> [u8; N] {
        self.write(Json::<N>::new()).finish()
    }

    const fn check(&self) {
        assert!(
            is_name(self.name),
            "export_plugin!: a plugin's name must be [a-z0-9][a-z0-9-]* of at most 63 letters; give one with `name:`"
        );
        assert!(
            self.min_host_minor <= ABI_MINOR,
            "export_plugin!: min_host_minor is newer than the ABI that this plugin is built with"
        );
    }

    const fn write<const N: usize>(&self, json: Json<N>) -> Json<N> {
        let json = json
            .raw("{\"name\":")
            .text(self.name)
            .raw(",\"version\":")
            .text(self.version);
        let json = json.raw(",\"capabilities\":").list(self.capabilities);
        let json = json
            .raw(",\"env\":{\"reads\":")
            .list(self.reads)
            .raw(",\"writes\":")
            .list(self.writes);
        let json = json
            .raw(",\"secrets\":")
            .list(self.secrets)
            .raw("},\"execution\":")
            .text(self.execution);
        let json = json.raw(",\"panic\":").text(self.panic);
        let json = json
            .raw(",\"runtime\":{\"language\":\"rust\",\"compiler\":")
            .text(env!("PROVISIONHOOK_COMPILER"));
        let json = json.raw("},");
        let json = self.shared_tokens.write(json);
        let json = if self.files.is_empty() {
            json
        } else {
            json.raw("\"files\":").list(self.files).raw(",")
        };
        let json = json.raw("\"hosts\":").list(self.hosts);
        let json = if self.config_schema.is_empty() {
            json
        } else {
            json.raw(",\"config_schema\":").raw(self.config_schema)
        };
        let json = json.raw(",\"min_host_minor\":").number(self.min_host_minor);
        let json = json
            .raw(",\"after\":")
            .list(self.after)
            .raw(",\"before\":")
            .list(self.before);
        json.raw(",\"layout\":")
            .text(crate::layout::FINGERPRINT)
            .raw(",\"entry\":")
            .text(self.entry)
            .raw("}")
    }
}

const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9') && (bytes[at] != b'-' || at == 0) {
            return false;
        }
        at += 1;
    }
    0 < at && at <= 63
}

/// The ELF note: header, name, and the descriptor with the manifest of `N` bytes.
#[repr(C, align(4))]
#[derive(Debug)]
pub struct Note<const N: usize> {
    name_size: u32,
    descriptor_size: u32,
    kind: u32,
    name: [u8; 16],
    format: u32,
    abi_major: u16,
    abi_minor: u16,
    manifest: [u8; N],
}

impl<const N: usize> Note<N> {
    /// The note around a manifest.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "checked one line above")]
    pub const fn new(manifest: [u8; N]) -> Self {
        assert!(
            N < 1 << 20,
            "export_plugin!: a manifest of a megabyte or more"
        );
        let descriptor_size = N as u32 + 8;
        let name_size = NOTE_NAME.len() as u32 + 1;
        let mut name = [0; 16];
        let mut at = 0;
        while at < NOTE_NAME.len() {
            name[at] = NOTE_NAME.as_bytes()[at];
            at += 1;
        }
        Self {
            name_size,
            descriptor_size,
            kind: NOTE_TYPE,
            name,
            format: NOTE_FORMAT,
            abi_major: ABI_MAJOR,
            abi_minor: ABI_MINOR,
            manifest,
        }
    }

    /// The manifest in it.
    #[must_use]
    pub const fn manifest(&self) -> &[u8; N] {
        &self.manifest
    }
}
