//! Serves personal access tokens from a local file.
