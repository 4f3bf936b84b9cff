//! No secret that was in use is in a log or in an answer that is not meant to hold it.

use github_server::{Fault, StatusCode, Times};
use rustix::process::Signal;

use crate::{
    platform::{Platform, Workspace},
    world::{ADMIN, PAT, World, until},
};

#[test]
fn no_secret_is_in_the_text_log_or_in_an_answer() {
    nothing_leaks("text");
}

#[test]
fn no_secret_is_in_the_json_log_or_in_an_answer() {
    nothing_leaks("json");
}

/// Does what uses secrets, well and badly, while the platform logs all that it can.
fn nothing_leaks(format: &str) {
    let world = World::new().and_tables(&format!(
        "[log]\nformat = \"{format}\"\nfilter = \"trace\"\n"
    ));
    let platform = world.serve();
    let script = "printf 'protocol=https\\nhost=github.com\\n\\n' | git credential fill | tee got; git credential reject <got";
    let workspace = platform.provision(&["sh", "-c", script]);
    let output = platform.whole_output(&workspace.id);
    assert!(output.contains("password=ghs_"), "{output}");
    let living = platform.provision(&["sleep", "600"]);
    platform.token_for(&living).expect(200);
    world
        .github
        .set_fault(Fault::ServerError(StatusCode::BAD_GATEWAY), Times::Always);
    erase_all(&world, &platform, &living);
    assert_eq!(platform.token_for(&living).status, 500);
    world.github.clear_fault();
    until("the provider to be asked again", || {
        platform.get("/admin/github-installation-token").status == 200
    });
    let wrong = world.get(&format!("{}/workspaces", platform.url), PAT);
    assert_eq!(wrong.status, 401);

    let mut secrets = world.secrets();
    secrets.extend([workspace.token, living.token]);
    let check = |place: &str, text: &str| {
        for secret in &secrets {
            let shown: String = secret.chars().take(8).collect();
            assert!(
                !text.contains(secret.as_str()),
                "{place} has the secret {shown}…"
            );
        }
    };
    for path in [
        "/metrics",
        "/admin/plugins",
        "/workspaces",
        "/health",
        "/ready",
    ] {
        check(path, &platform.get(path).text);
    }
    for id in [&workspace.id, &living.id] {
        for path in [
            format!("/workspaces/{id}"),
            format!("/workspaces/{id}/events"),
        ] {
            check(&path, &platform.get(&path).text);
        }
    }
    platform.delete(&living.id);
    platform.signal(Signal::TERM);
    until("the platform to end", || !platform.lives());
    let log = platform.log();
    assert!(log.contains("[github] token refresh failed"), "{log}");
    assert!(secrets.len() > 30 && secrets.contains(&ADMIN.to_owned()));
    check("the log", &log);
    check("the database", &database(&world));
}

/// All that is on record, events too.
fn database(world: &World) -> String {
    let read = |file| std::fs::read(world.path("state").join(file)).unwrap_or_default();
    let bytes = [read("state.db"), read("state.db-wal")].concat();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("provision.step"), "the events are there");
    text
}

/// Makes the platform forget every token, so that the next one has to be fetched.
fn erase_all(world: &World, platform: &Platform<'_>, workspace: &Workspace) {
    let path = format!("/workspaces/{}/tokens/github-app-auth/erase", workspace.id);
    for issued in world.github.issued_tokens() {
        let body = serde_json::json!({"token": issued.token}).to_string();
        let url = format!("{}{path}", platform.url);
        world
            .send(
                reqwest::Method::POST,
                &url,
                &workspace.token,
                body.into_bytes(),
            )
            .expect(204);
    }
}
