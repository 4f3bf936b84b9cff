//! [`export_plugin!`].

/// Makes a library a plugin: its manifest, its ELF note, its entry.
///
/// ```text
/// export_plugin! {
///     Hello {
///         // Of env_mutator, token_provider, file_contributor, workspace_lifecycle:
///         capabilities: [env_mutator, token_provider],
///         execution: inline,              // or async, or blocking
///         // The rest is optional, in any order:
///         name: "hello",                  // otherwise the crate's
///         version: "1.0.0",               // otherwise the crate's
///         reads: ["HOME"],
///         writes: ["GREETING", "HELLO_*", "config:/variable"],
///         secrets: ["HELLO_TOKEN"],
///         shared_tokens: true,            // or "config:/share_tokens", a boolean there
///         files: [".config/hello.toml", ".config/hello/*", "config:/file"],
///         hosts: ["api.example.com", "config:/base_url"],
///         config_schema: include_str!("schema.json"),
///         after: ["pat-store"],
///         before: [],
///         min_host_minor: 1,
///     }
/// }
/// ```
///
/// `Hello` implements [`Plugin`](crate::sdk::Plugin) and the trait of each capability. The macro works in a crate with
/// `#![forbid(unsafe_code)]`. Use it once in a crate of `crate-type = ["cdylib"]`; with `["rlib", "cdylib"]` the crate can
/// also be a dev-dependency whose library cargo leaves beside the test.
///
/// The entry symbol carries the names of crate and type, and the manifest says which it is: several plugins can be linked
/// into one program.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ident {
        capabilities: [$($capability:ident),+ $(,)?],
        execution: $execution:tt
        $(, $field:ident: $value:expr)* $(,)?
    }) => {
        const _: () = {
            type Class = $crate::__class!($execution);
            const ENTRY_NAME: &str = ::core::concat!("provisionhook_plugin_entry_", ::core::env!("CARGO_CRATE_NAME"), "_", ::core::stringify!($plugin));
            const MANIFEST: $crate::manifest::Manifest = $crate::manifest::Manifest::new(
                &[$($crate::__capability!($capability)),+],
                ::core::stringify!($execution),
                ENTRY_NAME,
                ::core::env!("CARGO_PKG_NAME"),
                ::core::env!("CARGO_PKG_VERSION"),
            )$(.$field($crate::__value!($field, $value)))*;
            const LENGTH: usize = MANIFEST.json_len();

            #[used]
            #[unsafe(link_section = ".note.provisionhook")]
            static NOTE: $crate::manifest::Note<LENGTH> = $crate::manifest::Note::new(MANIFEST.json());

            #[unsafe(export_name = ::core::concat!("provisionhook_plugin_entry_", ::core::env!("CARGO_CRATE_NAME"), "_", ::core::stringify!($plugin)))]
            static ENTRY: $crate::ffi::ExportedEntry =
                $crate::ffi::ExportedEntry::new::<$plugin, LENGTH>(&NOTE, extension);

            unsafe extern "C" fn extension(id: $crate::wire::Str) -> *const ::core::ffi::c_void {
                let tables = [$($crate::__table!($capability, $plugin, Class)),+];
                // SAFETY: the host lends the id for this call.
                unsafe { $crate::ffi::entry::extension(id, &tables) }
            }

            impl $crate::ffi::Exported for $plugin {
                fn entry() -> &'static $crate::wire::Entry {
                    ENTRY.get()
                }
            }
        };
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "export_plugin!: expected `Plugin { capabilities: [env_mutator | token_provider | file_contributor | workspace_lifecycle, ...], execution: inline | async | blocking, ... }`"
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __class {
    (inline) => {
        $crate::sdk::Inline
    };
    (async) => {
        $crate::sdk::Async
    };
    (blocking) => {
        $crate::sdk::Blocking
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "export_plugin!: expected `execution: inline`, `async` or `blocking`"
        )
    };
}

/// How the value of a field is handed on: `shared_tokens` takes either of two types.
#[doc(hidden)]
#[macro_export]
macro_rules! __value {
    (shared_tokens, $value:expr) => {
        $crate::manifest::Given($value).sharing()
    };
    ($field:ident, $value:expr) => {
        &$value
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __capability {
    (env_mutator) => {
        $crate::wire::ENV_MUTATOR_1
    };
    (token_provider) => {
        $crate::wire::TOKEN_PROVIDER_1
    };
    (file_contributor) => {
        $crate::wire::FILE_CONTRIBUTOR_1
    };
    (workspace_lifecycle) => {
        $crate::wire::WORKSPACE_LIFECYCLE_1
    };
    ($other:tt) => {
        ::core::compile_error!(::core::concat!(
            "export_plugin!: expected capability `env_mutator`, `token_provider`, `file_contributor` or `workspace_lifecycle`, found `",
            ::core::stringify!($other),
            "`"
        ))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __table {
    (env_mutator, $plugin:ty, $class:ty) => {
        (
            $crate::wire::ENV_MUTATOR_1,
            ::core::ptr::from_ref($crate::ffi::Tables::<$plugin, $class>::ENV_MUTATOR)
                .cast::<::core::ffi::c_void>(),
        )
    };
    (token_provider, $plugin:ty, $class:ty) => {
        (
            $crate::wire::TOKEN_PROVIDER_1,
            ::core::ptr::from_ref($crate::ffi::Tables::<$plugin, $class>::TOKEN_PROVIDER)
                .cast::<::core::ffi::c_void>(),
        )
    };
    (file_contributor, $plugin:ty, $class:ty) => {
        (
            $crate::wire::FILE_CONTRIBUTOR_1,
            ::core::ptr::from_ref($crate::ffi::Tables::<$plugin, $class>::FILE_CONTRIBUTOR)
                .cast::<::core::ffi::c_void>(),
        )
    };
    (workspace_lifecycle, $plugin:ty, $class:ty) => {
        (
            $crate::wire::WORKSPACE_LIFECYCLE_1,
            ::core::ptr::from_ref($crate::ffi::Tables::<$plugin, $class>::WORKSPACE_LIFECYCLE)
                .cast::<::core::ffi::c_void>(),
        )
    };
    ($other:tt, $plugin:ty, $class:ty) => {
        ("", ::core::ptr::null())
    };
}
