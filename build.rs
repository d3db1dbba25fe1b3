//! How the program is linked. On Linux it has a fixed address.
//!
//! Its constant tables hold some 94,000 addresses. With an address chosen at each start, the loader would write all of
//! them before `main`: 1 of the 2 ms that a start takes. Stack, heap and shared libraries still get random addresses.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
