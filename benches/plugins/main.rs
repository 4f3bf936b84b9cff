//! What plugins in real libraries cost, beside the same work done without plugins, in one run.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench fails by panicking"
)]

mod boot;
mod mutate;
mod token;
mod world;

use criterion::Criterion;

fn main() {
    if boot::is_child() {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    mutate::benches(&mut criterion);
    token::benches(&mut criterion);
    boot::benches(&mut criterion);
    criterion.final_summary();
}
