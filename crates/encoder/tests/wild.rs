//! The names that tensors have in existing files: whatever a file calls them, the vectors have the same bits.

use semsearch_encoder::backend::Device;
use semsearch_encoder::embedder::{Backend, Options};

use crate::support::{SmallBert, load, texts};

#[test]
fn whatever_a_file_calls_its_tensors_the_vectors_are_the_same() {
    let plain = SmallBert::default();
    let habits = [
        SmallBert { prefix: "bert.", ..plain },
        SmallBert { norm: ["gamma", "beta"], ..plain },
        SmallBert { others: true, ..plain },
        SmallBert { prefix: "bert.", norm: ["gamma", "beta"], others: true, ..plain },
    ];
    for backend in [Backend::Packed, Backend::Tensor] {
        let vectors = |model: SmallBert| {
            let dir = tempfile::tempdir().unwrap();
            let options = Options { backend: Some(backend), device: Device::Cpu, ..Options::default() };
            load(&model.write(dir.path()), options).embed(&texts()).unwrap().vectors
        };
        let expected = vectors(plain);
        for model in habits {
            assert!(vectors(model) == expected, "{backend:?}: {:?} {:?} {}", model.prefix, model.norm, model.others);
        }
    }
}
