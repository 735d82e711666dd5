//! What a store answers: pages of lists, and errors, both in XML.

use chrono::{DateTime, Utc};
use roxmltree::{Document, Node};

use crate::host::Answer;

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of their keys' bytes.
    pub objects: Vec<Object>,
    /// What to ask the next page with; none at the end.
    pub next: Option<String>,
}

/// What a list says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written last, if that can be read.
    pub modified: Option<DateTime<Utc>>,
    /// Its ETag, with its quotes; empty if there is none.
    pub etag: String,
}

/// Reads a page of a list out of an answer with status 200.
///
/// # Errors
///
/// What was found instead; a list that is cut off is never taken for a shorter one.
pub fn list(answer: &Answer) -> Result<Listing, String> {
    let wrong = |found: &str| format!("expected a list of objects, but found {found}");
    if !answer.is_whole {
        return Err(wrong("more than a page of one may have"));
    }
    let text = std::str::from_utf8(&answer.body).map_err(|_| wrong("no UTF-8"))?;
    // Document types, and with them entities of the sender's own, are refused by the parser unless asked for.
    let document = Document::parse(text).map_err(|it| wrong(&it.to_string()))?;
    let root = document.root_element();
    if root.tag_name().name() != "ListBucketResult" {
        return Err(wrong("another element"));
    }
    let is_encoded = value(root, "EncodingType").as_deref() == Some("url");
    let contents = elements(root, "Contents");
    let objects = contents.map(|it| object(it, is_encoded).ok_or_else(|| wrong("a broken entry")));
    let next = match value(root, "IsTruncated").as_deref() {
        Some("true") => {
            let next = value(root, "NextContinuationToken").filter(|it| !it.is_empty());
            Some(next.ok_or_else(|| wrong("a part of one without a token for the rest"))?)
        }
        _ => None,
    };
    Ok(Listing {
        objects: objects.collect::<Result<_, _>>()?,
        next,
    })
}

/// The error code of an answer: `SignatureDoesNotMatch`. Its message may hold the key, so it is not read.
pub fn code(answer: &Answer) -> Option<String> {
    let body = std::str::from_utf8(&answer.body).ok()?;
    let (_, code) = body.split_once("<Code>")?;
    let (code, _) = code.split_once("</Code>")?;
    let is_code = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}

fn object(entry: Node<'_, '_>, is_encoded: bool) -> Option<Object> {
    let key = value(entry, "Key").filter(|it| !it.is_empty())?;
    let modified = value(entry, "LastModified");
    let modified = modified.and_then(|it| DateTime::parse_from_rfc3339(&it).ok());
    Some(Object {
        key: if is_encoded { decoded(&key)? } else { key },
        size: value(entry, "Size")?.parse().ok()?,
        modified: modified.map(|it| it.to_utc()),
        etag: value(entry, "ETag").unwrap_or_default(),
    })
}

fn elements<'a, 'i>(of: Node<'a, 'i>, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    let children = of.children();
    children.filter(move |it| it.is_element() && it.tag_name().name() == name)
}

/// The text of an element, which comments may cut in pieces.
fn value(of: Node<'_, '_>, name: &str) -> Option<String> {
    let element = elements(of, name).next()?;
    let texts = element
        .children()
        .filter_map(|it| it.text().filter(|_| it.is_text()));
    Some(texts.collect())
}

/// `encoding-type=url`: a plus sign for a space, as in forms.
fn decoded(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
