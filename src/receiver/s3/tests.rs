//! What is signed and sent, and what is read of a store's answers, also of hostile ones.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::*;
use crate::config::section::File;
use crate::host::Answer;

/// Of [`EXAMPLE`], computed apart by the steps of that page.
const SIGNATURE: &str = "45fdb68b1f57d075c9f493fcd5103b7ed1f4d51fb93be9fa153e6ab4b471aa64";
const NOW: &str = "2013-05-24T00:00:00Z";
/// The example of the page "Authenticating Requests: Using Query Parameters" of the S3 API Reference.
const EXAMPLE: &str = r#"
bucket = "examplebucket"
region = "us-east-1"
access_key = "AKIAIOSFODNN7EXAMPLE"
secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
"#;

fn bucket(text: &str) -> Result<Bucket, Vec<String>> {
    let table = DeTable::parse(text).expect("TOML");
    let variables = BTreeMap::new();
    let file = File::new(text, &variables);
    let mut section = Section::new(&file, "it", 0, table.get_ref());
    let bucket = Bucket::read(&mut section, &NAMES);
    section.finish();
    let problems = file.problems().into_iter().map(|it| it.message);
    bucket.ok_or_else(|| problems.collect())
}

fn example() -> Bucket {
    bucket(EXAMPLE).expect("settings")
}

fn now() -> DateTime<Utc> {
    NOW.parse().expect("a time")
}

fn xml(body: &str) -> Answer {
    Answer {
        status: 200,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
        is_whole: true,
    }
}

fn page(contents: &str) -> Result<Listing, String> {
    let space = "http://s3.amazonaws.com/doc/2006-03-01/";
    list(&xml(&format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"{space}\">{contents}</ListBucketResult>"
    )))
}

fn keys(contents: &str) -> Vec<String> {
    let page = page(contents).expect("a list");
    page.objects.into_iter().map(|it| it.key).collect()
}

/// With the validity of our own, and Amazon's endpoint of the region.
#[test]
fn an_object_is_asked_for_by_a_signed_url() {
    let request = example().get("test.txt", Some((0, 9)), 10, now());
    let request = request.expect("a key");
    let (start, signature) = request.url.split_once("&X-Amz-Signature=").expect("one");
    assert_eq!(
        start,
        "https://examplebucket.s3.us-east-1.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host"
    );
    assert_eq!(signature, SIGNATURE);
    let headers = [("range".to_owned(), "bytes=0-9".to_owned())];
    assert_eq!((request.method, request.most), ("GET", 10));
    assert_eq!(request.headers, headers);
}

#[test]
fn metadata_is_signed_and_conditions_are_not() {
    let headers = [
        ("if-none-match", "*"),
        ("x-amz-meta-event-count", "3"),
        ("content-type", "application/json"),
    ];
    let request = example().put("a b/ü.json", &headers, b"{}".to_vec(), now());
    let request = request.expect("a key");
    let signed = "&X-Amz-SignedHeaders=host%3Bx-amz-meta-event-count&";
    assert!(request.url.contains(signed), "{}", request.url);
    assert!(request.url.contains("/a%20b/%C3%BC.json?"));
    assert_eq!(request.headers.len(), 3);
    let other = [("x-amz-meta-event-count", "4")];
    let other = example().put("a b/ü.json", &other, Vec::new(), now());
    let signature = |it: &Outbound| it.url.rsplit_once('=').expect("one").1.to_owned();
    assert_ne!(signature(&request), signature(&other.expect("a key")));
}

#[test]
fn a_key_that_no_url_can_carry_is_never_sent() {
    for key in ["", ".", "a/../b", "..", "a/.", "./a"] {
        assert_eq!(example().get(key, None, 1, now()), None, "{key:?}");
        assert_eq!(example().delete(key, now()), None, "{key:?}");
    }
    for key in ["a..b", "...", "/a", "a//b", "a/%2e%2e/b", "\\..\\", "a?b#c"] {
        let url = example().delete(key, now()).expect("a key").url;
        let host = "https://examplebucket.s3.us-east-1.amazonaws.com/";
        let path = url.strip_prefix(host).and_then(|it| it.split_once('?'));
        let (path, _) = path.expect("a path and a query");
        assert_eq!(path.matches('/').count(), key.matches('/').count(), "{url}");
    }
}

#[test]
fn a_list_is_asked_for_page_by_page_with_a_query_in_order() {
    let first = example().list("logs/", From::Start, now());
    let host = "https://examplebucket.s3.us-east-1.amazonaws.com/?";
    assert!(first.url.starts_with(host), "{}", first.url);
    assert!(
        first
            .url
            .contains("&encoding-type=url&list-type=2&prefix=logs%2F")
    );
    let next = example().list("", From::Page("a+/="), now());
    let query = "&continuation-token=a%2B%2F%3D&encoding-type=url&list-type=2";
    assert!(
        next.url.contains(query) && !next.url.contains("prefix"),
        "{}",
        next.url
    );
    assert!(next.most > 3 << 20);
}

