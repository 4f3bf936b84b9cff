//! Outgoing HTTP for plugins: one TLS stack, one proxy and one set of authorities for all of them; each plugin reaches
//! only the hosts that it was granted.

mod grants;

pub use grants::{HostGrants, HostPattern, HostPatternError};
