//! What is concluded from what.
