//! Search by words: BM25, with the scores that an index in a directory gives (crate `semsearch-words`).
//!
//! A shard finds passages by the rare words of a query and orders them by all of its words (`sparse`). What comes back is
//! scored by our own arithmetic, and more is fetched while something better could be left. Words that are too frequent to
//! be looked up are not needed where all of them together add less than the last hit has (MaxScore: Turtle and Flood 1995,
//! "Query Evaluation: Strategies and Optimizations").

use std::collections::HashMap;

use semsearch_store::{Among, Scored, StoreError, WordQuery};
use semsearch_words::{WordStatistics, WordWeight, most_of};
use tokio_postgres::Row;

use super::literal;
use super::reading::Reading;
use super::sparse;
use super::state::visible_counts;

/// By how much, as a part of it, a score of a shard may differ from ours.
const ROUNDING: f32 = 1e-5;

/// A word that is longer than this is kept as its beginning and a digest: an index of PostgreSQL takes no longer ones.
const LONGEST: usize = 1024;

/// How many more passages are fetched than are wanted.
const MARGIN: usize = 16;

/// If more than one of so many passages has one of the words, to look them up takes longer than to score all passages.
const FREQUENT: u64 = 8;

/// A shard with fewer passages than this scores all of them.
const FEW: u64 = 20_000;

/// The passages that have one of the first words, in relation to those that are wanted.
const AT_FIRST: u64 = 8;

/// A word as the store keeps it.
pub(crate) fn kept(word: String) -> String {
    if word.len() <= LONGEST {
        return word;
    }
    let end = (0..=LONGEST).rev().find(|end| word.is_char_boundary(*end)).unwrap_or(0);
    format!("{} {:032x}", &word[..end], semsearch_store::content_digest(word.as_bytes()))
}

/// A query's words in one generation.
pub(crate) struct Words<'a> {
    reading: &'a Reading,
    /// The places of the query's words in `known`, in the order of the query.
    order: Vec<usize>,
    /// The words that passages have, rarest first.
    known: Vec<KnownWord>,
    most: f32,
}

struct KnownWord {
    word: String,
    /// How many passages have it.
    with: u64,
    /// How often the query has it.
    times: u32,
    weight: WordWeight,
    /// What it adds to a score at most.
    most: f32,
}

impl<'a> Words<'a> {
    /// The query of these stems, in their order.
    pub(crate) fn new(reading: &'a Reading, stems: &[String]) -> Result<Self, StoreError> {
        let counts = &reading.state.counts;
        let statistics = WordStatistics { passages: counts.passages as u64, words: counts.words as u64 };
        let stems: Vec<String> = stems.iter().cloned().map(kept).collect();
        let with = Self::frequencies(reading, &stems)?;
        let passages_with = |stem: &String| with.get(stem).copied().unwrap_or(0);
        let most = stems.iter().map(|stem| most_of(statistics.passages, passages_with(stem))).sum();
        let mut known: Vec<KnownWord> = Vec::new();
        for stem in stems.iter().filter(|stem| passages_with(stem) > 0) {
            match known.iter_mut().find(|known| known.word == *stem) {
                Some(known) => known.times += 1,
                None => {
                    let with = passages_with(stem);
                    let (weight, most) = (WordWeight::new(statistics, with), most_of(statistics.passages, with));
                    known.push(KnownWord { word: stem.clone(), with, times: 1, weight, most });
                }
            }
        }
        known.sort_by_key(|known| known.with);
        let order = stems.iter().filter_map(|stem| known.iter().position(|known| known.word == *stem)).collect();
        Ok(Self { reading, order, known, most })
    }

    /// How many passages have each of these words.
    fn frequencies(reading: &Reading, stems: &[String]) -> Result<HashMap<String, u64>, StoreError> {
        if stems.is_empty() {
            return Ok(HashMap::new());
        }
        let seen = visible_counts(reading.state.committed, &reading.state.aborted);
        let words = literal::texts(stems.iter().map(String::as_str));
        let sql = format!(
            "SELECT word, sum(passages)::bigint FROM {} WHERE word = ANY({words}) AND {seen} GROUP BY word",
            reading.cluster.table("words")
        );
        let mut with = HashMap::new();
        for row in reading.ask("counting words", &sql, "word text, passages bigint")?.iter().flatten() {
            *with.entry(literal::with_nul(row.get(0))).or_default() += row.get::<_, i64>(1).max(0) as u64;
        }
        Ok(with)
    }

    /// Whether shards are so small that they score all of their passages.
    fn scores_all(&self) -> bool {
        self.reading.state.counts.passages as u64 / (self.reading.cluster.shards.len().max(1) as u64) < FEW
    }

    /// The known words that each passage of `p` has, and how often: a part of a statement that gives `m`.
    fn counts(&self) -> String {
        let known = literal::texts(self.known.iter().map(|known| known.word.as_str()));
        format!(
            "LATERAL (SELECT array_agg(word) AS words, array_agg(times) AS counts \
             FROM unnest(p.words, p.counts) u(word, times) WHERE word = ANY({known})) m"
        )
    }

