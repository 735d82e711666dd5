//! An S3 server to test against: [s3s](https://docs.rs/s3s) reads requests and checks their signatures (AWS Signature
//! Version 4, in headers or in the query), s3s-fs keeps each object in a file of the folder `{bucket}/{key}`.
//!
//!     S3_ACCESS_KEY=… S3_SECRET_KEY=… [S3_UNCONDITIONAL=true] udmill-s3 FOLDER
//!
//! Unconditional, it is like a store that takes no notice of `If-Match` and `If-None-Match`.
//!
//! Standard output begins with the origin that it listens on, and goes on with a line a request, written before the
//! answer: method, path and status. Left out: TLS, and buckets as names of hosts. A bucket that is not there is made by
//! the first object in it. It runs until it is killed.

use std::env;
use std::io::{self, Write};

use anyhow::{Context, anyhow};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{IF_MATCH, IF_NONE_MATCH};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = env::args_os().nth(1).context("usage: udmill-s3 FOLDER")?;
    let files = FileSystem::new(folder).map_err(|error| anyhow!("{error:?}"))?;
    let mut builder = S3ServiceBuilder::new(files);
    let secret = env::var("S3_SECRET_KEY").context("S3_SECRET_KEY")?;
    let key = env::var("S3_ACCESS_KEY").context("S3_ACCESS_KEY")?;
    builder.set_auth(SimpleAuth::from_single(key, secret));
    let service = builder.build();
    let is_unconditional = env::var_os("S3_UNCONDITIONAL").is_some();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    tell(&format!("http://{}", listener.local_addr()?))?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&service, request, is_unconditional));
            let mut builder = http1::Builder::new();
            let connection = builder.timer(TokioTimer::new());
            // Whoever goes away in the middle is nobody's concern here.
            let _ = connection
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    service: &S3Service,
    request: Request<Incoming>,
    is_unconditional: bool,
) -> Result<Response<s3s::Body>, hyper::Error> {
    let asked = format!("{} {}", request.method(), request.uri().path());
    // Whoever is refused while still sending may find the connection closed, and no answer.
    let (mut head, body) = request.into_parts();
    if is_unconditional {
        head.headers.remove(IF_MATCH);
        head.headers.remove(IF_NONE_MATCH);
    }
    let body = body.collect().await?.to_bytes();
    let request = Request::from_parts(head, s3s::Body::from(body));
    let answer = match service.call(request).await {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("udmill-s3: {error:?}");
            let mut answer = Response::new(s3s::Body::empty());
            *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            answer
        }
    };
    // Without anybody who reads, there is nobody to tell.
    let _ = tell(&format!("{asked} {}", answer.status().as_u16()));
    Ok(answer)
}

/// Whole lines, at once.
fn tell(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
