//! A setting that an index may have recorded.

/// A value asked for, and the config file's value. The value that an index recorded has a precedence between the two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recordable<T> {
    /// The value of an argument or the environment.
    pub(crate) asked: Option<T>,
    /// The value of the config file.
    pub(crate) configured: Option<T>,
}

impl<T: Clone> Recordable<T> {
    pub(crate) fn new(asked: Option<T>, configured: &Option<T>) -> Self {
        Self { asked, configured: configured.clone() }
    }

    /// The value in force for an index that recorded this one, or for one that is to be built.
    pub(crate) fn or_recorded(&self, recorded: Option<T>) -> Option<T> {
        self.asked.clone().or(recorded).or_else(|| self.configured.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_comes_before_what_was_recorded_before_the_config_file() {
        let setting = |asked, configured| Recordable { asked, configured };
        assert_eq!(setting(Some(1), Some(3)).or_recorded(Some(2)), Some(1));
        assert_eq!(setting(None, Some(3)).or_recorded(Some(2)), Some(2));
        assert_eq!(setting(None, Some(3)).or_recorded(None), Some(3));
        assert_eq!(setting(None::<u8>, None).or_recorded(None), None);
    }
}
