//! A world whose workspaces can reach github.com: a git server and GitHub's API under their real names, over TLS.

use std::time::{Duration, Instant};

use git_server::{GitRequest, GitServer};

use crate::{
    platform::{Platform, Workspace},
    world::{World, until},
};

pub(crate) const REPOSITORY: &str = "acme/website";

pub(crate) struct Network {
    pub(crate) world: World,
    pub(crate) git: GitServer,
}

impl Network {
    /// Tokens live that long.
    pub(crate) fn new(life: Duration) -> Self {
        let world = World::with_tokens_for(life);
        let git = world
            .runtime
            .block_on(GitServer::start(&world.github.base_url()));
        git.add_repository(REPOSITORY);
        // Where workspaces see it: they have a /tmp of their own.
        let (proxy, ca) = (git.proxy(), world.path("ca.pem"));
        std::fs::copy(git.ca_file(), &ca).unwrap();
        let variables = format!(
            "[workspace.env]\nHTTPS_PROXY = {proxy:?}\nSSL_CERT_FILE = {ca:?}\nGIT_SSL_CAINFO = {ca:?}\n\
             GIT_TERMINAL_PROMPT = \"0\"\n"
        );
        Self {
            world: world.and_tables(&variables),
            git,
        }
    }

    /// A workspace that runs this script, in which `pause NAME` says that it got there and waits until it may go on.
    pub(crate) fn start(&self, platform: &Platform<'_>, script: &str) -> Workspace {
        let here = self.world.directory.path().display();
        let pause = format!(
            "pause() {{ touch {here}/at-$1; until [ -e {here}/on-$1 ]; do sleep 0.05; done; }}"
        );
        platform.provision(&["sh", "-c", &format!("{pause}\n{script}")])
    }

    /// Waits until a workspace pauses there.
    pub(crate) fn wait(&self, name: &str) {
        until(name, || self.world.path(&format!("at-{name}")).exists());
    }

    pub(crate) fn go_on(&self, name: &str) {
        self.world.write(&format!("on-{name}"), "", 0o600);
    }

    /// The requests that came with a token, from this one on.
    pub(crate) fn with_tokens(&self, first: usize) -> Vec<GitRequest> {
        let requests = self.git.requests().into_iter().skip(first);
        requests.filter(|request| request.token.is_some()).collect()
    }

    /// Lets a token that was minted at `minted` and lives for `life` die at GitHub, which is ahead of this machine from then on.
    pub(crate) fn outlive(&self, minted: Instant, life: Duration, margin: Duration) {
        // The platform hands it out no more when no more than its margin is left.
        std::thread::sleep(
            (life.saturating_sub(margin)).saturating_sub(minted.elapsed()) + Duration::from_secs(1),
        );
        self.world.github.advance_clock(life);
    }
}
