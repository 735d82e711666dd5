//! A component that says hello to everybody: what the host and Spin's SDK cost before anything is done.

use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

const HELLO: &[u8] = b"hello, world\n";

#[http_service]
async fn hello(_: Request) -> Result<Response<FullBody<&'static [u8]>>, spin_sdk::http::Error> {
    let answer = Response::builder().header("content-length", HELLO.len());
    Ok(answer.body(FullBody::new(HELLO))?)
}
