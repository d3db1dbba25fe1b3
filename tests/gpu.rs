//! The tensor encoder: on a GPU if the machine has one, and always on the CPU, which runs the same network.

use semsearch::embedder::{Backend, Embedder, Options};
use semsearch::encoder::{Device, Precision};
use semsearch::model::ModelFiles;

use crate::known_answers::{assert_within, distances_from_golden, load, one_minus_cosine, texts};
use crate::support::{Sandbox, model};

/// Some passages, a very short text and a very long one.
fn some_texts() -> Vec<String> {
    texts().into_iter().rev().step_by(3).collect()
}

/// How far each precision may differ from the reference: 1 − cos, for each vector.
const QUALITY: [(Precision, f64); 3] = [(Precision::F32, 1e-5), (Precision::F16, 1e-3), (Precision::Bf16, 1e-3)];

/// The devices of this machine: the CPU, and the first GPU if it can be opened.
fn devices() -> Vec<Device> {
    let files = ModelFiles { dir: model().into(), id: "default".into(), revision: None };
    let gpu = Device::Cuda(0);
    match Embedder::load(&files, &Options { device: gpu, ..Options::default() }) {
        Ok(_) => vec![Device::Cpu, gpu],
        Err(error) => {
            eprintln!("skipped on a GPU: {error}");
            vec![Device::Cpu]
        }
    }
}

fn options(device: Device, precision: Precision) -> Options {
    Options { device, precision: Some(precision), backend: Some(Backend::Tensor), ..Options::default() }
}

#[test]
fn every_golden_embedding_is_met_in_every_precision() {
    for device in devices() {
        for (precision, each) in QUALITY {
            let distances = distances_from_golden(options(device, precision));
            assert_within(&format!("golden, {device:?}, {precision}"), &distances, each, each);
        }
    }
}

#[test]
fn short_numbers_stay_close_on_long_texts_too() {
    let reference = load(&Options { device: Device::Cpu, ..Options::default() }).embed(&some_texts()).unwrap().vectors;
    for device in devices() {
        for (precision, each) in QUALITY {
            let found = load(&options(device, precision)).embed(&some_texts()).unwrap().vectors;
            let pairs = found.iter().zip(reference.iter());
            let distances: Vec<f64> = pairs
                .map(|(found, reference)| {
                    let reference: Vec<f64> = reference.iter().map(|&value| value.into()).collect();
                    one_minus_cosine(found, &reference)
                })
                .collect();
            assert_within(&format!("passages, {device:?}, {precision}"), &distances, each, each);
        }
    }
}

#[test]
fn more_texts_than_a_batch_holds_come_back_in_their_order() {
    let texts: Vec<String> =
        (0..1500).map(|number| format!("text {} {}", number % 97, "and ".repeat(number % 13))).collect();
    for device in devices() {
        let embedder = load(&options(device, Precision::F32));
        let together = embedder.embed(&texts).unwrap().vectors;
        for index in (0..texts.len()).step_by(211) {
            let alone = embedder.embed(&texts[index..=index]).unwrap().vectors;
            let worst = together.row(index).iter().zip(alone.row(0)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= 1e-5, "{device:?}, text {index}: {worst:e}");
        }
    }
}

/// A CPU can search an index that a GPU built in f16.
#[test]
fn what_an_encoder_lacks_is_computed_in_f32() {
    let options = Options { device: Device::Cpu, precision: Some(Precision::F16), ..Options::default() };
    assert_eq!(load(&options).precision(), Precision::F32);
    // The tensor encoder has no int8.
    let options = Options { precision: Some(Precision::Int8), backend: Some(Backend::Tensor), ..options };
    assert_eq!(load(&options).precision(), Precision::F32);
}

/// A driver that has these functions and answers every call with `CUDA_ERROR_NO_DEVICE`.
fn driver_without_a_gpu(sandbox: &Sandbox, functions: &[&str]) {
    let code: String = functions.iter().map(|name| format!("int {name}(void) {{ return 100; }}\n")).collect();
    let (source, library) = (sandbox.write("driver.c", code), sandbox.path("libcuda.so.1"));
    let compiled = std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([library, source]).status();
    assert!(compiled.unwrap().success());
}

/// Standard error of a query with `--device cuda` and of one with `auto`, with the driver in the sandbox.
fn asked(sandbox: &Sandbox) -> [String; 2] {
    let ask = |device, status| {
        let mut command = sandbox.command(&["-v", "query", "hello", "--device", device]);
        let ran = sandbox.ran(&command.env("LD_LIBRARY_PATH", sandbox.path("")).output().unwrap());
        assert_eq!(ran.status, Some(status), "{ran}");
        ran.stderr
    };
    [ask("cuda", 2), ask("auto", 0)]
}

/// Without a GPU, `cuda` is an error that says so, and `auto` computes on the CPU.
#[test]
fn a_build_with_cuda_answers_where_there_is_no_gpu() {
    if !cfg!(feature = "cuda") {
        eprintln!("skipped: this build has no CUDA");
        return;
    }
    if devices().len() > 1 {
        eprintln!("skipped: this machine has a GPU");
        return;
    }
    let sandbox = Sandbox::with_index();
    let [cuda, auto] = asked(&sandbox);
    let told = "cuda:0 cannot be used: there is no NVIDIA driver (libcuda.so.1)";
    assert!(cuda.ends_with(&format!("error: {told}\nhint: `--device cpu`, and `auto` here, compute without a GPU\n")));
    assert!(auto.contains(&format!("{told}: computing on the CPU")) && !auto.contains("warning"), "{auto}");

    sandbox.write("libcuda.so.1", "");
    let [cuda, auto] = asked(&sandbox);
    let told = "cuda:0 cannot be used: its driver does not load: ";
    assert!(cuda.contains(&format!("error: {told}")) && auto.contains(&format!("warning: {told}")), "{cuda}{auto}");

    let source = include_str!("../crates/encoder/src/backend/tensor/cuda/libraries.rs");
    let drivers = source.split_once("DRIVER: ").and_then(|(_, rest)| rest.split_once(';')).unwrap().0;
    let drivers: Vec<&str> = drivers.split_whitespace().collect();
    driver_without_a_gpu(&sandbox, &drivers[..drivers.len() - 1]);
    let [cuda, auto] = asked(&sandbox);
    let told = "cuda:0 cannot be used: the NVIDIA driver is too old: it has no ";
    assert!(cuda.contains(&format!("error: {told}")) && auto.contains(&format!("warning: {told}")), "{cuda}{auto}");

    driver_without_a_gpu(&sandbox, &drivers);
    let [cuda, auto] = asked(&sandbox);
    // If the toolkit's libraries are missing too, the message names these instead.
    let told = ["the driver finds no GPU: ", "there is no libcublas.so.13 of CUDA's toolkit"]
        .map(|why| format!("cuda:0 cannot be used: {why}"));
    assert!(told.iter().any(|told| cuda.contains(told) && auto.contains(told)), "{cuda}{auto}");
}
