//! `Tab`: what is shown, one at a time.

/// In the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
    Growth,
    Ledger,
    Caches,
    Events,
    Profile,
}

impl Tab {
    pub(super) const ALL: [Tab; 6] =
        [Tab::Overview, Tab::Growth, Tab::Ledger, Tab::Caches, Tab::Events, Tab::Profile];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Tab::Overview => "overview",
            Tab::Growth => "growth",
            Tab::Ledger => "ledger",
            Tab::Caches => "caches",
            Tab::Events => "events",
            Tab::Profile => "profile",
        }
    }

    pub(super) fn place(self) -> usize {
        Tab::ALL.iter().position(|tab| *tab == self).unwrap_or(0)
    }

    /// So many further to the right, and on from the first.
    pub(super) fn step(self, by: usize) -> Self {
        Tab::ALL[(self.place() + by) % Tab::ALL.len()]
    }

    /// By its number, from 1.
    pub(super) fn numbered(number: char) -> Option<Self> {
        let place = number.to_digit(10)?.checked_sub(1)?;
        Tab::ALL.get(place as usize).copied()
    }
}
