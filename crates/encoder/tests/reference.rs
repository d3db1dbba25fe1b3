//! Compares both backends with candle's own BERT, which is independent of this project.

use std::fs;

use candle_core::{DType, Device as CandleDevice, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct};
use semsearch_encoder::architecture::Architecture;
use semsearch_encoder::backend::{Device, Encoder, Output, PackedEncoder, Precision, Vectors};
use semsearch_encoder::embedder::{Backend, Embedder, Options};
use semsearch_encoder::model::{ModelConfig, ModelFiles, Pooling, RaggedIds};
use semsearch_kernels::Isa;
use serde_json::Value;

use crate::support::{SmallBert, default_model, load, texts, worst};

/// candle's `BertModel`, in f32 on the CPU, one text at a time.
struct Reference {
    model: BertModel,
    width: usize,
}

impl Reference {
    fn load(model: &ModelFiles) -> Self {
        let config: Value = serde_json::from_slice(&fs::read(model.path("config.json")).unwrap()).unwrap();
        let size = |name: &str| config[name].as_u64().unwrap() as usize;
        let config = Config {
            vocab_size: size("vocab_size"),
            hidden_size: size("hidden_size"),
            num_hidden_layers: size("num_hidden_layers"),
            num_attention_heads: size("num_attention_heads"),
            intermediate_size: size("intermediate_size"),
            hidden_act: match config["hidden_act"].as_str().unwrap() {
                "gelu" => HiddenAct::Gelu,
                "gelu_new" => HiddenAct::GeluApproximate,
                other => panic!("an activation {other}"),
            },
            max_position_embeddings: size("max_position_embeddings"),
            type_vocab_size: size("type_vocab_size"),
            layer_norm_eps: config["layer_norm_eps"].as_f64().unwrap(),
            ..Config::default()
        };
        let weights = fs::read(model.path("model.safetensors")).unwrap();
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &CandleDevice::Cpu).unwrap();
        Self { model: BertModel::load(weights, &config).unwrap(), width: config.hidden_size }
    }

    fn encode(&self, ids: &RaggedIds, output: &Output) -> Vectors {
        let mut vectors = Vectors::zeros(0, output.dim);
        for text in ids.iter() {
            let ids = Tensor::new(text, &CandleDevice::Cpu).unwrap().unsqueeze(0).unwrap();
            let hidden = self.model.forward(&ids, &ids.zeros_like().unwrap(), None).unwrap();
            let mut rows = Vectors::zeros(output.rows(text.len()), output.dim);
            let tokens: Vec<f32> = hidden.flatten_all().unwrap().to_vec1().unwrap();
            let all = rows.len();
            output.write(&tokens, self.width, rows.rows_mut(0, all));
            vectors.append(rows);
        }
        vectors
    }

    /// The vectors that the embedder should compute for these texts.
    fn embed(&self, texts: &[String], embedder: &Embedder) -> Vectors {
        let (pooling, normalized) = (embedder.pooling(), embedder.normalized());
        let output = Output { pooling, dim: embedder.dim(), normalized };
        self.encode(&embedder.tokenizer().tokenize(texts).unwrap().ids, &output)
    }
}

#[test]
fn the_packed_backend_gives_candles_vectors_on_every_instruction_set() {
    let model = default_model();
    let reference = Reference::load(&model);
    for pooling in [Pooling::Mean, Pooling::Cls, Pooling::Max] {
        let options =
            Options { device: Device::Cpu, pooling: Some(pooling), max_length: Some(512), ..Options::default() };
        let mut expected = None;
        for isa in Isa::all() {
            let embedder = load(&model, Options { isa: Some(isa), ..options });
            let expected = expected.get_or_insert_with(|| reference.embed(&texts(), &embedder));
            let found = embedder.embed(&texts()).unwrap().vectors;
            let worst = worst(found.as_slice(), expected.as_slice());
            assert!(worst <= 2e-6, "{isa}, {pooling}: {worst:e}");
        }
    }
}

