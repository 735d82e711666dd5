//! Tables: the products, systems and processors that user agents name.

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
pub(super) const PRODUCTS: [Line; 54] = [
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
pub(super) const SYSTEMS: [Line; 10] = [
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

pub(super) const VARIANTS: [&str; 8] = [
    "Win64", "WOW64", "x64", "x86_64", "amd64", "arm64", "aarch64", "i686",
];

/// A token or word, and what it stands for.
type Line = (&'static str, &'static str, &'static str);

const PRODUCTS_BY_LETTER: [u64; 32] = by_letter(&PRODUCTS);
const SYSTEMS_BY_LETTER: [u64; 32] = by_letter(&SYSTEMS);

/// The line of [`PRODUCTS`] whose token a word is.
pub(super) fn find_product(word: &[u8]) -> Option<usize> {
    find(&PRODUCTS, &PRODUCTS_BY_LETTER, word)
}

/// The line of [`SYSTEMS`] whose word this is.
pub(super) fn find_system(word: &[u8]) -> Option<usize> {
    find(&SYSTEMS, &SYSTEMS_BY_LETTER, word)
}

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

#[cfg(test)]
mod tests {
    use super::*;

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
