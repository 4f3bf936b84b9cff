//! What a C plugin passes as text: any bytes, with any length beside a null pointer; and then as a variable's name and value.
#![no_main]

use std::{ptr, sync::Arc};

use libfuzzer_sys::fuzz_target;
use provisionhook_host::env::{BaseEnv, Edits, KeyRules, keys::valid_name};
use provisionhook_plugin_abi::{
    pointer::{PointerError, text},
    wire::Str,
};

fuzz_target!(|input: (usize, bool, &[u8], &[u8])| {
    let (length, secret, name, value) = input;
    let nothing = Str {
        ptr: ptr::null(),
        len: length,
    };
    // SAFETY: a null pointer is never followed.
    let decoded = unsafe { text(nothing) };
    let expected = if length == 0 {
        Ok("")
    } else {
        Err(PointerError::Null)
    };
    assert_eq!(decoded, expected);

    let lent = Str {
        ptr: value.as_ptr(),
        len: value.len(),
    };
    // SAFETY: the bytes live until the end of this run.
    let decoded = unsafe { text(lent) };
    assert_eq!(decoded.ok(), std::str::from_utf8(value).ok());

    let mut edits = Edits::new(Arc::new(BaseEnv::new()));
    edits.begin(0, &Arc::new(KeyRules::unrestricted()));
    if edits.set_bytes(name, value, secret).is_ok() {
        let name = std::str::from_utf8(name).expect("a name that was taken is UTF-8");
        assert!(valid_name(name), "{name:?}");
        assert!(!value.contains(&0), "a NUL ends a variable");
        let found = edits.get(name).expect("it may read what it set");
        assert_eq!(found.map(str::as_bytes), Some(value));
    }
});
