//! Where in its memory an instance keeps what it changes.
//!
//! The component is shipped with its tables compiled in its memory. Every instance begins with the same pages, shared until
//! one is written to: that is a fault and a copy, and a dozen of them take longer than a log. So what logs change lies
//! together, apart from the tables, and so does what a call asks for; both begin on a page of their own.

use std::cell::RefCell;
use std::hint::black_box;

/// Readers with their options.
pub type Readers = Vec<(udm::Options, udm::Reader)>;

/// For each log type, a reader with the options that callers give most.
pub fn usual_readers() -> Box<RefCell<Readers>> {
    for source in udm::SOURCES {
        source.prepare(udm::FieldNames::default());
    }
    let readers = udm::SOURCES.iter().filter_map(|source| {
        begin_page();
        let options = udm::Options {
            log_type: source.log_type.to_owned(),
            ..udm::Options::default()
        };
        let reader = udm::Reader::new(&options).ok()?;
        Some((options, reader))
    });
    let all = Box::new(RefCell::new(Vec::with_capacity(udm::SOURCES.len())));
    all.borrow_mut().extend(readers);
    begin_page();
    all
}

/// Takes what memory is free between what is in use, and the rest of the last page, for good: what is asked for next then
/// lies together behind it. Zeros take no room in the component's file.
fn begin_page() {
    /// The host's, not WebAssembly's.
    const PAGE: usize = 4 << 10;
    /// No gap is as large.
    const LARGEST: usize = 64 << 10;
    let address = |block: &[u8]| block.as_ptr() as usize;
    let end = address(&black_box(vec![0; LARGEST]));
    let mut size = LARGEST;
    while size >= 8 {
        let block = vec![0; size];
        if address(&block) < end {
            block.leak();
        } else {
            size /= 2;
        }
    }
    let used = address(&black_box(vec![0; PAGE])) % PAGE;
    black_box(vec![0u8; PAGE - used].leak());
}
