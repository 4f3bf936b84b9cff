//! Real git as a client: what works with which token.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use git_server::GitServer;
use github_server::GithubServer;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const KEY: &str = include_str!("../../github-server/keys/app.private-key.pem");
const PUBLIC: &str = include_str!("../../github-server/keys/app.public.pem");
const WEB: &str = "acme/web";

struct World {
    runtime: Runtime,
    github: GithubServer,
    git: GitServer,
    home: TempDir,
}

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let github = GithubServer::builder().public_key_pem(PUBLIC).installation(
            42,
            "acme",
            &["web", "api"],
            &[("contents", "write"), ("metadata", "read")],
        );
        let github = runtime.block_on(github.start()).unwrap();
        let git = runtime.block_on(GitServer::start(&github.base_url()));
        git.add_repository(WEB);
        Self {
            runtime,
            github,
            git,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// A token as the App gets it.
    fn token(&self, wish: &Value) -> String {
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({ "iss": "123456", "iat": now - 30, "exp": now + 300 });
        let key = EncodingKey::from_rsa_pem(KEY.as_bytes()).unwrap();
        let jwt = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap();
        let url = format!(
            "{}/app/installations/42/access_tokens",
            self.github.base_url()
        );
        let request = reqwest::Client::new().post(url).bearer_auth(jwt);
        let request = request.header("user-agent", "tests").body(wish.to_string());
        let answer = self.runtime.block_on(request.send()).unwrap();
        let body = self.runtime.block_on(answer.bytes()).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["token"].as_str().unwrap().to_owned()
    }

    /// What a script says in which `$web` is the URL with this user and password; and whether it succeeds.
    fn sh(&self, credentials: &str, script: &str) -> (bool, String) {
        let output = Command::new("sh")
            .args(["-ec", &format!("exec 2>&1\n{script}")])
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("HTTPS_PROXY", self.git.proxy())
            .env("GIT_SSL_CAINFO", self.git.ca_file())
            .env("web", format!("https://{credentials}github.com/{WEB}.git"))
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
        )
    }
}

#[test]
fn a_token_clones_and_pushes_what_it_may() {
    let world = World::new();
    let token = world.token(&json!({ "repositories": ["web"] }));
    let script = "git clone $web there; cd there
        git -c user.name=n -c user.email=e commit --allow-empty -m pushed; git push";
    let (succeeded, said) = world.sh(&format!("x-access-token:{token}@"), script);
    assert!(succeeded, "{said}");
    assert_eq!(world.git.subjects(WEB), ["pushed", "begin"]);
    let requests = world.git.requests();
    assert!(
        requests
            .iter()
            .any(|request| request.service == "git-receive-pack"
                && request.status == 200
                && request.token.as_deref() == Some(&*token)),
        "{requests:?}"
    );
}

#[test]
fn everybody_else_is_refused_as_github_does() {
    let world = World::new();
    let other = world.token(&json!({ "repositories": ["api"] }));
    let blind = world.token(&json!({ "permissions": { "metadata": "read" } }));
    let dead = world.token(&json!({}));
    assert!(world.github.revoke(&dead));
    for (credentials, expected) in [
        (String::new(), "could not read Username"),
        (
            "x-access-token:ghs_none@".to_owned(),
            "Invalid username or password",
        ),
        (
            format!("x-access-token:{dead}@"),
            "Invalid username or password",
        ),
        (format!("somebody:{other}@"), "No anonymous access"),
        (format!("x-access-token:{other}@"), "Repository not found"),
        (
            format!("x-access-token:{blind}@"),
            "Write access to repository not granted",
        ),
    ] {
        let (succeeded, said) = world.sh(&credentials, "git ls-remote $web");
        assert!(!succeeded && said.contains(expected), "{expected}: {said}");
    }
    let reads = world.token(&json!({ "permissions": { "contents": "read" } }));
    let (succeeded, said) = world.sh(
        &format!("x-access-token:{reads}@"),
        "git clone -q $web there; cd there
         git -c user.name=n -c user.email=e commit -q --allow-empty -m refused; git push",
    );
    assert!(
        !succeeded && said.contains("Write access to repository not granted"),
        "{said}"
    );
    assert_eq!(world.git.subjects(WEB), ["begin"]);
}

#[test]
fn only_two_names_lead_anywhere() {
    let world = World::new();
    let (succeeded, said) = world.sh("", "git ls-remote https://gitlab.com/o/r");
    assert!(!succeeded && said.contains("502"), "{said}");
}
