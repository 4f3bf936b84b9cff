//! What a client gets told that sends what it should not, and that it costs nobody else anything.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    platform::Platform,
    world::{ADMIN, World},
};

/// A body for `POST /workspaces` that is refused.
fn refused(platform: &Platform<'_>, body: impl Into<Vec<u8>>, status: u16) -> Value {
    platform.post("/workspaces", body).expect(status)
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    let world = World::bare();
    let platform = world.serve();
    let malformed = refused(&platform, "{\"command\": [", 400);
    let text = malformed["error"].as_str().unwrap();
    assert!(
        text.starts_with("expected a JSON body, found malformed JSON: "),
        "{text}"
    );
    let invalid = refused(&platform, b"{\"command\": [\"\xff\xfe\"]}".as_slice(), 400);
    let text = invalid["error"].as_str().unwrap();
    assert!(
        text.starts_with("expected a JSON body, found malformed JSON: "),
        "{text}"
    );
    let deep = refused(&platform, "[".repeat(100_000), 400);
    assert!(
        deep["error"].as_str().unwrap().contains("recursion limit"),
        "{deep}"
    );
    let huge = refused(&platform, vec![b' '; 1024 * 1024 + 1], 413);
    assert_eq!(
        huge["error"],
        "expected a body of at most 1048576 bytes, found more: shorten it"
    );
    refused(&platform, "", 400);
    refused(&platform, "[]", 400);
    assert_eq!(platform.send(Method::PUT, "/workspaces", "").status, 405);
    assert_eq!(platform.get("/nothing").status, 404);
    assert_eq!(platform.get("/workspaces/%ff").status, 404);
    assert_eq!(platform.get("/workspaces/..%2f..%2fetc").status, 404);
    platform.get("/health").expect(200);
    assert_eq!(
        platform.get("/workspaces").expect(200),
        json!({"workspaces": [], "next": null})
    );
}

#[test]
fn every_wrong_field_is_named_at_once_and_no_value() {
    let world = World::bare();
    let platform = world.serve();
    let answer = refused(
        &platform,
        json!({
            "comand": ["true"], "command": ["true"], "id": "../up",
            "env": {"NUL": "s3cret\u{0}", "A=B": "", "NEW\nLINE": "", "N\u{0}": "", "": "",
                    "PROVISIONHOOK_TOKEN": "x", "BIG": "s3cret".repeat(30_000)},
        })
        .to_string(),
        400,
    );
    assert_eq!(
        answer["error"],
        "the workspace cannot be created as described"
    );
    assert!(!answer.to_string().contains("s3cret"));
    let problems = answer["problems"].as_array().unwrap();
    let problem = |field: &str| {
        let found = problems.iter().find(|problem| problem["field"] == field);
        found.unwrap_or_else(|| panic!("{field}: {answer:#}"))["problem"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        problem("comand"),
        "there is no such field: did you mean \"command\"?"
    );
    for field in [
        "id",
        "env.NUL",
        "env.\"A=B\"",
        "env.\"NEW\\nLINE\"",
        "env.\"N\\0\"",
        "env.\"\"",
        "env.BIG",
        "env.PROVISIONHOOK_TOKEN",
    ] {
        assert!(
            problem(field).contains("expected"),
            "{field}: {}",
            problem(field)
        );
    }
    assert_eq!(problems.len(), 9, "{answer:#}");
}

#[test]
fn a_command_that_cannot_run_is_told_as_such() {
    let world = World::bare();
    let platform = world.serve();
    let missing = refused(
        &platform,
        json!({"command": ["no-such-program"]}).to_string(),
        422,
    );
    assert_eq!(missing["error"], "the command was not found");
    let directory = refused(&platform, json!({"command": ["/tmp"]}).to_string(), 422);
    assert_eq!(directory["error"], "the command cannot be executed");
}

#[test]
fn a_token_opens_its_own_door_only() {
    let world = World::new();
    let platform = world.serve();
    let (one, other) = (
        platform.provision(&["sleep", "600"]),
        platform.provision(&["sleep", "600"]),
    );
    let as_one = |path: String| {
        world
            .get(&format!("{}{path}", platform.url), &one.token)
            .status
    };
    let tokens = |id: &str| format!("/workspaces/{id}/tokens/github-app-auth");
    assert_eq!(as_one(tokens(&one.id)), 200);
    assert_eq!(as_one(tokens(&other.id)), 401);
    assert_eq!(as_one(tokens("ws-none")), 401);
    assert_eq!(as_one(format!("/workspaces/{}", one.id)), 403);
    assert_eq!(as_one("/admin/github-installation-token".to_owned()), 403);
    assert_eq!(platform.get(&tokens(&one.id)).status, 403);
    for workspace in [one, other] {
        platform.delete(&workspace.id);
    }
}

#[test]
fn a_route_without_parameters_refuses_any() {
    let world = World::new();
    let platform = world.serve();
    let workspace = platform.provision(&["sleep", "600"]);
    let path = format!("/workspaces/{}", workspace.id);
    let own = |method: Method, path: &str| {
        let url = format!("{}{path}", platform.url);
        world.send(
            method,
            &url,
            &workspace.token,
            b"{\"token\": \"x\"}".to_vec(),
        )
    };
    let mut refused = vec![
        platform.get(&format!("{path}?x=1")),
        platform.get("/admin/plugins?x=1"),
        platform.get("/openapi.json?x=1"),
        platform.get("/admin/github-installation-token?x=1"),
        platform.post("/workspaces?x=1", json!({"command": ["true"]}).to_string()),
        own(
            Method::GET,
            &format!("{path}/github-installation-token?repositories=acme/website"),
        ),
        own(
            Method::POST,
            &format!("{path}/tokens/github-app-auth/erase?x=1"),
        ),
    ];
    for action in ["pause", "resume", "restart", "stop"] {
        refused.push(platform.post(&format!("{path}/{action}?x=1"), ""));
    }
    let url = format!("{}{path}?force=true", platform.url);
    refused.push(world.send(Method::DELETE, &url, ADMIN, Vec::new()));
    for answer in refused {
        let body = answer.expect(400);
        assert_eq!(body["error"], "the query is not valid");
        assert_eq!(
            body["problems"][0]["problem"],
            "this route takes no parameters: leave it out"
        );
    }
    // Who may not ask at all is told that first.
    let url = format!("{}{path}?x=1", platform.url);
    assert_eq!(world.get(&url, "wrong").status, 401);
    // Nothing was done, and no token was handed out.
    assert_eq!(platform.get(&path).expect(200)["state"], "running");
    assert!(!platform.log().contains("action=\"stop\""));
    for probe in ["/health", "/ready", "/metrics"] {
        assert_eq!(platform.get(&format!("{probe}?x=1")).status, 200);
    }
    platform.get(&format!("{path}?")).expect(200);
    platform.delete(&workspace.id);
}
