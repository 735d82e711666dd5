//! User agent texts to UDM's `network.http.parsed_user_agent`.
//!
//! The message is `UserAgentProto` of Google's UDM field list, which does not document its values. Ours are spelled
//! as in the expected events that Google publishes with its parsers (github.com/chronicle/content-hub, JBOSS_WEB) for
//! Chrome on Windows: `APPLEWEBKIT`, `Windows`, `Windows NT 10.0`, `Win64`, `Chrome`. The tables hold what audit logs
//! of developer tools show. Any other agent gives nothing; `network.http.user_agent` has its text anyway. Left out:
//! fields that follow from others (`sub_family`, `browser_type`, `os_type`), engine versions, devices and bots.

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
    pub os: Option<Cow<'static, str>>,
    /// The processor, in the text's own word.
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

const WEBKIT: &str = "APPLEWEBKIT";
const GECKO: &str = "GECKO";
const MSIE: &str = "MSIE";
const OPERA: &str = "OPERA";
const OTHER: &str = "OTHER";

/// Products by their token, in any case: the browser's name and the family. Of several in a text the first of the
/// table counts, so what is built upon others stands above them. A token with a hyphen at its end is how one begins.
///
/// The family is the engine that the text claims: APPLEWEBKIT for Chrome and what is built on it, for Edge, for
/// Safari and for every browser on iOS; GECKO for Firefox, MSIE for Internet Explorer, and OPERA for Opera of either
/// engine, since the list of families has it. Tools and libraries have no engine: OTHER.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Family, platform, system, variant, browser and version.
    fn summary(text: &str) -> Option<String> {
        let it = parse(text)?;
        let platform = it.platform.unwrap_or("-");
        let os = it.os.as_deref().unwrap_or("-");
        let variant = it.os_variant.unwrap_or("-");
        Some(
            [
                it.family,
                platform,
                os,
                variant,
                it.browser,
                it.browser_version,
            ]
            .join("|"),
        )
    }

    #[rustfmt::skip]
    const AGENTS: &[(&str, &str)] = &[
        // Azure DevOps's own, from audit logs.
        ("TFS JobAgent(TfsJobAgent.exe, 19.224.33927.8)", "OTHER|-|-|-|TFS JobAgent|19.224.33927.8"),
        ("VSServices/19.240.35104.2 (w3wp.exe)", "OTHER|-|-|-|VSServices|19.240.35104.2"),
        ("VSServices/17.199.34320.5 (devenv.exe, Enterprise, SKU:8)", "OTHER|-|-|-|VSServices|17.199.34320.5"),
        ("VstsAgentCore-linux-x64/3.240.1 (Linux 5.15.0-1057-azure)",
            "OTHER|Linux|Linux 5.15.0-1057-azure|-|Azure Pipelines agent|3.240.1"),
        ("VstsAgentCore-win-x64/3.240.1 (Microsoft Windows 10.0.20348)",
            "OTHER|Windows|Windows NT 10.0.20348|-|Azure Pipelines agent|3.240.1"),
        ("git/2.45.2 (Microsoft Windows NT 10.0.22631; Win32NT x64) CLR/4.0.30319 VSServices/19.225.35011.3",
            "OTHER|Windows|Windows NT 10.0.22631|x64|Git|2.45.2"),
        ("python/3.11.5 (Windows-10-10.0.19045-SP0) msrest/0.7.1 azure-devops/5.1.0b4 devOpsCli/0.25.0",
            "OTHER|Windows|Windows NT 10.0.19045|-|Azure DevOps CLI|0.25.0"),
        ("python/3.10.12 (Linux-5.15.0-1057-azure-x86_64-with-glibc2.35) AZURECLI/2.60.0",
            "OTHER|Linux|Linux 5.15.0|-|Azure CLI|2.60.0"),
        ("python/3.12 (macOS-14.4-arm64-arm-64bit) msrest/0.7.1 azure-devops/7.1.0b4",
            "OTHER|Macintosh|macOS 14.4|-|Azure DevOps Python|7.1.0b4"),
        // Browsers.
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/72.0.3626.119 \
            Safari/537.36", "APPLEWEBKIT|Windows|Windows NT 10.0|Win64|Chrome|72.0.3626.119"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/106.0.0.0 \
            Safari/537.36 Edg/106.0.1370.37", "APPLEWEBKIT|Windows|Windows NT 10.0|Win64|Edge|106.0.1370.37"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 \
            Safari/537.36 Edge/18.17763", "APPLEWEBKIT|Windows|Windows NT 10.0|Win64|Edge|18.17763"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile \
            Safari/537.36 EdgA/126.0.0.0", "APPLEWEBKIT|Android|Android 14|-|Edge|126.0.0.0"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 \
            Safari/537.36", "APPLEWEBKIT|CrOS|CrOS 14541.0.0|x86_64|Chrome|126.0.0.0"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 \
            OPR/111.0.0.0", "OPERA|Linux|Linux|x86_64|Opera|111.0.0.0"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Code/1.90.0 \
            Chrome/122.0.6261.156 Electron/29.4.0 Safari/537.36",
            "APPLEWEBKIT|Windows|Windows NT 10.0|Win64|Electron|29.4.0"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
            Version/17.4.1 Safari/605.1.15", "APPLEWEBKIT|Macintosh|Mac OS X 10.15.7|-|Safari|17.4.1"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
            Version/17.5 Mobile/15E148 Safari/604.1", "APPLEWEBKIT|iPhone|iOS 17.5|-|Safari|17.5"),
        ("Mozilla/5.0 (iPad; CPU OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
            CriOS/126.0.6478.35 Mobile/15E148 Safari/604.1", "APPLEWEBKIT|iPad|iOS 17.5.1|-|Chrome|126.0.6478.35"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:126.0) Gecko/20100101 Firefox/126.0",
            "GECKO|Macintosh|Mac OS X 10.15|-|Firefox|126.0"),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
            "GECKO|Linux|Ubuntu|x86_64|Firefox|126.0"),
        ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "MSIE|Windows|Windows NT 10.0|WOW64|Internet Explorer|11.0"),
        ("Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
            "MSIE|Windows|Windows NT 6.2|-|Internet Explorer|10.0"),
        ("Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
            "OPERA|Windows|Windows NT 6.1|WOW64|Opera|12.18"),
        // Tools and libraries.
        ("Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.19041.4291",
            "OTHER|Windows|Windows NT 10.0|-|PowerShell|5.1.19041.4291"),
        ("Mozilla/5.0 (Linux; Ubuntu 22.04.4 LTS; en-US) PowerShell/7.4.2",
            "OTHER|Linux|Ubuntu 22.04.4|-|PowerShell|7.4.2"),
        ("git/2.39.3 (Apple Git-146)", "OTHER|-|-|-|Git|2.39.3"),
        ("git/2.45.1.windows.1", "OTHER|-|-|-|Git|2.45.1.windows.1"),
        ("git-lfs/3.4.0 (GitHub; windows amd64; go 1.21.1; git d06d6e9e)",
            "OTHER|Windows|Windows NT|amd64|Git LFS|3.4.0"),
        ("Terraform/1.8.3 (+https://www.terraform.io) terraform-provider-azuredevops/1.1.1",
            "OTHER|-|-|-|Terraform|1.8.3"),
        ("Apache-HttpClient/4.5.14 (Java/17.0.11)", "OTHER|-|-|-|Apache HttpClient|4.5.14"),
        ("Python/3.11 aiohttp/3.9.5", "OTHER|-|-|-|aiohttp|3.9.5"),
        ("python-requests/2.31.0", "OTHER|-|-|-|Requests|2.31.0"),
        ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", "OTHER|-|-|-|node-fetch|1.0"),
        ("node/v20.11.1", "OTHER|-|-|-|Node.js|20.11.1"),
        ("Wget/1.21.2 (linux-gnu)", "OTHER|Linux|Linux|-|Wget|1.21.2"),
        ("CURL/8.4.0", "OTHER|-|-|-|curl|8.4.0"),
        ("PostmanRuntime/7.37.3", "OTHER|-|-|-|Postman|7.37.3"),
        ("Go-http-client/2.0", "OTHER|-|-|-|Go-http-client|2.0"),
        ("okhttp/4.12.0", "OTHER|-|-|-|OkHttp|4.12.0"),
        ("axios/1.6.8", "OTHER|-|-|-|axios|1.6.8"),
        ("Java/17.0.11", "OTHER|-|-|-|Java|17.0.11"),
    ];

    #[test]
    fn known_agents_are_taken_apart() {
        for (text, expected) in AGENTS {
            assert_eq!(summary(text).as_deref(), Some(*expected), "{text}");
        }
    }

    #[test]
    fn unknown_agents_give_nothing() {
        for text in [
            "",
            "curl",
            "Chrome/",
            "Chrome/dev",
            "gitk/1.0",
            "Azure DevOps Service",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "日本語/1.0",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_first_kibibyte_is_looked_at() {
        let late = format!("{} curl/8.4.0", "é".repeat(512));
        assert_eq!(parse(&late), None);
        let cut = format!("{}curl/8.4.0", "; ".repeat(509));
        assert_eq!(summary(&cut).as_deref(), Some("OTHER|-|-|-|curl|8"));
    }

    #[test]
    fn json_has_the_names_asked_for() {
        let agent = parse(AGENTS[9].0).unwrap();
        assert_eq!(
            agent.json(FieldNames::LowerCamel),
            concat!(
                r#"{"family":"APPLEWEBKIT","platform":"Windows","os":"Windows NT 10.0","osVariant":"Win64","#,
                r#""browser":"Chrome","browserVersion":"72.0.3626.119"}"#
            )
        );
        assert_eq!(
            parse("curl/8.4.0").unwrap().json(FieldNames::Proto),
            r#"{"family":"OTHER","browser":"curl","browser_version":"8.4.0"}"#
        );
    }

    #[test]
    fn nothing_of_the_text_needs_escaping() {
        for text in [
            r#"curl/8"4\0 (Linux 5"6)"#,
            "curl/8\n4 (Linux 5\t)",
            "curl/8\u{7f}é (Android 1\u{0})",
        ] {
            let json = parse(text).unwrap().json(FieldNames::LowerCamel);
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(value["browserVersion"], "8", "{text}");
            assert!(!json.contains('\\'), "{text}");
        }
    }

    #[test]
    fn the_tables_are_as_the_look_up_needs_them() {
        for table in [&PRODUCTS[..], &SYSTEMS[..]] {
            for (at, (token, ..)) in table.iter().enumerate() {
                let same = |it: &&Line| it.0.eq_ignore_ascii_case(token);
                assert_eq!(table.iter().position(|it| same(&it)), Some(at), "{token}");
            }
        }
        assert!(VARIANTS.iter().all(|it| it.ends_with(['4', '6'])));
    }
}
