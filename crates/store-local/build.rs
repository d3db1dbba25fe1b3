//! Links BLAS, LAPACK and the C++ runtime statically into the program, if their archives are installed.
//!
//! FAISS's crate names the libraries (`-lblas -llapack -lgomp -lstdc++`), and the linker's search path decides which
//! files these are. This script puts a directory that holds only archives first on the path. BLAS and LAPACK are the
//! reference implementations, which are small and slow; the products that take time are computed by our own code
//! (`src/blas.rs`). If an archive is missing, the shared libraries are linked. Everything then works the same, but each
//! start takes a few milliseconds longer.
//!
//! LAPACK is written in Fortran, so its archive needs Fortran's libraries. A linker script under the name of LAPACK's
//! archive names them all in one group. A program that depends on this crate needs no build script of its own.
//!
//! This script also passes on how FAISS was compiled.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// The names that are linked, and the files that serve them.
const ARCHIVES: [(&str, &str); 5] = [
    ("blas", "blas/libblas.a"),
    ("lapack", "lapack/liblapack.a"),
    ("gfortran", "libgfortran.a"),
    ("gomp", "libgomp.a"),
    ("stdc++", "libstdc++.a"),
];

/// The libraries that are linked in place of LAPACK.
const FORTRAN: [&str; 4] = ["lapack", "blas", "gfortran", "quadmath"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CXX");
    tell_of_instructions();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("archives");
    // libquadmath has Fortran's 128-bit floats. It exists only for x86-64; elsewhere the processor's own floats are
    // used.
    let quadmath = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    let archives = ARCHIVES.iter().chain(quadmath.then_some(&("quadmath", "libquadmath.a")));
    let found: Option<Vec<_>> = archives.map(|(name, file)| Some((name, archive(file)?))).collect();
    let _ = fs::remove_dir_all(&out);
    let Some(found) = found.filter(|_| env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux")) else {
        println!(
            "cargo:warning=no archives of LAPACK found: shared libraries are linked, so each start takes a few milliseconds longer"
        );
        return;
    };
    fs::create_dir_all(&out).expect("OUT_DIR can be written");
    let fortran: Vec<_> =
        found.iter().filter(|(name, _)| FORTRAN.contains(name)).map(|(_, file)| file.display().to_string()).collect();
    for (name, file) in &found {
        let archive = out.join(format!("lib{name}.a"));
        match **name {
            "lapack" => fs::write(archive, format!("GROUP ( {} )\n", fortran.join(" "))),
            _ => std::os::unix::fs::symlink(file, archive),
        }
        .expect("OUT_DIR can be written");
    }
    println!("cargo:rustc-link-search=native={}", out.display());
}

/// Tells the program which instructions FAISS was compiled for (`.cargo/config.toml`). If the processor lacks them, the
/// program can then say so, instead of being killed by the first of them.
fn tell_of_instructions() {
    const LEVEL: &str = "x86-64-v3";
    let names = [format!("CXXFLAGS_{}", env::var("TARGET").unwrap_or_default().replace('-', "_")), "CXXFLAGS".into()];
    println!("cargo:rustc-check-cfg=cfg(faiss_avx2)");
    for name in names {
        println!("cargo:rerun-if-env-changed={name}");
        if env::var(&name).is_ok_and(|flags| flags.contains(LEVEL)) {
            println!("cargo:rustc-cfg=faiss_avx2");
        }
    }
}

/// The archive of this name: one of the compiler's own, or one of Debian's reference BLAS and LAPACK.
fn archive(file: &str) -> Option<PathBuf> {
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".into());
    let ask = |file: &str| {
        let printed = Command::new(&compiler).arg(format!("-print-file-name={file}")).output().ok()?;
        let path = PathBuf::from(String::from_utf8(printed.stdout).ok()?.trim());
        // A compiler that does not know the file prints its name.
        path.is_absolute().then_some(path).filter(|path| path.exists())
    };
    if !file.contains('/') {
        return ask(file);
    }
    Some(ask("libc.so")?.parent()?.join(file)).filter(|path| path.exists())
}
