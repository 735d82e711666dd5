//! A bucket with one object, out of memory: as much of S3 as a feed asks of it, answered as fast as it goes.
//!
//! The S3 server of the tests cannot take its place: it hashes the whole object for every range of it, for longer
//! than the feed works with the range. Left out: signatures, conditions and other objects.

use std::io::{BufReader, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use plain_http::{Request, write};

/// The object's key.
pub const KEY: &str = "logs/logs.jsonl";

/// A server on 127.0.0.1, which ends with the process.
#[derive(Clone)]
pub struct Bucket {
    object: Arc<Vec<u8>>,
    /// What was written: the marker of who takes the objects.
    written: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Bucket {
    /// Serves these bytes as [`KEY`] of any bucket, and says where.
    pub fn start(object: Vec<u8>) -> Result<(Bucket, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let bucket = Bucket {
            object: Arc::new(object),
            written: Arc::default(),
        };
        let served = bucket.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let bucket = served.clone();
                // Whoever goes away in the middle is nobody's concern here.
                thread::spawn(move || bucket.serve(connection));
            }
        });
        Ok((bucket, address))
    }

    /// Forgets what was written.
    pub fn forget(&self) {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn serve(&self, mut to: TcpStream) -> Result<()> {
        to.set_nodelay(true)?;
        let mut from = BufReader::new(to.try_clone()?);
        while let Some(request) = Request::read(&mut from)? {
            self.answer(request, &mut to)?;
        }
        Ok(())
    }

    fn answer(&self, request: Request, to: &mut TcpStream) -> Result<()> {
        let tag = ("etag", "\"1\"");
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if request.method == "PUT" {
            *written = Some(request.body);
            return write(to, 200, &[tag], &[]);
        }
        if request.query.contains("list-type=2") {
            return write(
                to,
                200,
                &[("content-type", "application/xml")],
                &self.list(),
            );
        }
        if request.path.ends_with(KEY) {
            drop(written);
            return write(to, 206, &[tag], self.range(request.header("range")));
        }
        match &*written {
            Some(body) => write(to, 200, &[tag], body),
            None => write(to, 404, &[], b"<Error><Code>NoSuchKey</Code></Error>"),
        }
    }

    fn list(&self) -> Vec<u8> {
        format!(
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>{KEY}</Key><ETag>\"1\"</ETag>\
             <LastModified>2099-01-01T00:00:00.000Z</LastModified><Size>{}</Size></Contents></ListBucketResult>",
            self.object.len()
        )
        .into_bytes()
    }

    /// `bytes=0-4194303`; all of it where nothing is asked for, or something else.
    fn range(&self, asked: Option<&str>) -> &[u8] {
        let bounds = asked.and_then(|it| it.strip_prefix("bytes=")?.split_once('-'));
        let bounds = bounds.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        let range = bounds.and_then(|(from, to): (usize, usize)| self.object.get(from..=to));
        range.unwrap_or(&self.object)
    }
}
