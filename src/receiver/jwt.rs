//! JSON Web Tokens in compact form, signed with RS256: Google's token endpoint is given one, and Event Grid shows one.
//!
//! Follows RFC 7515 (signatures), RFC 7518 section 3.3 (RS256), RFC 7519 (claims) and the advice of RFC 8725. Every
//! other algorithm is left out, so that no header can choose a weaker one; so are the header fields that bring a key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::{Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// The longest token that is read, in bytes; those of Microsoft Entra ID have about 1,500.
pub const MOST: usize = 16 << 10;

/// Signs claims. None if the key cannot sign, which one that was read from a key file can.
pub fn sign(key: &RsaPrivateKey, kid: &str, claims: &Value) -> Option<String> {
    let header = serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": kid});
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    let signed = format!("{header}.{claims}");
    let signature = key.sign(rs256(), &Sha256::digest(&signed)).ok()?;
    let signature = URL_SAFE_NO_PAD.encode(signature);
    Some(format!("{signed}.{signature}"))
}

/// A token whose signature nobody has checked: its claims cannot be had yet.
pub struct Unverified<'a> {
    /// The key that it names.
    pub kid: String,
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Reads a token.
    ///
    /// # Errors
    ///
    /// Why it is none that we take, in words that hold nothing of it.
    pub fn read(text: &'a str) -> Result<Unverified<'a>, &'static str> {
        if text.len() > MOST {
            return Err("the token is too long");
        }
        let parts = text.rsplit_once('.');
        let parts = parts.and_then(|(signed, signature)| {
            let (header, claims) = signed.split_once('.')?;
            (!claims.contains('.')).then_some((signed, header, claims, signature))
        });
        let (signed, header, claims, signature) = parts.ok_or("the token has not three parts")?;
        let header = object(header).ok_or("the token's header is no JSON object")?;
        if header.contains_key("crit") {
            return Err("the token's header asks for an extension");
        }
        if header.get("alg").and_then(Value::as_str) != Some("RS256") {
            return Err("the token's algorithm is not RS256");
        }
        let kid = header.get("kid").and_then(Value::as_str);
        let kid = kid.ok_or("the token names no key")?.to_owned();
        let signature = URL_SAFE_NO_PAD.decode(signature);
        let signature = signature.map_err(|_| "the token's signature is no base64url")?;
        Ok(Unverified {
            kid,
            signed,
            claims,
            signature,
        })
    }

    /// Its claims, if the holder of this key made them.
    ///
    /// # Errors
    ///
    /// Why not, in words that hold nothing of the token.
    pub fn verify(&self, key: &RsaPublicKey) -> Result<Map<String, Value>, &'static str> {
        let digest = Sha256::digest(self.signed);
        key.verify(rs256(), &digest, &self.signature)
            .map_err(|_| "the token's signature is wrong")?;
        object(self.claims).ok_or("the token's claims are no JSON object")
    }
}

fn rs256() -> Pkcs1v15Sign {
    Pkcs1v15Sign::new::<Sha256>()
}

/// A JSON object in base64url, none of whose names comes twice: two readers could take different ones.
fn object(text: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let Distinct(object) = serde_json::from_slice(&bytes).ok()?;
    Some(object)
}

