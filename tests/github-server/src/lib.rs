//! GitHub contract server.
