//! Fields by whose values hits can be narrowed down.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use semsearch_store::{Snapshot, StoreError};

/// The most fields that are looked at, and that are offered.
const LOOKED_AT: usize = 30;
const OFFERED: usize = 4;

/// A field with more values is no use to choose from.
const MOST_VALUES: usize = 40;

/// The fields that each index offers, as of a commit.
#[derive(Default)]
pub(crate) struct Offered(Mutex<HashMap<String, (String, Vec<String>)>>);

impl Offered {
    /// The fields that an index offers. They are found once for a commit.
    pub(super) fn of(&self, name: &str, snapshot: &dyn Snapshot) -> Result<Vec<String>, StoreError> {
        let commit = &snapshot.facts().commit;
        let known = |all: &HashMap<String, (String, Vec<String>)>| {
            all.get(name).filter(|(of, _)| of == commit).map(|(_, fields)| fields.clone())
        };
        if let Some(fields) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(fields);
        }
        let fields = found(snapshot)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.into(), (commit.clone(), fields.clone()));
        Ok(fields)
    }
}

/// Fields of few values, of which some have many documents.
fn found(snapshot: &dyn Snapshot) -> Result<Vec<String>, StoreError> {
    if snapshot.facts().config.language.is_none() {
        return Ok(Vec::new());
    }
    let mut offered = Vec::new();
    for field in snapshot.fields(LOOKED_AT)? {
        let values = snapshot.values(&field, None, MOST_VALUES + 1)?;
        let is_choice = (2..=MOST_VALUES).contains(&values.len()) && values[0].documents > 1;
        if is_choice && values.iter().all(|value| !value.value.is_null()) {
            offered.push(field);
        }
        if offered.len() == OFFERED {
            break;
        }
    }
    Ok(offered)
}
