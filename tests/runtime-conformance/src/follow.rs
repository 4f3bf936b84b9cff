//! Reading what a workspace writes while it writes.

use futures_util::StreamExt as _;
use provisionhook_host::runtime::{OutputStream, RuntimeErrorKind};

use crate::{
    Subject, World,
    world::{PATIENCE, file},
};

/// What is there, what comes, and the end; and a second follower hears the same.
pub async fn what_is_written_is_followed_to_the_end<S: Subject>(world: &World<S>) {
    let script = "echo one; while [ \"$(cat go)\" = no ]; do sleep 0.05; done; echo two >&2; sleep 0.2; echo three";
    let go = |text: &str| vec![file("go", 0o600, false, text)];
    let spec = world.spec("followed", script).with_files(go("no"));
    world.runtime.start(&spec).await.unwrap();
    let id = spec.id().clone();
    let mut output = world.runtime.follow(&id, 1000).await.unwrap();
    let mut heard = String::new();
    while heard != "one\n" {
        heard += &next(&mut output).await.unwrap();
    }
    let mut late = world.runtime.follow(&id, 2).await.unwrap();
    let put = world.runtime.put_files(&id, go("yes").into()).await;
    assert_eq!(put.unwrap().len(), 1);
    assert_eq!(heard + &rest(&mut output).await, "one\ntwo\nthree\n");
    assert_eq!(rest(&mut late).await, "e\ntwo\nthree\n");
    assert_eq!(world.exit_code(&id).await, 0);
}

/// The tail may begin in an earlier run.
pub async fn what_has_ended_is_given_and_ends<S: Subject>(world: &World<S>) {
    let absent = world.runtime.follow(&world.subject.id("absent"), 10).await;
    assert_eq!(absent.err().unwrap().kind(), RuntimeErrorKind::NotFound);
    let id = world.start("again", "echo first").await;
    world.ends(&id).await;
    world.runtime.clear(&id).await.unwrap();
    let id = world.start("again", "echo second").await;
    world.ends(&id).await;
    for (tail, expected) in [
        (0, ""),
        (3, "nd\n"),
        (10, "st\nsecond\n"),
        (99, "first\nsecond\n"),
    ] {
        let mut output = world.runtime.follow(&id, tail).await.unwrap();
        assert_eq!(rest(&mut output).await, expected, "{tail}");
    }
}

async fn next(output: &mut OutputStream) -> Option<String> {
    let piece = tokio::time::timeout(PATIENCE, output.next()).await;
    let piece = piece.expect("output, or its end");
    piece.map(|piece| String::from_utf8(piece.unwrap()).unwrap())
}

async fn rest(output: &mut OutputStream) -> String {
    let mut heard = String::new();
    while let Some(piece) = next(output).await {
        heard += &piece;
    }
    heard
}
