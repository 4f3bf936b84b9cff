//! Mints GitHub App installation tokens for workspaces.
