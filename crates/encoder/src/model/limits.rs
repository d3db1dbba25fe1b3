//! Limits for a tokenizer.json. The file is a small program by somebody else: without limits, a few hundred bytes of it
//! could double a text thirty times, or reserve gigabytes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The largest part of the file, in bytes. A table of characters has 300 thousand bytes.
const PART: usize = 4 << 20;
/// The most objects in all parts together. The usual files have ten to twenty.
const STEPS: usize = 1000;
/// The largest factor by which a text may become longer.
const GROWTH: usize = 64;
/// The most special tokens added to a text.
const SPECIALS: usize = 1024;
/// The most added tokens, and the most bytes of them together.
const ADDED: (usize, usize) = (1 << 14, 1 << 20);
/// The most values of a vocabulary that the library reads. It needs some two hundred bytes for each.
const VOCABULARY: usize = 2 << 20;
/// The most characters of a word that is divided into pieces. The time for a word grows with the square of this number.
const WORD: usize = 1000;

/// The parts of a tokenizer.json, by their names.
type TokenizerParts<'a> = BTreeMap<String, &'a RawValue>;

/// Checks everything but the vocabulary.
pub(super) fn check(parts: &TokenizerParts<'_>) -> Result<(), String> {
    let mut tally = Tally { steps: 0, growth: 1, specials: 0 };
    for name in ["normalizer", "pre_tokenizer", "post_processor"] {
        let Some(part) = parts.get(name) else { continue };
        if part.get().len() > PART {
            return Err(format!("its {name} is larger than {PART} bytes"));
        }
        let part: Value = serde_json::from_str(part.get()).map_err(|error| error.to_string())?;
        tally.add(&part).map_err(|what| format!("its {name} {what}"))?;
    }
    let added: Vec<Value> = match parts.get("added_tokens") {
        Some(added) if added.get().len() > PART => {
            return Err(format!("its added_tokens are larger than {PART} bytes"));
        }
        Some(added) => serde_json::from_str(added.get()).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    let bytes: usize = added.iter().map(|token| token["content"].as_str().map_or(0, str::len)).sum();
    if added.len() > ADDED.0 || bytes > ADDED.1 {
        return Err(format!("it adds {} tokens of {bytes} bytes", added.len()));
    }
    Ok(())
}

/// Checks the length of the longest word that is divided into pieces.
pub(super) fn check_word(characters: usize) -> Result<(), String> {
    match characters {
        0..=WORD => Ok(()),
        _ => Err(format!("max_input_chars_per_word is {characters}, expected at most {WORD}")),
    }
}

/// Checks the size of a vocabulary that is not WordPiece's, before the library reads it.
pub(super) fn check_vocabulary(parts: &TokenizerParts<'_>) -> Result<(), String> {
    let model = parts.get("model").map_or("", |model| model.get());
    if model.bytes().filter(|&byte| byte == b',').count() > VOCABULARY {
        return Err(format!("its vocabulary has over {VOCABULARY} values"));
    }
    #[derive(Deserialize)]
    struct Model {
        max_input_chars_per_word: Option<usize>,
    }
    // Most kinds of model have no such number. If this is not a model at all, the library says so.
    let model: Option<Model> = serde_json::from_str(model).ok();
    model.and_then(|model| model.max_input_chars_per_word).map_or(Ok(()), check_word)
}

struct Tally {
    steps: usize,
    growth: usize,
    specials: usize,
}

impl Tally {
    /// Adds what a part does, and everything inside it. The fields tell what kind a step is: the library reads some steps
    /// without their type.
    fn add(&mut self, part: &Value) -> Result<(), String> {
        match part {
            Value::Array(parts) => parts.iter().try_for_each(|part| self.add(part)),
            Value::Object(fields) => {
                self.steps += 1;
                self.add_step(part)?;
                if self.steps > STEPS {
                    return Err(format!("has more than {STEPS} steps"));
                }
                if self.growth > GROWTH {
                    return Err(format!("makes a text more than {GROWTH} times as long"));
                }
                if self.specials > SPECIALS {
                    return Err(format!("adds more than {SPECIALS} special tokens"));
                }
                fields.values().try_for_each(|part| self.add(part))
            }
            _ => Ok(()),
        }
    }

    fn add_step(&mut self, step: &Value) -> Result<(), String> {
        if let Some(content) = step["content"].as_str() {
            // A regular expression may match the empty string before every character.
            let times = match step["pattern"]["String"].as_str() {
                Some(pattern) => content.len().div_ceil(pattern.len().max(1)),
                None => content.len() + 1,
            };
            self.growth = self.growth.saturating_mul(times.max(1));
        }
        if step["type"] == "FixedLength" && step["length"] == 0 {
            return Err("cuts texts into pieces of length 0".into());
        }
        if let Some(table) = step["precompiled_charsmap"].as_str() {
            check_table(table)?;
        }
        for (kind, texts) in [("single", &["A"][..]), ("pair", &["A", "B"])] {
            if let Some(template) = step[kind].as_array() {
                self.add_template(template, texts, &step["special_tokens"])?;
            }
        }
        Ok(())
    }

    /// Adds a template that may have each of `texts` once.
    fn add_template(&mut self, template: &[Value], texts: &[&str], special_tokens: &Value) -> Result<(), String> {
        let found: Vec<&Value> =
            template.iter().map(|piece| &piece["Sequence"]["id"]).filter(|id| !id.is_null()).collect();
        let often = |text: &&str| found.iter().filter(|&&id| id == text).count() > 1;
        if texts.iter().any(often) || found.iter().any(|&id| !texts.iter().any(|text| id == text)) {
            return Err(format!("has a template of other texts than {}", texts.join(" and ")));
        }
        let ids = |piece: &Value| {
            let id = piece["SpecialToken"]["id"].as_str()?;
            special_tokens[id]["ids"].as_array().map(Vec::len)
        };
        self.specials = template.iter().filter_map(ids).fold(self.specials, usize::saturating_add);
        Ok(())
    }
}

/// Checks the length at the beginning of a table of characters: the library reserves as much memory as this length
/// says.
fn check_table(base64: &str) -> Result<(), String> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits = base64.bytes().take(6).map(digit).collect::<Option<Vec<u8>>>();
    let bits = digits.unwrap_or_default().iter().fold(0_u64, |bits, &digit| bits << 6 | u64::from(digit));
    // Six digits are 36 bits: the four bytes of the length, the least significant byte first, and four more bits.
    let length = ((bits >> 4) as u32).swap_bytes() as usize;
    if length > base64.len() { Err("has a damaged table of characters".into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(file: &Value) -> Result<(), String> {
        let text = file.to_string();
        let parts: TokenizerParts<'_> = serde_json::from_str(&text).unwrap();
        check(&parts).and_then(|()| check_vocabulary(&parts))
    }

    #[test]
    fn what_the_usual_files_do_is_allowed() {
        let replace = json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "});
        let template = json!({"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "[SEP]"}}],
            "special_tokens": {"[CLS]": {"ids": [101]}, "[SEP]": {"ids": [102]}}});
        // sentencepiece's table for nmt_nfkc begins like this: 0x0003b000 bytes follow.
        let table = json!({"type": "Precompiled", "precompiled_charsmap": format!("ALQCAA{}", "A".repeat(200_000))});
        let file = json!({"normalizer": {"type": "Sequence", "normalizers": [table, replace]}, "post_processor": template,
            "model": {"type": "WordPiece", "max_input_chars_per_word": 100}});
        assert_eq!(said(&file), Ok(()));
    }

    #[test]
    fn a_pair_may_have_each_of_its_texts_once() {
        let pair = |texts: &[&str]| {
            let pieces: Vec<Value> = texts.iter().map(|text| json!({"Sequence": {"id": text}})).collect();
            said(&json!({"post_processor": {"pair": pieces}}))
        };
        assert_eq!(pair(&["A", "B"]), Ok(()));
        for texts in [&["A", "B", "A"][..], &["B", "B"], &["A", "C"]] {
            assert!(pair(texts).unwrap_err().contains("of other texts than A and B"));
        }
    }

    #[test]
    fn what_would_fill_memory_or_time_is_refused() {
        let double = json!({"pattern": {"String": "a"}, "content": "aa"});
        let normalizer = json!({"normalizers": vec![double; 7]});
        assert!(said(&json!({"normalizer": normalizer})).unwrap_err().contains("64 times as long"));
        let twice = json!({"single": [{"Sequence": {"id": "A"}}, {"Sequence": {"id": "A"}}]});
        assert!(said(&json!({"post_processor": twice})).unwrap_err().contains("of other texts than A"));
        let other = json!({"single": [{"Sequence": {"id": "B"}}]});
        assert!(said(&json!({"post_processor": other})).unwrap_err().contains("of other texts than A"));
        let many = json!({"single": vec![json!({"SpecialToken": {"id": "x"}}); 20],
            "special_tokens": {"x": {"ids": vec![1; 100]}}});
        assert!(said(&json!({"post_processor": many})).unwrap_err().contains("more than 1024 special tokens"));
        let table = json!({"precompiled_charsmap": "/////w=="});
        assert!(said(&json!({"normalizer": table})).unwrap_err().contains("damaged table"));
        assert!(
            said(&json!({"pre_tokenizer": {"type": "FixedLength", "length": 0}})).unwrap_err().contains("length 0")
        );
        assert!(said(&json!({"pre_tokenizer": vec![json!({}); 1001]})).unwrap_err().contains("1000 steps"));
        assert!(
            said(&json!({"added_tokens": vec![json!({"content": "x"}); 20_000]})).unwrap_err().contains("20000 tokens")
        );
        assert!(said(&json!({"model": {"max_input_chars_per_word": 1001}})).unwrap_err().contains("max_input_chars"));
    }
}