    /// The passages that have one of the first `essential` words, as far as they are wanted, and for each shard that may have
    /// more what no other passage of it exceeds.
    fn fetch(&self, essential: usize, wanted: usize, among: &Among<'_>) -> Result<(Vec<Scored>, Vec<f32>), StoreError> {
        let counts = &self.reading.state.counts;
        let having: u64 = self.known[..essential].iter().map(|known| known.with).sum();
        let looked_up = match having.saturating_mul(FREQUENT) < counts.passages as u64 && !self.scores_all() {
            true => {
                let words = literal::texts(self.known[..essential].iter().map(|known| known.word.as_str()));
                format!(" AND words && {words}")
            }
            false => String::new(),
        };
        let weights = self.known.iter().map(|known| {
            let idf = f64::from(known.most) / 2.2;
            (known.word.as_str(), idf * f64::from(known.times))
        });
        // A passage with too many words for a sparse vector comes first, whatever its score is.
        let order = format!("coalesce(bm25 <#> {}, '-Infinity')", sparse::query(weights));
        let sql = format!(
            "SELECT key, length, m.words, m.counts, nearness, document FROM (SELECT key, document, length, words, counts, {order} AS nearness \
             FROM {} WHERE {}{looked_up} ORDER BY nearness LIMIT {wanted}) p, {}",
            self.reading.passages(),
            self.reading.seen(among.filter)?,
            self.counts(),
        );
        let now = counts.words as f64 / counts.passages.max(1) as f64;
        let slack = sparse::slack(now, self.reading.state.mean_length.unwrap_or(now));
        let (mut found, mut borders) = (Vec::new(), Vec::new());
        for answer in self.reading.ask("searching by words", &sql, COUNTED_NEAR)? {
            let last = answer.iter().map(|row| -row.get::<_, f64>(4) as f32).min_by(f32::total_cmp);
            borders.extend(last.filter(|_| answer.len() >= wanted).map(|last| last * slack));
            let remember = |row: &Row| {
                let (key, document) = (row.get::<_, i64>(0) as u64, row.get::<_, i64>(5) as u64);
                self.reading.remembered.add(key, document, None);
            };
            answer.iter().for_each(remember);
            found.extend(answer.iter().map(|row| self.scored(row)).filter(|scored| scored.score > 0.0));
        }
        found.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
        Ok((found, borders))
    }

    /// The score of a passage: the sum over the query's words in their order.
    fn scored(&self, row: &Row) -> Scored {
        let (key, length) = (row.get::<_, i64>(0) as u64, row.get::<_, i32>(1) as u64);
        let words: Option<Vec<&str>> = row.get(2);
        let counts: Option<Vec<i32>> = row.get(3);
        let mut times = vec![0; self.known.len()];
        for (word, count) in words.unwrap_or_default().into_iter().zip(counts.unwrap_or_default()) {
            if let Some(place) = self.known.iter().position(|known| known.word == word) {
                times[place] = count as u32;
            }
        }
        let mut score = 0.0;
        for &place in self.order.iter().filter(|place| times[**place] > 0) {
            score += self.known[place].weight.score(length, times[place]);
        }
        Scored { key, score }
    }

    /// How many of the rarest words have so many passages together, at least one.
    fn words_of(&self, passages: u64) -> usize {
        let mut sum = 0_u64;
        let reaches = |known: &KnownWord| {
            sum = sum.saturating_add(known.with);
            sum >= passages
        };
        self.known.iter().position(reaches).map_or(self.known.len(), |place| place + 1)
    }

    /// How many of the rarest words are needed, so that all others together add less than `score`.
    fn needed_for(&self, score: f32) -> usize {
        let mut rest = 0.0;
        for (place, known) in self.known.iter().enumerate().rev() {
            rest += known.most * known.times as f32;
            if rest * (1.0 + ROUNDING) >= score {
                return place + 1;
            }
        }
        0
    }
}

/// The columns of a passage with its counts.
const COUNTED: &str = "key bigint, length int, words text[], counts int[]";

/// The same with the order that the shard gave it.
const COUNTED_NEAR: &str = "key bigint, length int, words text[], counts int[], nearness float8, \
                            document bigint";

impl WordQuery for Words<'_> {
    fn best(&self, among: &Among<'_>) -> Result<Vec<Scored>, StoreError> {
        let Some(last) = among.k.checked_sub(1).filter(|_| !self.known.is_empty()) else { return Ok(Vec::new()) };
        let mut essential = match self.scores_all() {
            true => self.known.len(),
            false => self.words_of((among.k as u64).saturating_mul(AT_FIRST)),
        };
        let mut wanted = among.k.saturating_add(MARGIN);
        loop {
            let (mut found, borders) = self.fetch(essential, wanted, among)?;
            let worst = found.get(last).map(|scored| scored.score);
            // A shard may hold back passages that score as high as its own order allows, and no higher.
            let is_short = |border: &f32| *border > 0.0 && worst.is_none_or(|worst| border * (1.0 + ROUNDING) >= worst);
            let is_short = borders.iter().any(is_short);
            let needed = match worst {
                Some(worst) => self.needed_for(worst),
                None => self.known.len(),
            };
            if essential < needed {
                // Without enough hits, words are taken until there should be enough.
                let more = self.words_of(self.known[..essential].iter().map(|known| known.with).sum::<u64>() * 8);
                essential = if worst.is_some() { needed } else { more.max(essential + 1).min(needed) };
            } else if is_short {
                wanted = wanted.saturating_mul(2);
            } else {
                found.truncate(among.k);
                return Ok(found);
            }
        }
    }

    fn scores(&self, keys: &[u64]) -> Result<Vec<f32>, StoreError> {
        if self.known.is_empty() {
            return Ok(vec![0.0; keys.len()]);
        }
        let sql = |these: &str| {
            let (table, counts) = (self.reading.passages(), self.counts());
            format!("SELECT key, length, m.words, m.counts FROM (SELECT * FROM {table} WHERE {these}) p, {counts}")
        };
        let rows = self.reading.ask_about("scoring by words", keys, sql, COUNTED)?;
        let scores: HashMap<u64, f32> = rows.iter().map(|row| self.scored(row)).map(|s| (s.key, s.score)).collect();
        Ok(keys.iter().map(|key| scores.get(key).copied().unwrap_or(0.0)).collect())
    }

    fn most(&self) -> f32 {
        self.most
    }
}
