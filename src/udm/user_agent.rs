//! User agent texts to UDM's `network.http.parsed_user_agent`.
//!
//! The message is `UserAgentProto` of Google's UDM field list. Its values are not documented; ours are spelled like
//! those of Google's published parser results for Chrome on Windows: `APPLEWEBKIT`, `Windows`, `Windows NT 10.0`,
//! `Win64`, `Chrome`. The tables hold what audit logs of developer tools show. Any other agent gives nothing, and its
//! whole text is in `network.http.user_agent` anyway. Left out: fields that follow from others (`sub_family`,
//! `browser_type`, `os_type`), engine versions, devices and bots.

use std::borrow::Cow;

use crate::options::FieldNames;

/// What a user agent says of itself; `None` if no product of the table is in its first 1,024 bytes.
///
/// Texts are pieces of `text` or constants and need no escaping in JSON.
pub fn parse(text: &str) -> Option<UserAgent<'_>> {
    let mut found = Found::default();
    let text = text.as_bytes().get(..1024).unwrap_or(text.as_bytes());
    text.split_inclusive(is_separator)
        .for_each(|piece| found.read(piece));
    found.finish()
}

/// The fields of `UserAgentProto` that we fill.
#[derive(Debug, PartialEq, Eq)]
pub struct UserAgent<'a> {
    /// A value of `UserAgentFamily`.
    pub family: &'static str,
    pub platform: Option<&'static str>,
    /// The system's name and, if it is known, its version.
    pub os: Option<Cow<'a, str>>,
    /// The processor, or what Windows calls it.
    pub os_variant: Option<&'static str>,
    pub browser: &'static str,
    pub browser_version: &'a str,
}

impl UserAgent<'_> {
    /// The message as proto3 JSON.
    pub fn json(&self, names: FieldNames) -> String {
        let (variant, version) = match names {
            FieldNames::LowerCamel => ("osVariant", "browserVersion"),
            FieldNames::Proto => ("os_variant", "browser_version"),
        };
        let fields = [
            ("platform", self.platform),
            ("os", self.os.as_deref()),
            (variant, self.os_variant),
            ("browser", Some(self.browser)),
            (version, Some(self.browser_version)),
        ];
        let mut json = format!(r#"{{"family":"{}""#, self.family);
        for (name, value) in fields {
            if let Some(value) = value {
                json.extend([",\"", name, "\":\"", value, "\""]);
            }
        }
        json.push('}');
        json
    }
}

// The family is the engine that the text claims. Tools have none, and Google's list of families has no better word.
const WEBKIT: &str = "APPLEWEBKIT";
const GECKO: &str = "GECKO";
const MSIE: &str = "MSIE";
const OPERA: &str = "OPERA";
const OTHER: &str = "OTHER";

