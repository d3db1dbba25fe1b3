//! Which known name a misspelled one may stand for.

/// How alike two names are if one may be a slip of the other (Jaro and Winkler's measure, from 0 to 1).
const LIKE: f64 = 0.8;

/// The known name that is most like `name`, for a message: " (`year` is like it)", or nothing if none is.
pub(super) fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a String>) -> String {
    let near = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let nearest = near.filter(|(likeness, _)| *likeness >= LIKE).max_by(|a, b| a.0.total_cmp(&b.0));
    nearest.map_or_else(String::new, |(_, known)| format!(" (`{known}` is like it)"))
}
