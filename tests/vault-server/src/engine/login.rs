//! The ways to log in.

pub(crate) mod approle;
pub(crate) mod jwt;
pub(crate) mod kubernetes;
mod signed;
