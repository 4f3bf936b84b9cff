//! The overlay against a plain map, its limits, and its transactions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use provisionhook_host::{
    env::{BaseEnv, BaseOrigin, Edits, KeyPattern, KeyRules, MAX_EDIT_BYTES, MAX_EDITS, resolve},
    secret::Secret,
};

#[derive(Clone, Debug)]
enum Step {
    Set(u8, String, bool),
    Unset(u8),
    Get(u8),
    Commit,
    Rollback,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6u8, "[a-zä]{0,12}", any::<bool>()).prop_map(|(key, value, secret)| Step::Set(key, value, secret)),
        1 => (0..6u8).prop_map(Step::Unset),
        2 => (0..6u8).prop_map(Step::Get),
        1 => Just(Step::Commit),
        1 => Just(Step::Rollback),
    ]
}

fn name(key: u8) -> String {
    format!("VAR_{key}")
}

fn base(keys: &[u8]) -> BaseEnv {
    let mut base = BaseEnv::new();
    for key in keys {
        base.insert(
            BaseOrigin::Workspace,
            &name(*key),
            Secret::new("base"),
            false,
        )
        .unwrap();
    }
    base
}

fn unrestricted(base: BaseEnv) -> Edits {
    let mut edits = Edits::new(Arc::new(base));
    edits.begin(0, &Arc::new(KeyRules::unrestricted()));
    edits
}

proptest! {
    #[test]
    fn edits_are_a_map_with_transactions(keys in proptest::collection::vec(0..6u8, 0..4), steps in proptest::collection::vec(step(), 0..60)) {
        let rules = Arc::new(KeyRules::unrestricted());
        let mut edits = unrestricted(base(&keys));
        // Value, and whether an edit that was kept has made it secret.
        let mut kept: BTreeMap<String, Option<String>> = keys.iter().map(|key| (name(*key), Some("base".to_owned()))).collect();
        let mut secrets: BTreeMap<String, bool> = BTreeMap::new();
        let mut now = (kept.clone(), secrets.clone());
        for step in steps.into_iter().chain([Step::Commit]) {
            match step {
                Step::Set(key, value, secret) => {
                    edits.set(&name(key), &value, secret).unwrap();
                    now.0.insert(name(key), Some(value));
                    *now.1.entry(name(key)).or_default() |= secret;
                }
                Step::Unset(key) => {
                    edits.unset(&name(key)).unwrap();
                    now.0.insert(name(key), None);
                }
                Step::Get(key) => {
                    let expected = now.0.get(&name(key)).and_then(|value| value.as_deref());
                    prop_assert_eq!(edits.get(&name(key)).unwrap(), expected);
                }
                Step::Commit => {
                    edits.commit().unwrap();
                    edits.begin(0, &rules);
                    (kept, secrets) = now.clone();
                }
                Step::Rollback => {
                    prop_assert_eq!(edits.rollback(), None);
                    edits.begin(0, &rules);
                    now = (kept.clone(), secrets.clone());
                }
            }
        }
        let resolved = resolve(&edits, |_| "plugin");
        let env: BTreeMap<_, _> = resolved.env.iter().map(|(key, value)| (key.clone(), Some(value.value.expose().to_owned()))).collect();
        kept.retain(|_, value| value.is_some());
        prop_assert_eq!(env, kept);
        for (key, value) in &resolved.env {
            prop_assert_eq!(value.secret, secrets.get(key).copied().unwrap_or_default());
        }
    }
}

#[test]
fn a_refusal_fails_the_transaction_whatever_came_before_and_after() {
    let rules = Arc::new(KeyRules::new(
        Vec::new(),
        vec![KeyPattern::parse("MINE").unwrap()],
        Vec::new(),
    ));
    let mut edits = Edits::new(Arc::new(BaseEnv::new()));
    edits.begin(0, &rules);
    edits.set("MINE", "1", false).unwrap();
    assert!(edits.set("OTHER", "1", false).is_err());
    assert!(edits.get("HOME").is_err());
    edits.set("MINE", "2", false).unwrap();
    let refusal = edits.commit().unwrap_err().to_string();
    assert!(
        refusal.contains("(MINE), found \"OTHER\""),
        "the first one counts: {refusal}"
    );
    assert!(edits.is_empty());
    edits.begin(1, &rules);
    assert_eq!(edits.commit(), Ok(()));
}

#[test]
fn names_and_values_from_bytes_are_checked() {
    for (key, value, reason) in [
        (&b"A"[..], &b"\xff"[..], "UTF-8 as the value of A"),
        (b"A", b"x\0y", "found one at byte 1"),
        (b"\xff", b"x", "bytes that are not UTF-8"),
        (b"A=B", b"x", "'=' at byte 1"),
        (b"A\n", b"x", "'\\n' at byte 1"),
        (b"", b"x", "found an empty one"),
        (&[b'A'; 1_000_000], b"x", "found 1000000 bytes"),
        (b"A", &[b'x'; 1_000_000], "found a value of 1000000 bytes"),
    ] {
        let mut edits = unrestricted(BaseEnv::new());
        let refusal = edits.set_bytes(key, value, false).unwrap_err().to_string();
        assert!(refusal.contains(reason) && refusal.len() < 300, "{refusal}");
        assert_eq!(edits.commit().unwrap_err().to_string(), refusal);
    }
}

#[test]
fn there_is_an_end_to_edits_and_bytes() {
    let mut edits = unrestricted(BaseEnv::new());
    for _ in 0..MAX_EDITS {
        edits.set("KEY", "value", false).unwrap();
    }
    assert!(
        edits
            .unset("KEY")
            .unwrap_err()
            .to_string()
            .contains("at most 4096 edits")
    );
    let mut edits = unrestricted(BaseEnv::new());
    let large = "x".repeat(100_000);
    let fit = MAX_EDIT_BYTES / (large.len() + 3);
    for _ in 0..fit {
        edits.set("KEY", &large, true).unwrap();
    }
    assert!(edits.set("KEY", &large, true).is_err());
    assert_eq!(edits.get("KEY").unwrap(), Some(&*large));
}

#[test]
fn edits_that_belong_to_no_run_take_nothing() {
    let mut edits = Edits::default();
    assert!(
        edits
            .set("KEY", "value", false)
            .unwrap_err()
            .to_string()
            .contains("the call has ended")
    );
    assert!(edits.get("KEY").is_err());
}