#[test]
fn a_bucket_shows_no_secret_and_tells_its_mistakes_by_name() {
    let shown = format!("{:?}", example());
    assert!(
        shown.contains("examplebucket") && !shown.contains("KEY"),
        "{shown}"
    );
    let found = bucket("buckett = 'x'").expect_err("mistakes").join("\n");
    for name in [
        "`bucket`",
        "`region`",
        "`access_key`",
        "`secret_key`",
        "\"buckett\"",
    ] {
        assert!(found.contains(name), "{name} in {found}");
    }
}

#[test]
fn a_list_is_read_with_its_token() {
    let found = page(
        "<Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>\
         <Contents><Key>a/1.json</Key><LastModified>2026-03-14T12:00:00.000Z</LastModified>\
         <ETag>&quot;e&quot;</ETag><Size>7</Size><StorageClass>STANDARD</StorageClass></Contents>\
         <Contents><Key>a/2.json</Key><LastModified>never</LastModified><Size>0</Size></Contents>",
    );
    let found = found.expect("a list");
    assert_eq!(found.next.as_deref(), Some("t&1"));
    let [one, two] = found.objects.as_slice() else {
        panic!("expected two objects, but found {:?}", found.objects);
    };
    assert_eq!(
        (one.key.as_str(), one.size, one.etag.as_str()),
        ("a/1.json", 7, "\"e\"")
    );
    let time = "2026-03-14T12:00:00Z".parse().ok();
    assert_eq!((one.modified, two.modified), (time, None));
}

#[test]
fn keys_are_decoded_once_as_the_answer_says() {
    let entry = |key: &str| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>");
    let raw = "a&amp;b &lt;c&gt; &#x26;%2B+";
    assert_eq!(keys(&entry(raw)), ["a&b <c> &%2B+"]);
    let encoded = format!(
        "<EncodingType>url</EncodingType>{}",
        entry("a%26b+%2B%2b%C3%BC%252E")
    );
    assert_eq!(keys(&encoded), ["a&b ++ü%2E"]);
    for broken in ["%", "%4", "%zz", "%ff", "%+1"] {
        let text = format!("<EncodingType>url</EncodingType>{}", entry(broken));
        assert!(page(&text).is_err(), "{broken}");
    }
    assert_eq!(keys(&entry("<![CDATA[a&b]]><!-- no -->c")), ["a&bc"]);
}

#[test]
fn what_is_no_list_or_only_a_part_of_one_is_an_error() {
    let entry = "<Contents><Key>a</Key><Size>1</Size></Contents>";
    assert!(page("<IsTruncated>true</IsTruncated>").is_err());
    assert!(page("<Contents><Size>1</Size></Contents>").is_err());
    assert!(page("<Contents><Key>a</Key><Size>-1</Size></Contents>").is_err());
    for body in [
        "",
        "{}",
        "<html><body>",
        "<Error><Code>X</Code></Error>",
        "<a>&unknown;</a>",
    ] {
        assert!(list(&xml(body)).is_err(), "{body}");
    }
    let whole = format!("<ListBucketResult>{entry}</ListBucketResult>");
    assert_eq!(list(&xml(&whole)).expect("a list").objects.len(), 1);
    for end in 0..whole.len() {
        assert!(list(&xml(&whole[..end])).is_err(), "{end}");
    }
    let cut = Answer {
        is_whole: false,
        ..xml(&whole)
    };
    assert!(list(&cut).is_err());
}

/// Entities that grow, and nesting without end.
#[test]
fn hostile_xml_is_refused_in_little_time() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>\
                <ListBucketResult><Contents><Key>&b;</Key><Size>1</Size></Contents></ListBucketResult>";
    assert!(list(&xml(bomb)).is_err());
    assert!(list(&xml(&"<a>".repeat(1 << 20))).is_err());
    let deep = format!("{}{}", "<a>".repeat(1 << 18), "</a>".repeat(1 << 18));
    assert!(list(&xml(&deep)).is_err());
    let outside = "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><ListBucketResult/>";
    assert!(list(&xml(outside)).is_err());
}

#[test]
fn an_errors_code_is_read_and_nothing_else_of_it() {
    let says = |body: &str| code(&xml(body));
    let error = "<Error><Code>NoSuchKey</Code><Message>secret</Message></Error>";
    assert_eq!(says(error).as_deref(), Some("NoSuchKey"));
    for body in [
        "<Error/>",
        "<Code>a b</Code>",
        "<Code>",
        &format!("<Code>{}</Code>", "x".repeat(65)),
    ] {
        assert_eq!(says(body), None, "{body}");
    }
}
