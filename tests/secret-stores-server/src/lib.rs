//! Servers that enforce the published contracts of [Doppler](doppler), [Infisical](infisical) and [1Password Connect](connect) as far as secrets
//! are read over them, for tests. They share no code with the plugin, listen on loopback only, in plain HTTP, and keep everything in memory. What
//! is taken for the contract, and where it is from, stands in the README.

#![forbid(unsafe_code)]
#![expect(
    clippy::missing_errors_doc,
    reason = "clippy.toml has private items checked too, and here each of their errors is the refusal that the client gets"
)]

pub mod connect;
pub mod doppler;
pub mod infisical;

mod bearer;
