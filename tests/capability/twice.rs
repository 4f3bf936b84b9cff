//! One crate and one type in two libraries: a loader that keeps one module per type would run the first one twice.

use crate::directory::Directory;

#[test]
fn two_plugins_from_the_same_crate_and_type_are_two_plugins() {
    let world = Directory::new()
        .outside("other-copy")
        .outside("same-source")
        .config("same-source", r#"{"prefix":"second."}"#)
        .boot();
    assert_eq!(world.names(), ["other-copy", "same-source"]);
    let environment = world.environment();
    assert_eq!(
        environment["OUTSIDE_TYPE_OF_OTHER_COPY"],
        environment["OUTSIDE_TYPE_OF_SAME_SOURCE"]
    );
    assert_eq!(environment["OUTSIDE_SEEN"], "other-copy;same-source;");
    assert_eq!(
        world.token("other-copy").value.expose(),
        "other-copy.w1.acme/site"
    );
    assert_eq!(
        world.token("same-source").value.expose(),
        "second.same-source.w1.acme/site"
    );
}

#[test]
fn the_same_file_twice_is_refused_by_its_name() {
    let directory = Directory::new()
        .outside("other-copy")
        .outside_as("other-copy", "zz-copy-of-it");
    let first = directory.file("other-copy");
    let world = directory.boot();
    assert_eq!(world.names(), ["other-copy"]);
    assert_eq!(
        world.report("zz-copy-of-it"),
        format!(
            "policy: expected one file for plugin other-copy, found a second one beside {}; remove one of them, or pin \
             the right one by its sha256",
            first.display()
        )
    );
}
