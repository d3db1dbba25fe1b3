//! A prepared form gives the vectors of the model's own files, or it is not used.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::Duration;

use semsearch_encoder::backend::Precision;
use semsearch_encoder::embedder::{Embedder, Options, PreparedModel, Unprepared};
use semsearch_encoder::model::{ModelFiles, fingerprint};

use super::support::{SmallBert, default_model, load, texts};

/// The clock of a file system has moved on after this time.
const SETTLED: Duration = Duration::from_millis(3_100);

fn options(precision: Precision) -> Options {
    Options { precision: Some(precision), ..Options::default() }
}

fn by_form(directory: &Path, model: &ModelFiles, options: &Options) -> Embedder {
    let prepared = PreparedModel::find(directory, model, options).unwrap();
    assert_eq!(prepared.fingerprint(model).unwrap(), fingerprint(model).unwrap());
    Embedder::load_prepared(model, options, Arc::new(prepared)).unwrap()
}

/// The vector of one text, as a process computes it that answers one question; then those of many; then again of one.
fn vectors(embedder: &Embedder) -> Vec<Vec<f32>> {
    let all = texts();
    [&all[3..4], &all[..], &all[7..8]].map(|texts| embedder.embed(texts).unwrap().vectors.as_slice().to_vec()).into()
}

/// The only file in a directory.
fn only(directory: &Path) -> PathBuf {
    let mut files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}

/// A small model that nobody changed for a while.
fn settled(dir: &Path) -> ModelFiles {
    let model = SmallBert::default().write(dir);
    sleep(SETTLED);
    model
}

#[test]
fn the_vectors_are_the_same_to_the_last_bit_in_every_precision() {
    let dir = tempfile::tempdir().unwrap();
    for model in [default_model(), settled(dir.path())] {
        for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
            let (forms, options) = (tempfile::tempdir().unwrap(), options(precision));
            let expected = vectors(&load(&model, options));
            let first = by_form(forms.path(), &model, &options);
            let (path, why) = first.prepare().unwrap().unwrap();
            assert_eq!((&path, why), (&only(forms.path()), Unprepared::Missing));
            assert_eq!(vectors(&first), expected);
            let second = by_form(forms.path(), &model, &options);
            assert_eq!(vectors(&second), expected);
            assert_eq!(second.prepare().unwrap(), None);
            let places = |embedder: &Embedder| embedder.tokenizer().places("a dog walks", true).unwrap();
            assert_eq!(places(&second), places(&first));
        }
    }
}

#[test]
fn a_changed_model_has_another_form() {
    let (dir, forms) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (model, options) = (settled(dir.path()), options(Precision::F32));
    by_form(forms.path(), &model, &options).prepare().unwrap().unwrap();
    // One weight changes, in a page that the fingerprint may not cover; length and time of the file stay.
    let path = model.path("model.safetensors");
    let (mut bytes, modified) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    let at = bytes.len() - 5_000;
    bytes[at..][..4].copy_from_slice(&3.5_f32.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let changed = by_form(forms.path(), &model, &options);
    assert_eq!(vectors(&changed), vectors(&load(&model, options)));
    // It may change again without getting another time.
    assert_eq!(changed.prepare().unwrap(), None);
    sleep(SETTLED);
    let changed = by_form(forms.path(), &model, &options);
    assert_eq!(changed.prepare().unwrap().unwrap().1, Unprepared::Stale);
    let again = by_form(forms.path(), &model, &options);
    assert_eq!((again.prepare().unwrap(), vectors(&again)), (None, vectors(&load(&model, options))));
    only(forms.path());
}

#[test]
fn a_damaged_form_is_not_used_and_is_written_again() {
    let (dir, forms) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (model, options) = (settled(dir.path()), options(Precision::Bf16));
    let form = by_form(forms.path(), &model, &options).prepare().unwrap().unwrap().0;
    let (whole, expected) = (fs::read(&form).unwrap(), vectors(&load(&model, options)));
    let used = |bytes: &[u8]| {
        fs::write(&form, bytes).unwrap();
        let embedder = by_form(forms.path(), &model, &options);
        assert_eq!(vectors(&embedder), expected);
        embedder
    };
    // Some bytes of the header, and of everything else. What stands between two sections means nothing.
    let mut unnoticed = 0;
    for at in (0..whole.len()).filter(|at| at % if *at < 3_000 { 11 } else { 1_009 } == 0) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        unnoticed += usize::from(used(&bytes).prepare().is_ok_and(|prepared| prepared.is_none()));
    }
    assert!(unnoticed < 10, "{unnoticed}");
    for length in (0..whole.len()).filter(|length| length % if *length < 300 { 7 } else { 9_973 } == 0) {
        used(&whole[..length]);
    }
    used(&whole[..100]).prepare().unwrap().unwrap();
    assert_eq!(fs::read(&form).unwrap().len(), whole.len());
    assert_eq!(by_form(forms.path(), &model, &options).prepare().unwrap(), None);
}

#[test]
fn many_write_one_form_at_once_and_it_may_be_deleted_at_any_time() {
    let (dir, forms) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (model, options) = (settled(dir.path()), options(Precision::Int8));
    let expected = vectors(&load(&model, options));
    thread::scope(|scope| {
        for number in 0..8 {
            let (forms, model, expected) = (forms.path(), &model, &expected);
            scope.spawn(move || {
                for round in 0..10 {
                    let embedder = by_form(forms, model, &options);
                    // Who deletes also deletes what others are just writing: that is an error, and no wrong vector.
                    let _ = embedder.prepare();
                    if (number + round) % 4 == 0 {
                        fs::read_dir(forms).unwrap().for_each(|entry| drop(fs::remove_file(entry.unwrap().path())));
                    }
                    assert_eq!(vectors(&embedder), *expected);
                }
            });
        }
    });
    let last = by_form(forms.path(), &model, &options);
    last.prepare().unwrap();
    let last = by_form(forms.path(), &model, &options);
    assert_eq!((last.prepare().unwrap(), vectors(&last)), (None, expected));
    only(forms.path());
}

#[test]
fn a_file_that_is_not_ours_stays() {
    let (dir, forms) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (model, options) = (settled(dir.path()), options(Precision::F32));
    let form = by_form(forms.path(), &model, &options).prepare().unwrap().unwrap().0;
    fs::write(&form, "a letter").unwrap();
    let error = by_form(forms.path(), &model, &options).prepare().unwrap_err();
    assert_eq!(error.to_string(), format!("{}: cannot write", form.display()));
    assert_eq!(fs::read_to_string(form).unwrap(), "a letter");
    // A directory that cannot be made is an error, and no vector.
    let embedder = by_form(Path::new("/dev/null/forms"), &model, &options);
    assert!(embedder.prepare().is_err());
    assert_eq!(vectors(&embedder), vectors(&load(&model, options)));
}
