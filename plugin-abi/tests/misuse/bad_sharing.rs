#![forbid(unsafe_code)]
use provisionhook_plugin_abi::prelude::*;

pub struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    fn create(_: NoConfig, _: &Host) -> Result<Self, Fault> {
        Ok(Self)
    }
}

impl EnvMutator for Hello {
    async fn mutate(&self, _: &Call<'_>, env: &mut Env<'_>) -> Result<(), Fault> {
        env.set("A", "1")
    }
}

export_plugin! { Hello { capabilities: [env_mutator], execution: inline, name: "hello", shared_tokens: "sometimes" } }

fn main() {}
