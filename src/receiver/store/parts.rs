//! Bytes of any length as values of at most 256 KiB, which every store takes.

use crate::host::{Host, StoreError};

/// What the keys begin with.
pub const PREFIX: &str = "parts:";

/// The most bytes of a value.
pub const PART: usize = 256 << 10;

/// How many parts so many bytes have.
pub fn count(bytes: usize) -> usize {
    bytes.div_ceil(PART)
}

/// The key of a part.
pub fn key(id: &str, part: usize) -> String {
    format!("{PREFIX}{id}:{part}")
}

/// The id in the key of a part.
pub fn id_of(key: &str) -> Option<&str> {
    let (id, _) = key.strip_prefix(PREFIX)?.rsplit_once(':')?;
    Some(id)
}

/// Writes all parts. The caller writes the index entry that makes them count.
///
/// # Errors
///
/// When the store does not take one; the others are then removed again, if it lets them.
pub async fn write<H: Host>(host: &H, id: &str, bytes: &[u8]) -> Result<(), StoreError> {
    for (part, value) in bytes.chunks(PART).enumerate() {
        if let Err(error) = host.set(&key(id, part), value).await {
            let _ = delete(host, id, bytes.len()).await;
            return Err(error);
        }
    }
    Ok(())
}

/// All bytes; none if a part is not there.
///
/// # Errors
///
/// When the store does not answer.
pub async fn read<H: Host>(
    host: &H,
    id: &str,
    length: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut bytes = Vec::with_capacity(length.min(64 * PART));
    for part in 0..count(length) {
        match host.get(&key(id, part)).await? {
            Some(value) => bytes.extend_from_slice(&value),
            None => return Ok(None),
        }
    }
    Ok((bytes.len() == length).then_some(bytes))
}

/// What is there of the bytes, when not all is.
///
/// # Errors
///
/// When the store does not answer.
pub async fn remains<H: Host>(host: &H, id: &str, length: usize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for part in 0..count(length) {
        bytes.extend(host.get(&key(id, part)).await?.unwrap_or_default());
    }
    Ok(bytes)
}

/// Removes all parts. The caller has removed the index entry.
///
/// # Errors
///
/// When the store fails; a sweep removes what remains.
pub async fn delete<H: Host>(host: &H, id: &str, length: usize) -> Result<(), StoreError> {
    for part in 0..count(length) {
        host.delete(&key(id, part)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, block_on};

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn no_value_is_larger_than_256_kib_and_all_bytes_come_back() {
        for length in [0, 1, PART - 1, PART, PART + 1, 3 * PART + 7] {
            let host = Memory::new();
            let bytes = bytes(length);
            assert_eq!(block_on(write(&host, "x", &bytes)), Ok(()));
            assert_eq!(host.store.borrow().len(), count(length));
            assert!(host.store.borrow().values().all(|it| it.len() <= PART));
            assert_eq!(block_on(read(&host, "x", length)), Ok(Some(bytes)));
            assert_eq!(block_on(delete(&host, "x", length)), Ok(()));
            assert_eq!(host.keys_under(""), [""; 0]);
        }
    }

    #[test]
    fn a_part_that_is_missing_is_told() {
        let host = Memory::new();
        block_on(write(&host, "x", &bytes(3 * PART))).expect("a store");
        host.store.borrow_mut().remove(&key("x", 1));
        assert_eq!(block_on(read(&host, "x", 3 * PART)), Ok(None));
    }

    #[test]
    fn a_store_that_is_full_keeps_no_left_overs() {
        let host = Memory::new();
        host.break_store(|call| {
            (call.operation == "set" && call.key.ends_with(":2")).then_some(StoreError::Full)
        });
        let written = block_on(write(&host, "x", &bytes(3 * PART)));
        assert_eq!(written, Err(StoreError::Full));
        assert_eq!(host.keys_under(""), [""; 0]);
    }

    #[test]
    fn a_key_tells_its_id() {
        assert_eq!(id_of(&key("a-b:c", 12)), Some("a-b:c"));
        assert_eq!(id_of("spool:x"), None);
    }
}