struct Distinct(Map<String, Value>);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Distinct, D::Error> {
        deserializer.deserialize_map(Names).map(Distinct)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name comes twice"));
            }
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use rsa::pkcs8::DecodePrivateKey as _;
    use serde_json::json;

    use super::*;

    const TENANT: &str = include_str!("auth/fixtures/tenant.pem");

    /// Made by the Python package `cryptography`, see `auth/fixtures/make.py`.
    const KNOWN: &str = include_str!("auth/fixtures/v2.jwt");

    fn key() -> RsaPrivateKey {
        RsaPrivateKey::from_pkcs8_pem(TENANT).expect("a key")
    }

    /// A token with this header, signed as it should be.
    fn with_header(header: &str) -> String {
        let claims = URL_SAFE_NO_PAD.encode("{}");
        let signed = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header));
        let signature = key().sign(rs256(), &Sha256::digest(&signed));
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("a signature"));
        format!("{signed}.{signature}")
    }

    fn refusal(token: &str) -> Option<&'static str> {
        Unverified::read(token).err()
    }

    #[test]
    fn a_token_is_signed_as_another_implementation_signs_it() {
        let claims = KNOWN.split('.').nth(1).expect("claims");
        let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
        let claims = serde_json::from_slice(&claims).expect("JSON");
        let token = sign(&key(), "tenant", &claims);
        assert_eq!(token.as_deref(), Some(KNOWN.trim_end()));
    }

    #[test]
    fn a_token_of_another_implementation_is_verified() {
        let token = Unverified::read(KNOWN.trim_end()).expect("a token");
        assert_eq!(token.kid, "tenant");
        let claims = token.verify(&key().to_public_key()).expect("claims");
        assert_eq!(claims["ver"], json!("2.0"));
    }

    #[test]
    fn one_changed_character_spoils_a_token() {
        let public = key().to_public_key();
        let known = KNOWN.trim_end();
        for at in (0..known.len()).step_by(7) {
            let mut bytes = known.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let token = String::from_utf8(bytes).expect("text");
            let claims = Unverified::read(&token).and_then(|it| it.verify(&public));
            assert!(claims.is_err(), "at {at}");
        }
    }

    #[test]
    fn another_algorithm_is_refused() {
        for header in [
            r#"{"alg":"none","kid":"k"}"#,
            r#"{"alg":"HS256","kid":"k"}"#,
            r#"{"alg":"rs256","kid":"k"}"#,
            r#"{"alg":"RS512","kid":"k"}"#,
            r#"{"alg":"PS256","kid":"k"}"#,
            r#"{"alg":["RS256"],"kid":"k"}"#,
            r#"{"kid":"k"}"#,
        ] {
            let why = Some("the token's algorithm is not RS256");
            assert_eq!(refusal(&with_header(header)), why, "{header}");
        }
    }

    #[test]
    fn a_header_field_that_comes_twice_is_refused() {
        for header in [
            r#"{"alg":"none","alg":"RS256","kid":"k"}"#,
            r#"{"alg":"RS256","kid":"k","kid":"k"}"#,
            r#"{"alg":"RS256","kid":"k","\u006bid":"l"}"#,
        ] {
            let why = Some("the token's header is no JSON object");
            assert_eq!(refusal(&with_header(header)), why, "{header}");
        }
    }

    #[test]
    fn a_claim_that_comes_twice_is_refused() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"k"}"#);
        let claims = URL_SAFE_NO_PAD.encode(r#"{"aud":"a","aud":"b"}"#);
        let signed = format!("{header}.{claims}");
        let signature = key().sign(rs256(), &Sha256::digest(&signed));
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("a signature"));
        let token = format!("{signed}.{signature}");
        let token = Unverified::read(&token).expect("a token");
        let claims = token.verify(&key().to_public_key());
        assert_eq!(claims, Err("the token's claims are no JSON object"));
    }

    #[test]
    fn a_header_that_asks_for_an_extension_is_refused() {
        let header = r#"{"alg":"RS256","kid":"k","crit":["b64"],"b64":false}"#;
        let why = Some("the token's header asks for an extension");
        assert_eq!(refusal(&with_header(header)), why);
    }

    #[test]
    fn a_token_that_names_no_key_is_refused() {
        for header in [r#"{"alg":"RS256"}"#, r#"{"alg":"RS256","kid":7}"#] {
            let why = Some("the token names no key");
            assert_eq!(refusal(&with_header(header)), why, "{header}");
        }
    }

    #[test]
    fn a_token_over_the_limit_is_refused_unread() {
        let kid = "k".repeat(MOST);
        let token = with_header(&format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#));
        assert_eq!(refusal(&token), Some("the token is too long"));
        assert_eq!(
            refusal(&"a.".repeat(MOST / 2 + 1)),
            Some("the token is too long")
        );
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"k"}"#);
        for (token, why) in [
            ("", "the token has not three parts"),
            ("a.b", "the token has not three parts"),
            ("a.b.c.d", "the token has not three parts"),
            ("..", "the token's header is no JSON object"),
            ("é.é.é", "the token's header is no JSON object"),
            ("W10.e30.AA", "the token's header is no JSON object"),
            (
                &format!("{header}.e30.A"),
                "the token's signature is no base64url",
            ),
            (
                &format!("{header}.e30.AA=="),
                "the token's signature is no base64url",
            ),
        ] {
            assert_eq!(refusal(token), Some(why), "{token}");
        }
        for token in [format!("{header}.e30."), format!("{header}.e30.AAAA")] {
            let token = Unverified::read(&token).expect("a token");
            let claims = token.verify(&key().to_public_key());
            assert_eq!(claims, Err("the token's signature is wrong"));
        }
    }
}
