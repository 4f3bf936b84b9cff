//! One of the servers by itself: prints its base URL on one line when it is ready, and serves until it is told to end.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and a command's errors are for its reader"
)]

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use secret_stores_server::connect::{ConnectServer, Field};
use secret_stores_server::doppler::DopplerServer;
use secret_stores_server::infisical::InfisicalServer;
use server_kit::{Running, by_itself, pair};

/// Serves the contract of a secret store on loopback.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    store: Store,
}

#[derive(Subcommand)]
enum Store {
    /// Doppler, with one config and a service token for it
    Doppler {
        /// What clients must present
        #[arg(long)]
        token: String,
        /// A secret. Can be repeated
        #[arg(long = "secret", value_name = "NAME=VALUE", value_parser = pair)]
        secrets: Vec<(String, String)>,
    },
    /// Infisical, with one project and a machine identity in it
    Infisical {
        /// The identity's client secret
        #[arg(long)]
        client_secret: String,
        /// A secret. Can be repeated
        #[arg(long = "secret", value_name = "PATH:NAME=VALUE", value_parser = pair)]
        secrets: Vec<(String, String)>,
        /// A path that `/` imports. Can be repeated
        #[arg(long = "import", value_name = "PATH")]
        imports: Vec<String>,
    },
    /// 1Password Connect, with the vaults that items are put into
    Connect {
        /// What clients must present
        #[arg(long)]
        token: String,
        /// A field of an item. Can be repeated
        #[arg(long = "field", value_name = "VAULT/TITLE/SECTION/LABEL=VALUE", value_parser = pair)]
        fields: Vec<(String, String)>,
        /// A vault that the token has no access to. Can be repeated
        #[arg(long = "hidden-vault", value_name = "NAME")]
        hidden: Vec<String>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    by_itself("secret-stores-server", start(Arguments::parse().store)).await
}

async fn start(store: Store) -> Result<Running, Box<dyn Error>> {
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    match store {
        Store::Doppler { token, secrets } => {
            let server = DopplerServer::start(anywhere, &token).await?;
            secrets
                .iter()
                .for_each(|(name, value)| server.put(name, value));
            Ok(server.into_running())
        }
        Store::Infisical {
            client_secret,
            secrets,
            imports,
        } => {
            let server = InfisicalServer::start(anywhere, &client_secret).await?;
            for (name, value) in &secrets {
                let (path, key) = name.split_once(':').unwrap_or(("/", name));
                server.put(path, key, value);
            }
            imports.iter().for_each(|path| server.import(path));
            Ok(server.into_running())
        }
        Store::Connect {
            token,
            fields,
            hidden,
        } => {
            let server = ConnectServer::start(anywhere, &token).await?;
            fill(&server, &fields)?;
            hidden.iter().for_each(|name| {
                server.vault(name);
                server.set_visible(name, false);
            });
            Ok(server.into_running())
        }
    }
}

/// Each field in an item of its own, unless the item was the one before.
fn fill(server: &ConnectServer, fields: &[(String, String)]) -> Result<(), String> {
    let mut vaults: Vec<&str> = Vec::new();
    let mut items: Vec<(&str, &str, Vec<Field<'_>>)> = Vec::new();
    for (place, value) in fields {
        let parts: Vec<&str> = place.split('/').collect();
        let [vault, title, section, label] = parts[..] else {
            return Err(format!("expected VAULT/TITLE/SECTION/LABEL, found {place}"));
        };
        if !vaults.contains(&vault) {
            vaults.push(vault);
            server.vault(vault);
        }
        match items
            .iter_mut()
            .find(|(v, t, _)| (*v, *t) == (vault, title))
        {
            Some((_, _, fields)) => fields.push((section, label, value)),
            None => items.push((vault, title, vec![(section, label, value)])),
        }
    }
    for (vault, title, fields) in items {
        server.item(vault, title, &fields);
    }
    Ok(())
}
