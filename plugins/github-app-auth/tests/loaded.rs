//! The real `.so`, loaded by the host from a directory: its manifest, its two capabilities, and a key that is none.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use github_server::GithubServer;
use provisionhook_host::{
    call::Call,
    capability::{Outcome, Scope},
    discover::discover,
    env::{BaseEnv, Edits},
    fault::{Fault, FaultKind},
    inspect::{Libraries, inspect},
    load::{DEFAULT_LOAD_LIMIT, LoadError, Loaded, Services, load_all},
    policy::Policy,
    redact::Redactor,
    services::http::{HttpClient, HttpSettings},
    verify::{ConfigSource, Verifier},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

const KEYS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/github-server/keys"
);

/// No config here refers to a variable.
struct NoVariables;

impl ConfigSource for NoVariables {
    fn read_env(&self, _: &str) -> Option<Zeroizing<String>> {
        None
    }
}

/// A plugin directory with the plugin, its config and a key that nobody else may read.
fn directory(base_url: &str, key: &str, changes: &Value) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    // Cargo leaves it beside the test.
    let built = env::current_exe()
        .unwrap()
        .with_file_name("libgithub_app_auth.so");
    fs::copy(built, directory.path().join("github-app-auth.so")).unwrap();
    let key_file = directory.path().join("app.pem");
    fs::copy(Path::new(KEYS).join(key), &key_file).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let mut config = json!({
        "app_id": 123_456,
        "owner": "acme",
        "private_key": { "$file": key_file },
        "base_url": base_url,
    });
    for (field, value) in changes.as_object().unwrap() {
        config[field] = value.clone();
    }
    let config_file = directory.path().join("github-app-auth.json");
    fs::write(&config_file, config.to_string()).unwrap();
    fs::set_permissions(&config_file, fs::Permissions::from_mode(0o600)).unwrap();
    directory
}

/// # Errors
/// The host does not load it; a plugin that gets no further than that fails the test.
fn load(directory: &TempDir, runtime: &Runtime) -> Result<Loaded, LoadError> {
    let candidate = discover(directory.path())
        .unwrap()
        .candidates
        .remove(0)
        .unwrap();
    let inspected = inspect(candidate, &Libraries::of_this_process()).unwrap();
    let policy = Policy::default();
    let verified = Verifier::new(&policy, &NoVariables)
        .verify(inspected)
        .unwrap();
    let services = Services {
        http: HttpClient::new(&HttpSettings::default()).unwrap(),
        redactor: Redactor::new(),
        runtime: runtime.handle().clone(),
        load_limit: DEFAULT_LOAD_LIMIT,
    };
    load_all(&[Arc::new(verified)], &services).remove(0)
}

fn github(runtime: &Runtime) -> GithubServer {
    let public = fs::read_to_string(Path::new(KEYS).join("app.public.pem")).unwrap();
    let builder = GithubServer::builder().public_key_pem(&public);
    let builder = builder.installation(42, "acme", &["web", "api"], &[("contents", "write")]);
    runtime.block_on(builder.start()).unwrap()
}

/// # Errors
/// The plugin's.
fn finish<T>(runtime: &Runtime, outcome: Outcome<'_, T>) -> Result<T, Fault> {
    match outcome {
        Outcome::Ready(result) => result,
        Outcome::Pending(later) => runtime.block_on(later),
    }
}

/// What the plugin puts into an empty environment, under the rules that it declares.
fn mutate(runtime: &Runtime, plugin: &Loaded, names: &[&str]) -> Vec<Option<String>> {
    let mut edits = Edits::new(Arc::new(BaseEnv::new()));
    edits.begin(0, &Arc::new(plugin.verified().keys().clone()));
    let call = Call::default();
    finish(runtime, plugin.mutator().unwrap().mutate(&call, &mut edits)).unwrap();
    edits.commit().unwrap();
    names
        .iter()
        .map(|name| edits.get(name).unwrap().map(str::to_owned))
        .collect()
}

#[test]
fn the_manifest_says_what_it_does() {
    let runtime = Runtime::new().unwrap();
    let plugin = load(
        &directory("http://127.0.0.1:9", "app.pkcs8.pem", &json!({})),
        &runtime,
    )
    .unwrap();
    let manifest = plugin.verified().manifest();
    assert_eq!(manifest.name, "github-app-auth");
    assert_eq!(manifest.capabilities, ["env-mutator/1", "token-provider/1"]);
    assert!(manifest.tokens.shared);
    assert!(plugin.verified().hosts().allows("api.github.com", 443));
    assert!(plugin.verified().hosts().allows("127.0.0.1", 9));
    assert!(!plugin.verified().hosts().allows("127.0.0.1", 10));
}

#[test]
fn environments_share_a_token_and_a_narrower_one_is_minted_on_request() {
    let runtime = Runtime::new().unwrap();
    let github = github(&runtime);
    let changes = json!({ "inject": ["GH_TOKEN", "MY_TOKEN"] });
    let plugin = load(
        &directory(&github.base_url(), "app.private-key.pem", &changes),
        &runtime,
    )
    .unwrap();
    for _ in 0..2 {
        let values = mutate(&runtime, &plugin, &["GH_TOKEN", "MY_TOKEN", "GITHUB_TOKEN"]);
        let token = Some(github.issued_tokens()[0].token.clone());
        assert_eq!(values, [token.clone(), token, None]);
    }
    assert_eq!(github.token_requests(), 1);

    let scope = Scope {
        repositories: vec!["acme/web".to_owned()],
        ..Scope::default()
    };
    let call = Call::default();
    let token = finish(&runtime, plugin.tokens().unwrap().token(&call, &scope)).unwrap();
    let issued = &github.issued_tokens()[1];
    assert_eq!(token.value.expose(), issued.token);
    assert_eq!(issued.repositories.as_deref().unwrap(), ["web"]);
    assert_eq!(token.username.as_deref(), Some("x-access-token"));
    assert_eq!(
        token.expires_at.unwrap().as_second(),
        issued.expires_at.as_second()
    );

    let scope = Scope {
        audience: "gitlab.example".to_owned(),
        ..Scope::default()
    };
    let fault = finish(&runtime, plugin.tokens().unwrap().token(&call, &scope)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Denied);
    runtime.block_on(github.stop());
}

#[test]
fn with_injection_off_nothing_is_asked_or_set() {
    let runtime = Runtime::new().unwrap();
    let github = github(&runtime);
    let plugin = load(
        &directory(
            &github.base_url(),
            "app.private-key.pem",
            &json!({ "inject": [] }),
        ),
        &runtime,
    )
    .unwrap();
    assert_eq!(mutate(&runtime, &plugin, &["GITHUB_TOKEN"]), [None]);
    assert!(github.requests().is_empty());
    runtime.block_on(github.stop());
}

#[test]
fn a_bad_key_fails_at_boot() {
    let runtime = Runtime::new().unwrap();
    let refused = load(
        &directory("http://127.0.0.1:9", "app.public.pem", &json!({})),
        &runtime,
    )
    .err();
    let text = refused
        .expect("a public key is no key to sign with")
        .to_string();
    assert!(text.contains("found a public key"), "{text}");
}