/// Products by their token, any case, with the browser's name and family. Of several in a text the first of the table
/// counts: what is built upon others stands above them. A token that ends in a hyphen is the beginning of one.
#[rustfmt::skip]
const PRODUCTS: [Line; 54] = [
    ("devOpsCli",         "Azure DevOps CLI",      OTHER),
    ("azure-devops",      "Azure DevOps Python",   OTHER),
    ("azure-devops-node-api", "Azure DevOps Node", OTHER),
    ("AZURECLI",          "Azure CLI",             OTHER),
    ("VstsAgentCore-",    "Azure Pipelines agent", OTHER),
    ("TfsJobAgent.exe",   "TFS JobAgent",          OTHER),
    ("git-lfs",           "Git LFS",               OTHER),
    ("JGit",              "JGit",                  OTHER),
    ("git",               "Git",                   OTHER),
    ("Terraform",         "Terraform",             OTHER),
    ("PostmanRuntime",    "Postman",               OTHER),
    ("Postman",           "Postman",               OTHER),
    ("WindowsPowerShell", "PowerShell",            OTHER),
    ("PowerShell",        "PowerShell",            OTHER),
    ("VSServices",        "VSServices",            OTHER),
    ("devenv.exe",        "Visual Studio",         OTHER),
    ("curl",              "curl",                  OTHER),
    ("Wget",              "Wget",                  OTHER),
    ("axios",             "axios",                 OTHER),
    ("node-fetch",        "node-fetch",            OTHER),
    ("undici",            "undici",                OTHER),
    ("node",              "Node.js",               OTHER),
    ("Go-http-client",    "Go-http-client",        OTHER),
    ("okhttp",            "OkHttp",                OTHER),
    ("Apache-HttpClient", "Apache HttpClient",     OTHER),
    ("Java-http-client",  "Java",                  OTHER),
    ("Java",              "Java",                  OTHER),
    ("python-requests",   "Requests",              OTHER),
    ("python-httpx",      "HTTPX",                 OTHER),
    ("aiohttp",           "aiohttp",               OTHER),
    ("python-urllib3",    "urllib3",               OTHER),
    ("urllib3",           "urllib3",               OTHER),
    ("Python-urllib",     "urllib",                OTHER),
    ("msrest",            "msrest",                OTHER),
    ("python",            "Python",                OTHER),
    ("RestSharp",         "RestSharp",             OTHER),
    ("dotnet",            ".NET",                  OTHER),
    (".NET",              ".NET",                  OTHER),
    ("CLR",               ".NET",                  OTHER),
    ("Electron",          "Electron",              WEBKIT),
    ("Edg",               "Edge",                  WEBKIT),
    ("EdgA",              "Edge",                  WEBKIT),
    ("EdgiOS",            "Edge",                  WEBKIT),
    ("Edge",              "Edge",                  WEBKIT),
    ("OPR",               "Opera",                 OPERA),
    ("Opera",             "Opera",                 OPERA),
    ("CriOS",             "Chrome",                WEBKIT),
    ("HeadlessChrome",    "Chrome",                WEBKIT),
    ("Chrome",            "Chrome",                WEBKIT),
    ("FxiOS",             "Firefox",               WEBKIT),
    ("Firefox",           "Firefox",               GECKO),
    ("MSIE",              "Internet Explorer",     MSIE),
    ("Trident",           "Internet Explorer",     MSIE),
    ("Safari",            "Safari",                WEBKIT),
];

/// Systems by their word, any case, with the platform and the name of the system. Again the first counts: phones name
/// the system that theirs descends from as well.
#[rustfmt::skip]
const SYSTEMS: [Line; 10] = [
    ("iPhone",  "iPhone",    "iOS"),
    ("iPad",    "iPad",      "iOS"),
    ("Android", "Android",   "Android"),
    ("CrOS",    "CrOS",      "CrOS"),
    ("Windows", "Windows",   "Windows NT"),
    ("Mac",     "Macintosh", "Mac OS X"),
    ("macOS",   "Macintosh", "macOS"),
    ("Darwin",  "Macintosh", "Darwin"),
    ("Ubuntu",  "Linux",     "Ubuntu"),
    ("Linux",   "Linux",     "Linux"),
];

const VARIANTS: [&str; 8] = [
    "Win64", "WOW64", "x64", "x86_64", "amd64", "arm64", "aarch64", "i686",
];

type Line = (&'static str, &'static str, &'static str);

const PRODUCTS_BY_LETTER: [u64; 32] = by_letter(&PRODUCTS);
const SYSTEMS_BY_LETTER: [u64; 32] = by_letter(&SYSTEMS);

/// For each first letter, in the lower five bits of which case makes no difference, the lines of a table as a set of
/// bits. Looking every word up in whole tables would take most of the time.
#[expect(
    clippy::indexing_slicing,
    reason = "runs at compile time, where a wrong index is an error"
)]
const fn by_letter(table: &[Line]) -> [u64; 32] {
    let mut lines = [0; 32];
    let mut line = 0;
    while line < table.len() {
        lines[(table[line].0.as_bytes()[0] & 31) as usize] |= 1 << line;
        line += 1;
    }
    lines
}

/// The first line of a table whose token a word is.
fn find(table: &[Line], by_letter: &[u64; 32], word: &[u8]) -> Option<usize> {
    let mut lines = *by_letter.get(usize::from(word.first()? & 31))?;
    while lines != 0 {
        let line = lines.trailing_zeros() as usize;
        let token = table.get(line)?.0.as_bytes();
        if token.eq_ignore_ascii_case(word) || token.ends_with(b"-") && word.starts_with(token) {
            return Some(line);
        }
        lines &= lines - 1;
    }
    None
}

