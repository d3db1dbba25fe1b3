//! How the module is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    pyo3_build_config::add_extension_module_link_args();
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // The archives that the program links are for programs: they cannot be a part of a shared library. A linker takes
        // what it meets first, so these come before them. `auditwheel` puts copies of them into the wheel.
        for library in ["libgomp.so.1", "liblapack.so.3", "libblas.so.3"] {
            println!("cargo::rustc-link-lib=dylib:+verbatim={library}");
        }
        // Our BLAS has the usual names, which numpy, torch and others have too: each uses its own.
        println!("cargo::rustc-link-arg-cdylib=-Wl,-Bsymbolic");
        println!("cargo::rustc-link-arg-cdylib=-Wl,--exclude-libs,ALL");
    }
}
