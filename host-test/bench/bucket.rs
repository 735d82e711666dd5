//! A bucket out of memory: as much of S3 as a feed asks of it, answered as fast as it goes.
//!
//! The S3 server of the tests cannot take its place: it hashes the whole object for every range of it, for longer
//! than the feed works with the range. Left out: signatures, conditions, and lists of more than a page.

use std::fmt::Write as _;
use std::io::{BufReader, Result, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use plain_http::{Request, write};

/// A server on 127.0.0.1, which ends with the process.
#[derive(Clone)]
pub struct Bucket {
    /// In the order of their keys, which tell their places here.
    objects: Arc<Vec<Vec<u8>>>,
    /// What was written: the marker of who takes the objects.
    written: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Bucket {
    /// Serves these as objects below `logs/` in any bucket, a thousand of them at most, and says where.
    pub fn start(objects: Vec<Vec<u8>>) -> Result<(Bucket, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let bucket = Bucket {
            objects: Arc::new(objects),
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
            let xml = ("content-type", "application/xml");
            return write(to, 200, &[xml], self.list(&request.query).as_bytes());
        }
        let key = request.path.rsplit_once("logs/");
        let object = key.and_then(|(_, it)| self.objects.get(it.parse::<usize>().ok()?));
        if let Some(object) = object {
            drop(written);
            let range = range(object, request.header("range"));
            // As is: a copy would cost more than the rest of the answer.
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-length: {}\r\netag: \"1\"\r\n\r\n",
                range.len()
            );
            to.write_all(head.as_bytes())?;
            return to.write_all(range);
        }
        match &*written {
            Some(body) => write(to, 200, &[tag], body),
            None => write(to, 404, &[], b"<Error><Code>NoSuchKey</Code></Error>"),
        }
    }

    fn list(&self, query: &str) -> String {
        let mut pairs = query.split('&').filter_map(|it| it.split_once('='));
        let after = pairs.find(|it| it.0 == "start-after");
        let after = after.map_or(String::new(), |it| it.1.replace("%2F", "/"));
        let mut list = "<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned();
        for (at, object) in self.objects.iter().enumerate() {
            let (key, size) = (format!("logs/{at:03}"), object.len());
            if key > after {
                let _ = write!(
                    list,
                    "<Contents><Key>{key}</Key><ETag>\"1\"</ETag><Size>{size}</Size>\
                     <LastModified>2099-01-01T00:00:00.000Z</LastModified></Contents>",
                );
            }
        }
        list + "</ListBucketResult>"
    }
}

/// `bytes=0-4194303`; all of it where nothing is asked for, or something else.
fn range<'a>(object: &'a [u8], asked: Option<&str>) -> &'a [u8] {
    let bounds = asked.and_then(|it| it.strip_prefix("bytes=")?.split_once('-'));
    let bounds = bounds.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let range = bounds.and_then(|(from, to): (usize, usize)| object.get(from..=to));
    range.unwrap_or(object)
}
