//! What holds for this source alone; `row/tests.rs` has what holds for every source's tables.
