//! What a workspace's environment begins with: the configured variables, the user's over them, the platform's own over all.

use std::sync::Arc;

use crate::{
    env::{BaseEnv, BaseOrigin, Refusal},
    provision::{Settings, WorkspaceToken},
    secret::Secret,
    store::WorkspaceRecord,
};

const ID_KEY: &str = "PROVISIONHOOK_WORKSPACE_ID";
const URL_KEY: &str = "PROVISIONHOOK_URL";
const TOKEN_KEY: &str = "PROVISIONHOOK_TOKEN";

/// The environment under the plugins' edits. `home` is the directory in which the workspace's command starts; nothing if the runtime has none to name.
pub(super) fn base(
    settings: &Settings,
    record: &WorkspaceRecord,
    home: Option<&str>,
    token: &WorkspaceToken,
) -> Result<Arc<BaseEnv>, Refusal> {
    let mut base = BaseEnv::new();
    let platform = |base: &mut BaseEnv, key: &str, value: &str| {
        base.insert(BaseOrigin::Platform, key, Secret::new(value), false)
    };
    if let Some(home) = home {
        platform(&mut base, "HOME", home)?;
    }
    for (key, value) in &settings.base_env {
        platform(&mut base, key, value)?;
    }
    for (key, value) in &record.spec.env {
        base.insert(
            BaseOrigin::Workspace,
            key,
            Secret::new(value.as_str()),
            false,
        )?;
    }
    platform(&mut base, ID_KEY, record.id.as_str())?;
    platform(&mut base, URL_KEY, &settings.url)?;
    base.insert(
        BaseOrigin::Platform,
        TOKEN_KEY,
        token.secret().clone(),
        true,
    )?;
    Ok(Arc::new(base))
}
