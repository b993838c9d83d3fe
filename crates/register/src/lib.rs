//! Room `register`.
