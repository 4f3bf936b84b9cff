//! What the compiler tells an author who misuses `export_plugin!`.

#[test]
fn misuse_is_told_at_compile_time() {
    trybuild::TestCases::new().compile_fail("tests/misuse/*.rs");
}
