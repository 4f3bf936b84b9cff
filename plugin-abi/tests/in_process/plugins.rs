//! The plugins under test: one that does what its config says, in each execution class.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use provisionhook_plugin_abi::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BusyConfig {
    #[serde(default)]
    pub(crate) mode: String,
}

/// Does what its config's `mode` says.
pub(crate) struct Busy {
    mode: String,
    host: Host,
}

/// Set when a `Busy` is dropped.
pub(crate) static DROPPED: AtomicBool = AtomicBool::new(false);

impl Plugin for Busy {
    type Config = BusyConfig;

    fn create(config: BusyConfig, host: &Host) -> Result<Self, Fault> {
        match config.mode.as_str() {
            "bad" => Err(Fault::config("expected another mode, found bad")),
            "panic at boot" => panic!("no luck"),
            "ask at boot" => {
                let response = host.block_on(host.http().get("https://example.com/boot").send())?;
                Ok(Self {
                    mode: response.status().to_string(),
                    host: host.clone(),
                })
            }
            _ => Ok(Self {
                mode: config.mode,
                host: host.clone(),
            }),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        DROPPED.store(true, Ordering::SeqCst);
    }
}

impl EnvMutator for Busy {
    async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        match self.mode.as_str() {
            "panic" => panic!("mutate panicked for {}", call.workspace_id()),
            "forbidden" => env.set("FORBIDDEN", "1"),
            "sleep" => {
                env.set("BEFORE", "1")?;
                self.host.clock().sleep(Duration::from_secs(1)).await?;
                env.set_secret("AFTER", "2")
            }
            "panic later" => {
                self.host.clock().sleep(Duration::from_secs(1)).await?;
                panic!("after the wait");
            }
            "log" => {
                let _span = tracing::info_span!("greeting").entered();
                tracing::info!(workspace = call.workspace_id(), tries = 3, "hello log");
                tracing::debug!("nobody reads this");
                Ok(())
            }
            "http" => self.ask(env).await,
            _ => {
                env.set("MODE", &self.mode)?;
                env.unset("GONE")?;
                let seen = env.get("SEEN")?.unwrap_or("nothing").to_owned();
                env.set("COPY", &seen)
            }
        }
    }
}

impl Busy {
    async fn ask(&self, env: &mut Env<'_>) -> Result<(), Fault> {
        let http = self.host.http();
        let request = http
            .post("https://example.com/app")
            .bearer("jwt")
            .json(&["x"])
            .timeout(Duration::from_secs(2));
        let response = request.send().await?;
        #[derive(Deserialize)]
        struct Body {
            token: String,
        }
        env.set_secret("TOKEN", &response.json::<Body>()?.token)?;
        env.set(
            "STATUS",
            &format!(
                "{} {:?}",
                response.status(),
                response.header("Content-Type")
            ),
        )?;
        match http.get("https://example.com/refused").send().await {
            Ok(_) => Err(Fault::internal("expected a refusal")),
            Err(fault) => Err(fault),
        }
    }
}

impl TokenProvider for Busy {
    async fn token(&self, _: &Call<'_>, scope: &Scope<'_>) -> Result<Token, Fault> {
        if self.mode == "throttled" {
            return Err(Fault::transient("upstream throttles").retry_after(Duration::from_secs(3)));
        }
        let names: Vec<_> = scope.repositories().collect();
        let expiry = SystemTime::UNIX_EPOCH + Duration::from_millis(1234);
        Ok(
            Token::new(format!("{} {}", scope.audience(), names.join(",")))
                .expires_at(expiry)
                .username("bot"),
        )
    }
}

/// The same plugin in the other two execution classes.
macro_rules! same {
    ($name:ident, $module:ident, $class:tt) => {
        pub(crate) mod $module {
            use provisionhook_plugin_abi::prelude::*;

            pub(crate) struct $name(super::Busy);

            impl Plugin for $name {
                type Config = super::BusyConfig;

                fn create(config: Self::Config, host: &Host) -> Result<Self, Fault> {
                    super::Busy::create(config, host).map(Self)
                }
            }

            impl EnvMutator for $name {
                async fn mutate(&self, call: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
                    self.0.mutate(call, env).await
                }
            }

            export_plugin! { $name { capabilities: [env_mutator], execution: $class, name: "busy", writes: ["*"] } }
        }
    };
}

same!(AsyncBusy, waiting, async);
same!(BlockingBusy, blocking, blocking);

export_plugin! {
    Busy {
        capabilities: [env_mutator, token_provider],
        execution: inline,
        name: "busy",
        version: "1.2.3",
        reads: ["SEEN"],
        writes: ["*"],
        secrets: ["TOKEN"],
        hosts: ["example.com"],
        config_schema: r#"{"type": "object", "properties": {"mode": {"type": "string"}}}"#,
        after: ["greeter"],
        before: [],
        min_host_minor: 1,
    }
}
