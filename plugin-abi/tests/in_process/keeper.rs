//! A plugin that puts files and looks after workspaces, in each execution class; and one that does as little as it may.

use std::time::Duration;

use provisionhook_plugin_abi::prelude::*;

use super::plugins::BusyConfig;

/// Does what its config's `mode` says.
pub(crate) struct Keeper {
    mode: String,
    host: Host,
}

impl Plugin for Keeper {
    type Config = BusyConfig;

    fn create(config: BusyConfig, host: &Host) -> Result<Self, Fault> {
        Ok(Self {
            mode: config.mode,
            host: host.clone(),
        })
    }
}

impl FileContributor for Keeper {
    async fn contribute(&self, call: &Call<'_>, files: &mut Files<'_>) -> Result<Again, Fault> {
        files.put(".config/name", 0o644, call.workspace_name().as_bytes())?;
        match self.mode.as_str() {
            "forbidden" => files.put("forbidden", 0o600, b"")?,
            "panic" => panic!("contribute panicked"),
            "once" => return Ok(Again::never()),
            "sleep" => self.host.clock().sleep(Duration::from_secs(1)).await?,
            _ => {}
        }
        files.put_secret(".token", 0o600, b"\0hush")?;
        Ok(Again::after(Duration::from_secs(90)))
    }
}

/// The lease of a workspace is renewed each time, and counted.
impl WorkspaceLifecycle for Keeper {
    async fn tend(&self, call: &Call<'_>) -> Result<Again, Fault> {
        let key = self.key(call);
        let renewed = self.host.state().read(&key).await?;
        let renewed = renewed.map_or(0, |value| value.len()) + 1;
        self.host.state().write(&key, &vec![b'x'; renewed]).await?;
        Ok(Again::after(Duration::from_millis(1500)))
    }

    async fn ended(&self, call: &Call<'_>) -> Result<(), Fault> {
        self.host.state().remove(&self.key(call)).await
    }
}

impl Keeper {
    fn key(&self, call: &Call<'_>) -> String {
        match self.mode.as_str() {
            "broken" => "broken".to_owned(),
            _ => format!("lease.{}", call.workspace_id()),
        }
    }
}

/// The same plugin in the other two execution classes.
macro_rules! same {
    ($name:ident, $module:ident, $class:tt) => {
        pub(crate) mod $module {
            use provisionhook_plugin_abi::prelude::*;

            use super::{BusyConfig, Keeper};

            pub(crate) struct $name(Keeper);

            impl Plugin for $name {
                type Config = BusyConfig;

                fn create(config: BusyConfig, host: &Host) -> Result<Self, Fault> {
                    Keeper::create(config, host).map(Self)
                }
            }

            impl FileContributor for $name {
                async fn contribute(
                    &self,
                    call: &Call<'_>,
                    files: &mut Files<'_>,
                ) -> Result<Again, Fault> {
                    self.0.contribute(call, files).await
                }
            }

            impl WorkspaceLifecycle for $name {
                async fn tend(&self, call: &Call<'_>) -> Result<Again, Fault> {
                    self.0.tend(call).await
                }

                async fn ended(&self, call: &Call<'_>) -> Result<(), Fault> {
                    self.0.ended(call).await
                }
            }

            export_plugin! {
                $name { capabilities: [file_contributor, workspace_lifecycle], execution: $class, name: "keeper" }
            }
        }
    };
}

same!(AsyncKeeper, waiting, async);
same!(BlockingKeeper, blocking, blocking);

export_plugin! {
    Keeper {
        capabilities: [file_contributor, workspace_lifecycle],
        execution: inline,
        name: "keeper",
        shared_tokens: "config:/share_tokens",
        files: [".config/name", ".token", "config:/files"],
        min_host_minor: 3,
    }
}

/// Has nothing to renew.
pub(crate) struct Idle;

impl Plugin for Idle {
    type Config = NoConfig;

    fn create(_: NoConfig, _: &Host) -> Result<Self, Fault> {
        Ok(Self)
    }
}

impl WorkspaceLifecycle for Idle {
    async fn ended(&self, call: &Call<'_>) -> Result<(), Fault> {
        match call.workspace_id() {
            "ws-1" => Err(Fault::transient("upstream is down").retry_after(Duration::from_secs(2))),
            _ => Ok(()),
        }
    }
}

export_plugin! { Idle { capabilities: [workspace_lifecycle], execution: inline, name: "idle", shared_tokens: false } }
