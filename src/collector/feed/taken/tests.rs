use super::*;
use udmill_receiver::testing::{Memory, block_on, run};

fn object(number: usize) -> Object {
    Object {
        key: format!("logs/{number:06}.jsonl"),
        size: 1,
        modified: None,
        etag: format!("\"{number}\""),
    }
}

/// Walks over these objects as a call does, and tells which of them were not taken before.
async fn walk(
    host: &Memory,
    numbers: impl Iterator<Item = usize>,
) -> Result<Vec<usize>, StoreError> {
    let mut taken = Taken::open(host, "pull:x", "").await?;
    let mut new = Vec::new();
    for number in numbers {
        let object = object(number);
        let digest = digest(&object);
        taken.reach(&object.key).await?;
        if taken.mark(&digest).is_none() {
            new.push(number);
        }
        taken.pass(&object.key, digest, Some(Mark::Taken)).await?;
        if number % 100 == 0 {
            taken.save().await?;
        }
    }
    taken.end().await?;
    Ok(new)
}

#[test]
fn a_digest_is_of_key_and_version() {
    let one = object(1);
    let changed = Object {
        etag: "\"x\"".to_owned(),
        ..one.clone()
    };
    let untagged = |seconds| Object {
        etag: String::new(),
        modified: chrono::DateTime::from_timestamp(seconds, 0),
        ..one.clone()
    };
    let digests = [one.clone(), object(2), changed, untagged(1), untagged(2)].map(|it| digest(&it));
    for (at, digest) in digests.iter().enumerate() {
        assert!(!digests[..at].contains(digest));
    }
    let touched = Object {
        modified: chrono::DateTime::from_timestamp(1, 0),
        ..one.clone()
    };
    assert_eq!(digest(&touched), digest(&one));
}

#[test]
fn what_was_passed_is_known_to_the_next_walk_at_the_price_of_a_read_a_thousand() {
    let host = Memory::new();
    let all = || 0..12_345;
    assert_eq!(block_on(walk(&host, all())).unwrap().len(), 12_345);
    assert_eq!(host.store.borrow().len(), 13);
    assert!(host.store.borrow().values().all(|it| it.len() < 32 << 10));
    let calls = host.calls.get();
    assert_eq!(block_on(walk(&host, all())), Ok(vec![]));
    assert_eq!(host.calls.get() - calls, 13);
    // Late ones under old keys, and nothing else.
    let with_new = (0..2 * 12_345)
        .map(|it| it / 2)
        .filter(|it| it % 2 == 1 || it % 7 != 0);
    let mut with_new: Vec<usize> = with_new.collect();
    with_new.dedup();
    assert_eq!(block_on(walk(&host, with_new.into_iter())), Ok(vec![]));
    let late: Vec<usize> = all().filter(|it| it % 2 == 0 && it % 7 == 0).collect();
    assert_eq!(block_on(walk(&host, all())), Ok(late));
}

#[test]
fn records_shrink_with_the_bucket() {
    let host = Memory::new();
    block_on(walk(&host, 0..10_000)).unwrap();
    block_on(walk(&host, (0..10_000).filter(|it| it % 100 == 0))).unwrap();
    assert_eq!(host.store.borrow().len(), 1);
    block_on(walk(&host, 0..0)).unwrap();
    let store = host.store.borrow();
    assert_eq!(
        store.values().map(Vec::len).sum::<usize>(),
        "{\"upto\":null}\n".len()
    );
}

#[test]
fn a_walk_that_dies_anywhere_forgets_nothing_that_was_saved() {
    let sets = [0..1500, 700..1500, 0..2200];
    for crash in 0.. {
        let host = Memory::new();
        host.crash_before(crash);
        let mut saved: Vec<usize> = Vec::new();
        let mut died = false;
        for set in sets.clone() {
            if run(walk(&host, set.clone())).is_none() {
                died = true;
                host.restart();
                let again = block_on(walk(&host, set.clone())).unwrap();
                // Saved every hundred, so no more than those since may be new again, beside those that are.
                let was_known = again.iter().filter(|it| saved.contains(it)).count();
                assert_eq!(was_known, 0, "after {crash} calls");
            }
            saved = set.collect();
        }
        host.restart();
        assert_eq!(
            block_on(walk(&host, 0..2200)),
            Ok(vec![]),
            "after {crash} calls"
        );
        if !died {
            break;
        }
    }
}

#[test]
fn a_walk_goes_on_where_a_record_begins_and_never_where_none_does() {
    let host = Memory::new();
    block_on(walk(&host, 0..3000)).unwrap();
    let after = object(999).key;
    let open = |after: &str| block_on(Taken::open(&host, "pull:x", after)).unwrap().after;
    assert_eq!(open(&after), after);
    assert_eq!(open("logs/000500.jsonl"), "");
}

#[test]
fn marks_are_kept_as_they_are() {
    let marks = [
        Mark::Taken,
        Mark::Delete,
        Mark::Denied(490_000),
        Mark::Unreadable,
    ];
    let marks = marks
        .into_iter()
        .enumerate()
        .map(|(at, mark)| ([at as u8; 16], mark));
    let record = Record {
        link: Link {
            upto: Some("a\n\"b".to_owned()),
        },
        marks: marks.collect(),
    };
    assert_eq!(Record::read(&record.bytes()), Some(record));
    for broken in [&b""[..], b"{}", b"{\"upto\":null}\nx", b"[]\n"] {
        assert_eq!(Record::read(broken), None, "{broken:?}");
    }
}
