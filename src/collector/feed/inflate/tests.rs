use std::io::Write;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::*;

/// Text that compresses as logs do, and not to nothing.
fn text(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut text = Vec::with_capacity(length + 40);
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(format!("{{\"Id\":\"{state:08x}\",\"Area\":\"Git\"}}\n").as_bytes());
    }
    text.truncate(length);
    text
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(point: &Point, bytes: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<Point>), String> {
    let mut inflate = Inflate::at(point)?;
    let (mut out, mut points) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        let mut piece = piece;
        while !piece.is_empty() {
            let most = out.len() + 10_000;
            inflate.push(&mut piece, &mut out, most)?;
            let point = inflate.point(inflate.made);
            if points.last() != Some(&point) {
                points.push(point);
            }
        }
    }
    inflate.finish()?;
    Ok((out, points))
}

#[test]
fn members_are_read_in_pieces_of_any_length() {
    let named = GzBuilder::new()
        .filename("a.jsonl")
        .comment("c")
        .extra(vec![1; 300]);
    let mut named = named.write(Vec::new(), Compression::fast());
    named.write_all(b"named").unwrap();
    let members = [
        gzip(b"one\n"),
        gzip(b""),
        named.finish().unwrap(),
        vec![0; 100],
    ];
    let bytes = members.concat();
    for piece in [1, 2, 3, 7, 100, bytes.len()] {
        let (out, _) = read(&Point::default(), &bytes, piece).unwrap();
        assert_eq!(out, b"one\nnamed", "in pieces of {piece}");
    }
}

#[test]
fn reading_goes_on_from_every_point_with_the_same_bytes() {
    let plain = text(5 << 20);
    let (first, rest) = plain.split_at(2 << 20);
    let bytes = [gzip(first), gzip(rest)].concat();
    let (out, points) = read(&Point::default(), &bytes, 4096).unwrap();
    assert!(out == plain && points.len() >= 6, "{} points", points.len());
    assert!(
        points
            .iter()
            .any(|it| it.block.is_none() && it.made == 2 << 20)
    );
    for point in points {
        let json = serde_json::to_string(&point).unwrap();
        assert!(json.len() < 64 << 10);
        let point: Point = serde_json::from_str(&json).unwrap();
        let (out, _) = read(&point, &bytes[point.read as usize..], 4096).unwrap();
        assert!(out == plain[point.made as usize..], "from {}", point.made);
    }
}

#[test]
fn what_is_cut_off_or_broken_is_told_with_its_place() {
    let bytes = gzip(&text(100_000));
    let error = read(&Point::default(), &bytes[..bytes.len() - 1], 1000).unwrap_err();
    let end = bytes.len() - 1;
    assert_eq!(
        error,
        format!("expected the end of a gzip member, but found the end of the object at byte {end}")
    );
    let mut broken = bytes.clone();
    let crc = broken.len() - 8;
    broken[crc] ^= 1;
    let error = read(&Point::default(), &broken, 1000).unwrap_err();
    assert!(error.starts_with("expected the check sum"), "{error}");
    let behind = [&bytes[..], b"text"].concat();
    let error = read(&Point::default(), &behind, 1000).unwrap_err();
    let at = bytes.len();
    assert_eq!(
        error,
        format!("expected a gzip header, but found something else at byte {at}")
    );
    for at in 10..bytes.len() - 8 {
        let mut broken = bytes.clone();
        broken[at] ^= 0x55;
        assert!(
            at % 97 != 0 || read(&Point::default(), &broken, 1000).is_err(),
            "byte {at}"
        );
    }
}

#[test]
fn little_that_becomes_much_comes_in_bounds() {
    let bytes = gzip(&vec![b' '; 20 << 20]);
    let mut input = bytes.as_slice();
    let mut inflate = Inflate::at(&Point::default()).unwrap();
    let mut total = 0;
    while !input.is_empty() {
        let mut out = Vec::new();
        inflate.push(&mut input, &mut out, 1 << 20).unwrap();
        assert!(out.len() <= (1 << 20) + RING);
        total += out.len();
    }
    assert_eq!(total, 20 << 20);
}
