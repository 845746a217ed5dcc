//! The `cstatns` program.
fn main() {}
