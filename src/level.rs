//! `Level`: the four words for how full the budget is.

use serde::{Deserialize, Serialize};

/// How full the budget is. What each level means and starts is set by [`Thresholds`](crate::Thresholds).
///
/// ```
/// use plimsoll::Level;
/// assert!(Level::Critical > Level::Healthy);
/// assert_eq!(Level::Caution.to_string(), "caution");
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Below the warning threshold.
    #[default]
    Healthy,
    /// At the warning threshold or above.
    Caution,
    /// At the prompt threshold or above.
    Warning,
    /// At the emergency threshold or above.
    Critical,
}

impl Level {
    /// All levels, rising.
    pub const ALL: [Level; 4] = [Level::Healthy, Level::Caution, Level::Warning, Level::Critical];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Healthy => "healthy",
            Level::Caution => "caution",
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_one_word_for_people_and_programs() {
        for level in Level::ALL {
            let word = serde_json::to_value(level).expect("JSON");
            assert_eq!(
                (word.as_str(), level.to_string().as_str()),
                (Some(level.as_str()), level.as_str())
            );
        }
        assert_eq!(Level::ALL.map(Level::as_str), ["healthy", "caution", "warning", "critical"]);
    }
}
