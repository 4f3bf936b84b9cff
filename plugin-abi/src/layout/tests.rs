//! The contract against the golden layout, the compiler and its own history; and the rules on made-up layouts.

use std::mem::offset_of;

use super::*;
use crate::wire::*;

fn model(text: &str) -> Model {
    text.parse().unwrap()
}

#[test]
fn the_contract_is_the_golden_one() {
    let changes: Vec<String> = changes(&model(GOLDEN), &own())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        changes.is_empty(),
        "the contract is not as in abi-layout.golden:\n{}",
        changes.join("\n")
    );
    assert_eq!(own().to_string(), GOLDEN, "run `cargo xtask abi --accept`");
}

#[test]
fn this_minor_only_appended_to_the_last() {
    let told = appended_since(include_str!("../../abi-history/0.2/abi-layout.golden"));
    let expected = [
        "struct File",
        "struct FileContributor1",
        "struct Files",
        "struct FilesVtable",
        "struct ReplyVtable, field \"again: fn(*mut Reply, u64)\" (8 bytes at 32)",
        "struct State1",
        "struct StateSink",
        "struct StateSinkVtable",
        "struct WorkspaceLifecycle1",
    ];
    assert_eq!(told, expected);
}

#[test]
fn nothing_but_appends_since_the_first_minor() {
    let told = appended_since(include_str!("../../abi-history/0.1/abi-layout.golden"));
    assert!(
        told.contains(&"struct Call, field \"traceparent: Str\" (16 bytes at 112)".to_owned()),
        "{told:?}"
    );
}

/// What has changed since then; it is all appended, and both sides take each other's.
fn appended_since(golden: &str) -> Vec<String> {
    let then = model(golden);
    let changes = changes(&then, &own());
    assert!(
        changes.iter().all(|change| change.rule.is_append()),
        "{changes:?}"
    );
    assert_eq!(compare(&own(), &then), Ok(()));
    assert_eq!(compare(&then, &own()), Ok(()));
    changes.into_iter().map(|change| change.what).collect()
}

/// Compares the compiler's offsets with the model's. A field that is missing here does not compile.
macro_rules! as_compiled {
    ($($name:ident { $($field:ident),+ }),+ $(,)?) => {{
        let own = own();
        $(
            let _: fn($name) = |$name { $($field: _),+ }| {};
            let found = own.find(stringify!($name)).expect(stringify!($name));
            assert_eq!((found.size, found.align), (size_of::<$name>(), align_of::<$name>()), stringify!($name));
            let offsets: Vec<(&str, usize)> = found.fields.iter().map(|field| (field.name.as_str(), field.offset)).collect();
            assert_eq!(offsets, [$((stringify!($field), offset_of!($name, $field))),+], stringify!($name));
        )+
        [$(stringify!($name)),+]
    }};
}

#[test]
fn the_model_has_the_compilers_offsets() {
    let checked = as_compiled! {
        Bytes { ptr, len },
        Call { struct_size, flags, workspace_id, workspace_name, tenant, role, runtime, labels, label_count, deadline_ns, traceparent },
        Clock1 { struct_size, reserved, unix_ms, monotonic_ns, sleep },
        Entry { prefix, manifest, rust_layout, create, destroy, extension },
        Env { vtable },
        EnvMutator1 { struct_size, reserved, mutate },
        EnvVtable { struct_size, reserved, get, set, unset },
        Fault { struct_size, kind, message, retry_after_ms },
        File { struct_size, flags, path, mode, reserved, bytes },
        FileContributor1 { struct_size, reserved, contribute },
        Files { vtable },
        FilesVtable { struct_size, reserved, put },
        Host { prefix, extension },
        Http1 { struct_size, reserved, send, fetch },
        HttpRequest { struct_size, flags, method, url, headers, header_count, body, timeout_ms, max_response_bytes },
        HttpSink { vtable },
        HttpSinkVtable { struct_size, reserved, status, header, body, fault },
        Log1 { struct_size, reserved, enabled, log },
        LogRecord { struct_size, level, target, message, fields, field_count },
        Op { vtable },
        OpVtable { struct_size, reserved, poll, drop },
        Pair { key, value },
        Prefix { magic, struct_size, abi_major, abi_minor },
        Reply { vtable },
        ReplyVtable { struct_size, reserved, fault, token, pending, again },
        Scope { struct_size, flags, audience, repositories, repository_count, permissions, permission_count },
        State1 { struct_size, reserved, read, write, remove },
        StateSink { vtable },
        StateSinkVtable { struct_size, reserved, value, fault },
        Str { ptr, len },
        Token { struct_size, flags, value, expires_at_unix_ms, username },
        TokenProvider1 { struct_size, reserved, token },
        Waker { vtable, data },
        WakerVtable { struct_size, reserved, clone, wake, wake_by_ref, drop },
        WorkspaceLifecycle1 { struct_size, reserved, tend, ended },
    };
    let own = own();
    let rest: Vec<&str> = own
        .structs
        .iter()
        .map(|found| found.name.as_str())
        .filter(|name| !checked.contains(name))
        .collect();
    assert_eq!(rest, ["FaultKind", "Instance"]);
}