#[test]
fn the_tensor_backend_gives_candles_vectors_whatever_is_made_of_them() {
    let model = default_model();
    let reference = Reference::load(&model);
    let gpu = Options { device: Device::Cuda(0), ..Options::default() };
    let mut devices = vec![(Device::Cpu, 2e-5)];
    match Embedder::load(&model, &gpu) {
        Ok(_) => devices.push((gpu.device, 2e-4)),
        Err(error) => eprintln!("skipped on a GPU: {error}"),
    }
    for (pooling, normalized, truncate_dim) in [
        (Pooling::Mean, true, Some(100)),
        (Pooling::Cls, true, None),
        (Pooling::Max, false, Some(7)),
        (Pooling::None, true, None),
    ] {
        for &(device, tolerance) in &devices {
            let options = Options {
                device,
                backend: Some(Backend::Tensor),
                pooling: Some(pooling),
                normalized: Some(normalized),
                truncate_dim,
                ..Options::default()
            };
            let embedder = load(&model, options);
            let found = embedder.embed(&texts()).unwrap().vectors;
            let worst = worst(found.as_slice(), reference.embed(&texts(), &embedder).as_slice());
            // Raw vectors are some six times as long as normalized ones.
            assert!(worst <= tolerance, "{device:?}, {pooling}: {worst:e}");
        }
    }
}

#[test]
fn token_vectors_are_candles_too() {
    let model = default_model();
    let options = Options { device: Device::Cpu, pooling: Some(Pooling::None), ..Options::default() };
    let embedder = load(&model, options);
    let texts = ["I took my dog for a walk", "Today is going to rain"].map(String::from);
    let found = embedder.embed(&texts).unwrap().vectors;
    assert_eq!((found.len(), found.dim()), (16, 384));
    let worst = worst(found.as_slice(), Reference::load(&model).embed(&texts, &embedder).as_slice());
    assert!(worst <= 2e-5, "raw vectors are some six times as long as normalized ones: {worst:e}");
}

#[test]
fn the_vectors_of_words_are_rows_of_the_models_table() {
    let dir = tempfile::tempdir().unwrap();
    let model = SmallBert::default().write(dir.path());
    let weights = fs::read(model.path("model.safetensors")).unwrap();
    let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &CandleDevice::Cpu).unwrap();
    let table = weights.get((16, 64), "embeddings.word_embeddings.weight").unwrap().to_vec2::<f32>().unwrap();
    for backend in [Backend::Packed, Backend::Tensor] {
        let embedder = load(&model, Options { backend: Some(backend), device: Device::Cpu, ..Options::default() });
        let found = embedder.word_vectors(&[7, 15, 0, 7]).unwrap();
        assert!(found.iter().eq([7, 15, 0, 7].map(|row: usize| &table[row][..])), "{backend:?}");
        assert_eq!(embedder.word_vectors(&[]).unwrap().len(), 0);
        let none = embedder.word_vectors(&[16]).unwrap_err().to_string();
        assert!(none.contains("token 16, and the model has 16 words"), "{none}");
    }
}

#[test]
fn one_token_alone_is_a_text_too() {
    let model = default_model();
    let Architecture::Transformer(network) = ModelConfig::load(&model).unwrap().architecture else { panic!() };
    let mut ids = RaggedIds::default();
    [101, 102].iter().for_each(|id| ids.push(&[*id]));
    let output = |pooling| Output { pooling, dim: network.hidden_size, normalized: false };
    let expected = Reference::load(&model).encode(&ids, &output(Pooling::Mean));
    for isa in Isa::all() {
        let encoder = PackedEncoder::load(&model, &network, Precision::F32, isa, None).unwrap();
        let found = encoder.encode(&ids, &output(Pooling::Cls)).unwrap();
        let worst = worst(found.as_slice(), expected.as_slice());
        assert!(worst <= 2e-5, "{isa}: {worst:e}");
    }
}

#[test]
fn every_activation_of_bert_runs_in_both_backends() {
    let dir = tempfile::tempdir().unwrap();
    let model = SmallBert { hidden_act: "gelu_new", ..SmallBert::default() }.write(dir.path());
    for backend in [Backend::Packed, Backend::Tensor] {
        let embedder = load(&model, Options { device: Device::Cpu, backend: Some(backend), ..Options::default() });
        let found = embedder.embed(&texts()).unwrap().vectors;
        let expected = Reference::load(&model).embed(&texts(), &embedder);
        let worst = worst(found.as_slice(), expected.as_slice());
        assert!(worst <= 2e-6, "{backend:?}: {worst:e}");
    }
}
