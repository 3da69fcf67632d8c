//! Speaks to it.
