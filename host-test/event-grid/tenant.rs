//! A tenant of Microsoft Entra: signs the tokens that protected deliveries carry, and publishes the keys to check them with.
//!
//! Follows "Access token claims reference" and "OpenID Connect on the Microsoft identity platform"
//! (<https://learn.microsoft.com/entra/identity-platform/>) and RFC 7517. `tenant.pem` was made for these tests and opens nothing.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};

const KEY: &str = include_str!("tenant.pem");

/// The tenant's id.
pub const TENANT: &str = "72f988bf-0000-4d0a-9d3a-2d7cd011db47";
/// The application that events are meant for.
pub const AUDIENCE: &str = "0b7f3d5c-54a1-4f0e-8f15-6f2c1d1f0c11";

/// The tenant; it ends with the process.
pub struct Tenant {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    kid: String,
    is_down: bool,
    fetches: usize,
}

impl Tenant {
    /// Publishes its keys on a free port.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub fn start() -> Tenant {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            kid: "first".to_owned(),
            is_down: false,
            fetches: 0,
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                // A client that goes away has its own reasons.
                let _ = publish(connection, &mut lock(&shared));
            }
        });
        Tenant { address, state }
    }

    /// Where the keys are.
    pub fn keys_url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// From now on, whether the keys can be had.
    pub fn set_down(&self, is_down: bool) {
        lock(&self.state).is_down = is_down;
    }

    /// From now on, tokens are signed by, and published is only, a key of this id.
    pub fn rotate(&self, kid: &str) {
        lock(&self.state).kid = kid.to_owned();
    }

    /// How often the keys were asked for.
    pub fn fetches(&self) -> usize {
        lock(&self.state).fetches
    }

    /// The claims that let Event Grid in, for an hour.
    pub fn claims(&self) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        json!({
            "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "aud": AUDIENCE, "tid": TENANT,
            "azp": "4962773b-9cdb-44cf-a8bf-237846a00ab7", "roles": ["AzureEventGridSecureWebhookSubscriber"],
            "nbf": now, "iat": now, "exp": now + 3600, "ver": "2.0",
        })
    }

    /// What `Authorization` says for these claims.
    ///
    /// # Panics
    ///
    /// Never: the key is good.
    pub fn bearer(&self, claims: &Value) -> String {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": lock(&self.state).kid});
        let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let key = key();
        let mut signature = vec![0; key.public().modulus_len()];
        let random = SystemRandom::new();
        key.sign(
            &RSA_PKCS1_SHA256,
            &random,
            signed.as_bytes(),
            &mut signature,
        )
        .expect("a signature");
        format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key() -> KeyPair {
    let pem: String = (KEY.lines().filter(|it| !it.starts_with("-----"))).collect();
    let der = STANDARD.decode(pem).expect("base64");
    KeyPair::from_pkcs8(&der).expect("a key")
}

fn publish(connection: TcpStream, state: &mut State) -> Result<()> {
    let mut request = BufReader::new(connection.try_clone()?).lines();
    while request.next().transpose()?.is_some_and(|it| !it.is_empty()) {}
    state.fetches += 1;
    let public: PublicKeyComponents<Vec<u8>> = key().public().into();
    let keys = json!({"keys": [{
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": state.kid,
        "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
    }]})
    .to_string();
    let (status, body) = match state.is_down {
        true => ("503 Unavailable", ""),
        false => ("200 OK", keys.as_str()),
    };
    let length = body.len();
    write!(
        &connection,
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}
