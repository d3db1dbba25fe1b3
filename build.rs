//! Links BLAS, LAPACK and the C++ runtime into the program, where their archives are there.
//!
//! FAISS's crate names the libraries (`-lblas -llapack -lgomp -lstdc++`); which file that is, the linker's search path
//! says. A directory with archives and no shared libraries, first on the path, makes it these. OpenBLAS is the serial
//! one: threads of its own would fight with FAISS's, and loading the shared one costs each start 3 ms. Where an archive is
//! missing the shared libraries are linked, and everything works as well, a little later.
//!
//! It also passes on how FAISS was compiled.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The names that are linked, and the files that serve them.
const ARCHIVES: [(&str, &str); 6] = [
    ("blas", "libopenblas.a"),
    ("lapack", "libopenblas.a"),
    ("gfortran", "libgfortran.a"),
    ("quadmath", "libquadmath.a"),
    ("gomp", "libgomp.a"),
    ("stdc++", "libstdc++.a"),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CXX");
    tell_of_instructions();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("archives");
    let found: Option<Vec<_>> = ARCHIVES.iter().map(|(name, file)| Some((name, archive(file)?))).collect();
    let _ = fs::remove_dir_all(&out);
    let Some(found) = found.filter(|_| env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux")) else {
        println!(
            "cargo:warning=no static OpenBLAS here: linking shared libraries, which costs each start a few milliseconds"
        );
        return;
    };
    fs::create_dir_all(&out).expect("OUT_DIR can be written");
    for (name, file) in found {
        std::os::unix::fs::symlink(&file, out.join(format!("lib{name}.a"))).expect("OUT_DIR can be written");
    }
    println!("cargo:rustc-link-search=native={}", out.display());
    // What LAPACK, a Fortran program, needs; after it.
    println!("cargo:rustc-link-arg=-lgfortran");
    println!("cargo:rustc-link-arg=-lquadmath");
}

/// Tells the program which instructions FAISS was compiled for (`.cargo/config.toml`), so that it can say when they are
/// missing instead of being killed by the first of them.
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

/// The archive of this name, of the compiler's own or of the serial OpenBLAS.
fn archive(file: &str) -> Option<PathBuf> {
    let compiler = env::var("CXX").unwrap_or_else(|_| "c++".into());
    let ask = |file: &str| {
        let printed = Command::new(&compiler).arg(format!("-print-file-name={file}")).output().ok()?;
        let path = PathBuf::from(String::from_utf8(printed.stdout).ok()?.trim());
        // A compiler that does not know the file prints its name.
        path.is_absolute().then_some(path).filter(|path| path.exists())
    };
    match file {
        "libopenblas.a" => {
            let (libc, below) = (ask("libc.so")?, Path::new("openblas-serial").join(file));
            Some(libc.parent()?.join(below)).filter(|path| path.exists())
        }
        _ => ask(file),
    }
}
