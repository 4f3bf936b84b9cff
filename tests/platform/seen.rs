//! What a workspace has seen, and what it says of it.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
};

use crate::{
    platform::{Platform, Workspace},
    world::{ADMIN, PAT, World, until},
};

/// What `env -0` has written.
pub(crate) fn variables(output: &str) -> BTreeMap<&str, &str> {
    let variables = output.split_terminator('\0');
    variables
        .map(|variable| variable.split_once('=').unwrap())
        .collect()
}

/// These variables, beside `HOME`, are exactly those of a workspace of [`World::new`] with the home `home` that finds its platform at `url`.
#[track_caller]
pub(crate) fn assert_computed(
    world: &World,
    url: &str,
    workspace: &Workspace,
    home: &str,
    mut found: BTreeMap<&str, &str>,
) {
    let token = found.remove("GITHUB_TOKEN").unwrap();
    assert_eq!(found.remove("GH_TOKEN"), Some(token));
    assert_accepted(world, token);
    assert!(found.remove("MOLECULE_GH_WRAPPER_B64").unwrap().len() > 1000);
    assert!(!found.remove("MOLECULE_GH_WRAPPER_SHA").unwrap().is_empty());
    let badge = found.remove("MOLECULE_ATTRIBUTION_BADGE").unwrap();
    assert!(badge.starts_with("🤖 [Agent: Reviewer"), "{badge}");
    let path = format!("{home}/.local/bin:/usr/local/bin:/usr/bin:/bin");
    let helper = format!(
        "!'{}' credential-helper --provider github-app-auth --host github.com",
        env!("CARGO_BIN_EXE_provisionhook")
    );
    let expected = BTreeMap::from([
        ("EDITOR", "vi"),
        ("GIT_CONFIG_COUNT", "4"),
        ("GIT_CONFIG_KEY_0", "credential.https://github.com.helper"),
        ("GIT_CONFIG_KEY_1", "credential.https://github.com.helper"),
        ("GIT_CONFIG_KEY_2", "url.https://github.com/.insteadOf"),
        ("GIT_CONFIG_KEY_3", "url.https://github.com/.insteadOf"),
        ("GIT_CONFIG_VALUE_0", ""),
        ("GIT_CONFIG_VALUE_1", &helper),
        ("GIT_CONFIG_VALUE_2", "git@github.com:"),
        ("GIT_CONFIG_VALUE_3", "ssh://git@github.com/"),
        ("MOLECULE_AGENT_ROLE", "Reviewer"),
        ("MOLECULE_OWNER", "alice"),
        ("MOLECULE_WORKSPACE_ID", &workspace.id),
        ("NPM_TOKEN", PAT),
        ("PATH", &path),
        ("PROVISIONHOOK_TOKEN", &workspace.token),
        ("PROVISIONHOOK_URL", url),
        ("PROVISIONHOOK_WORKSPACE_ID", &workspace.id),
    ]);
    assert_eq!(found, expected);
}

/// GitHub takes it for an installation token that reaches repositories.
#[track_caller]
pub(crate) fn assert_accepted(world: &World, token: &str) {
    let url = format!("{}/installation/repositories", world.github.base_url());
    let repositories = world.get(&url, token).expect(200);
    assert_eq!(repositories["total_count"], 2);
}

/// Waits until the workspace has written this.
pub(crate) fn until_written(platform: &Platform<'_>, workspace: &Workspace, text: &str) {
    until(text, || platform.output(&workspace.id).contains(text));
}

/// `curl` as an admin; its output is piped.
pub(crate) fn curl(world: &World, url: &str) -> Child {
    Command::new("curl")
        .args(["-sN", "-H", &format!("Authorization: Bearer {ADMIN}"), url])
        .current_dir(world.directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}
