//! `udmill secret`: what a feed's senders have to know.

use receiver::secret::{endpoint, hashed};
use udmill::serve::new_secret;

use super::{Status, Stop, output};

/// Make secrets for feeds
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    New(New),
}

/// Print a new secret, its hash for the configuration, and the endpoint URL for Event Grid; it is kept nowhere
#[derive(clap::Args)]
struct New {
    /// The feed that the URL is of.
    #[arg(long, value_name = "FEED", default_value = "azdo")]
    feed: String,
    /// Where the receiver is reached from outside.
    #[arg(long, value_name = "URL", default_value = "https://HOST")]
    url: String,
}

pub fn run(args: Args) -> Result<Status, Stop> {
    let What::New(New { feed, url }) = args.what;
    let secret = new_secret()
        .map_err(|error| Stop::Failed(format!("the system has no randomness: {error}")))?;
    let (hash, endpoint) = (hashed(&secret), endpoint(&url, &feed, &secret));
    let text = format!("secret    {secret}\nhash      {hash}\nendpoint  {endpoint}\n");
    output::print(text.as_bytes())?;
    Ok(Status::Done)
}
