//! The rules that this repository keeps, as tests. Each failure names every place, and what to do about it.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod files;
mod manifests;
mod pages;
mod rooms;
mod tree;