#[test]
fn a_plugins_own_copy_of_the_contract_passes() {
    // SAFETY: this crate's own layout, which is a static.
    #[expect(unsafe_code, reason = "plays the host")]
    let checked = unsafe { check(exported()) };
    assert_eq!(checked, Ok(()));
    // SAFETY: null is never followed.
    #[expect(unsafe_code, reason = "plays the host")]
    let checked = unsafe { check(std::ptr::null()) };
    assert_eq!(
        checked.unwrap_err().to_string(),
        "layout: expected a pointer, found null"
    );
}

#[test]
fn the_first_difference_is_told() {
    let plugin = model(&GOLDEN.replace("40  16 tenant: Str", "40   8 tenant: *const u8"));
    let expected = "struct Call, field 5: expected \"tenant: Str\" (16 bytes at 40), \
                    found \"tenant: *const u8\" (8 bytes at 40)";
    assert_eq!(compare(&own(), &plugin).unwrap_err().to_string(), expected);
}

#[test]
fn a_frozen_type_may_not_even_grow() {
    let plugin = model(&GOLDEN.replace(
        "8   8 data: *mut c_void",
        "8   8 data: *mut c_void\n   16   8 more: u64",
    ));
    let expected = "struct Waker, field 3: expected its end, found \"more: u64\" (8 bytes at 16)";
    assert_eq!(compare(&own(), &plugin).unwrap_err().to_string(), expected);
}

#[test]
fn the_fingerprint_is_fnv_1a() {
    assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
    assert_eq!(FINGERPRINT, format!("{:016x}", fnv(GOLDEN.as_bytes())));
}

const SIZED: &str =
    "struct A size 16 align 8\n  0 4 struct_size: u32\n  4 4 flags: u32\n  8 8 count: u64\n";
const VALUE: &str = "struct V size 8 align 8\n  0 8 bits: u64\n";

/// What each change is, and that it is told with the name of the rule.
fn rules(old: &str, new: &str) -> Vec<Rule> {
    changes(&model(old), &model(new))
        .iter()
        .map(|change| change.rule)
        .collect()
}

#[test]
fn an_append_is_fine() {
    let longer = SIZED.replace("size 16", "size 24") + "  16 8 more: u64\n";
    assert_eq!(rules(SIZED, SIZED), []);
    assert_eq!(rules(SIZED, &longer), [Rule::Appended]);
    assert_eq!(rules(SIZED, &format!("{SIZED}{VALUE}")), [Rule::Appended]);
    let told = changes(&model(SIZED), &model(&longer))[0].to_string();
    assert!(
        told.ends_with("appended; accept it with `cargo xtask abi --accept`, and raise ABI_MINOR"),
        "{told}"
    );
}

#[test]
fn everything_else_breaks_a_rule() {
    let shorter = "struct A size 8 align 8\n  0 4 struct_size: u32\n  4 4 flags: u32\n";
    assert_eq!(rules(SIZED, shorter), [Rule::Removed, Rule::Shrunk]);
    assert_eq!(
        rules(SIZED, &SIZED.replace("count: u64", "count: i64")),
        [Rule::Retyped]
    );
    let swapped =
        "struct A size 16 align 8\n  0 4 struct_size: u32\n  8 8 count: u64\n  4 4 flags: u32\n";
    assert_eq!(rules(SIZED, swapped), [Rule::Moved, Rule::Moved]);
    let between = "struct A size 24 align 8\n  0 4 struct_size: u32\n  4 4 flags: u32\n  8 8 new: u64\n  16 8 count: u64\n";
    assert_eq!(rules(SIZED, between), [Rule::Moved, Rule::Inserted]);
    assert_eq!(
        rules(VALUE, &VALUE.replace("bits: u64", "bits: i64")),
        [Rule::Frozen]
    );
    assert_eq!(
        rules(
            VALUE,
            &(VALUE.replace("size 8", "size 16") + "  8 8 more: u64\n")
        ),
        [Rule::Frozen]
    );
    assert_eq!(
        rules(&format!("{SIZED}{VALUE}"), SIZED),
        [Rule::StructRemoved]
    );
    let told = changes(
        &model(SIZED),
        &model(&SIZED.replace("count: u64", "count: i64")),
    )[0]
    .to_string();
    let expected = "struct A, field \"count: u64\" (8 bytes at 8): breaks the rule \"a field keeps its type\": append another one";
    assert_eq!(told, expected);
}

#[test]
fn what_is_no_golden_layout_is_refused_with_its_line() {
    let error = "struct A size 8 align 8\n  zero 8 a: u64\n"
        .parse::<Model>()
        .unwrap_err();
    assert!(error.to_string().starts_with("line 2: expected"), "{error}");
    assert!("  0 8 a: u64\n".parse::<Model>().is_err());
}