/// What has been read so far.
#[derive(Default)]
struct Found<'a> {
    /// The line of `PRODUCTS`, and the product's version.
    product: Option<(usize, &'a str)>,
    /// `Version/17.5`: Safari's and old Opera's version.
    version: Option<&'a str>,
    /// `rv:11.0`: the last Internet Explorer's version.
    revision: Option<&'a str>,
    /// The line of `SYSTEMS`, and the system's version.
    system: Option<(usize, Option<&'a str>)>,
    os_variant: Option<&'static str>,
    /// The word before, if a number may follow it: `MSIE 10.0`.
    word: &'a [u8],
    /// Whether a number is the system's version: `Mac OS X 10_15_7`.
    system_awaits_version: bool,
}

impl<'a> Found<'a> {
    /// Reads a word, or nothing, and the separator behind it.
    fn read(&mut self, piece: &'a [u8]) {
        let token = match piece {
            [token @ .., last] if is_separator(last) => token,
            _ => piece,
        };
        if let Some(number) = number(token) {
            self.read_product(self.word, number);
            if let Some((_, version @ None)) = &mut self.system
                && self.system_awaits_version
            {
                *version = Some(number);
            }
            self.word = b"";
        } else if let Some(at) = token.iter().position(|it| matches!(it, b'/' | b':')) {
            let (name, rest) = token.split_at(at);
            if let Some(number) = rest.get(1..).and_then(number) {
                self.read_product(name, number);
                self.read_system(name, Some(number));
            }
            self.word = b"";
        } else if !token.is_empty() {
            self.read_system(token, None);
            self.word = token;
        }
        if matches!(piece.last(), Some(b';' | b'(' | b')')) {
            self.word = b"";
            self.system_awaits_version = false;
        }
    }

    fn read_product(&mut self, name: &[u8], number: &'a str) {
        match name {
            b"Version" => self.version = Some(number),
            b"rv" => self.revision = Some(number),
            _ => {
                let line = find(&PRODUCTS, &PRODUCTS_BY_LETTER, name);
                let better =
                    line.filter(|line| self.product.is_none_or(|(known, _)| *line < known));
                if let Some(line) = better {
                    self.product = Some((line, number));
                }
            }
        }
    }

    fn read_system(&mut self, word: &'a [u8], number: Option<&'a str>) {
        if self.os_variant.is_none() && matches!(word, [.., b'4' | b'6']) {
            self.os_variant = VARIANTS.into_iter().find(|it| it.as_bytes() == word);
        }
        // `CPU OS 17_5 like Mac OS X` is how an iPad names its version.
        self.system_awaits_version |= word == b"CPU";
        // Python joins its platform by hyphens: `Windows-10-10.0.19045-SP0`.
        let mut parts = word.split(|it| *it == b'-');
        let name = parts.next().unwrap_or_default();
        let Some(line) = find(&SYSTEMS, &SYSTEMS_BY_LETTER, name) else {
            return;
        };
        let number = number.or_else(|| parts.find(|it| it.contains(&b'.')).and_then(self::number));
        match self.system {
            Some((known, _)) if line > known => return,
            Some((known, version)) if line == known => {
                self.system = Some((line, version.or(number)))
            }
            _ => self.system = Some((line, number)),
        }
        self.system_awaits_version = true;
    }

    fn finish(self) -> Option<UserAgent<'a>> {
        let (line, number) = self.product?;
        let (token, browser, family) = *PRODUCTS.get(line)?;
        let browser_version = match token {
            "Safari" | "Opera" => self.version.unwrap_or(number),
            "Trident" => self.revision.unwrap_or(number),
            _ => number,
        };
        let system = self
            .system
            .and_then(|(line, version)| Some((SYSTEMS.get(line)?, version)));
        Some(UserAgent {
            family,
            platform: system.map(|((_, platform, _), _)| *platform),
            os: system.map(|((.., os), version)| match version {
                Some(version) => Cow::Owned(format!("{os} {}", version.replace('_', "."))),
                None => Cow::Borrowed(*os),
            }),
            os_variant: self.os_variant,
            browser,
            browser_version,
        })
    }
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b' ' | b'(' | b')' | b';' | b',' | b'"')
}

/// The version that a text begins with: a digit, then anything that needs no escaping anywhere.
fn number(text: &[u8]) -> Option<&str> {
    let text = text.strip_prefix(b"v").unwrap_or(text);
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let fits = |it: &&u8| matches!(it, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'_' | b'-' | b'+');
    let length = text.iter().take_while(fits).count();
    str::from_utf8(text.get(..length)?).ok()
}
