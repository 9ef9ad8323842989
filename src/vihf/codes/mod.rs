//! Coded values of a VIHF.
