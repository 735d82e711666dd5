//! Whether an audited operation went through, read from the sentence that describes it.
//!
//! Google's AZURE_DEVOPS parser page ("Collect Azure DevOps audit logs", read in March 2026) sets
//! `security_result.action` by words: ALLOW for successful operations, BLOCK for failed ones. Its change log says
//! (2024-01-19) that they are looked for in `Details`. The rest is ours: whole words in any case; what is quoted is a
//! name that a user chose and says nothing; BLOCK before ALLOW, since a project can have "failed to be created"; a
//! sentence with none of the words leaves it to `Data.DeploymentResult`; if that has none either, there is no action.

/// `security_result.action`: `"BLOCK"`, `"ALLOW"` or nothing.
///
/// `text` is `Details`, and where that gives nothing `Data.DeploymentResult`, still escaped as it stood in its JSON
/// string: few sentences are worth a copy without the escapes.
pub fn action_in_json(text: &str) -> Option<&'static str> {
    find(text.as_bytes(), true)
}

const BLOCK: [&str; 2] = ["Failed", "TimedOut"];
const ALLOW: [&str; 6] = [
    "Succeeded",
    "Created",
    "Modified",
    "executed",
    "updated",
    "removed",
];

/// Goes over the words that stand outside quotes.
///
/// A double quote that is never closed runs to the end: the text was cut inside a name. Some of Microsoft's templates
/// quote with apostrophes ("changed to '{BillingMode}'"). Such a quote neither begins right behind a word nor ends
/// right before one, unlike the apostrophe of "Didn't", and one that is never closed is no quote.
fn find(text: &[u8], escaped: bool) -> Option<&'static str> {
    let mut allowed = None;
    let mut apostrophes_quote = true;
    let (mut start, mut at) = (0, 0);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        at += rest.iter().take_while(|byte| is_word(**byte)).count();
        let byte = text.get(at).copied();
        let word = text.get(start..at).unwrap_or_default();
        if may_decide(word) {
            if is_one_of(word, &BLOCK) {
                return Some("BLOCK");
            }
            if is_one_of(word, &ALLOW) {
                allowed = Some("ALLOW");
            }
        }
        let quoted = match byte {
            None => return allowed,
            Some(b'\\') if escaped => {
                at += 1;
                match text.get(at) {
                    Some(b'u') => return find(&unescaped(text), false),
                    other => other == Some(&b'"'),
                }
            }
            other => other == Some(b'"'),
        };
        at += 1;
        if quoted {
            at += quoted_length(text.get(at..).unwrap_or_default(), escaped);
        } else if byte == Some(b'\'') && apostrophes_quote && word.is_empty() {
            match apostrophe_length(text.get(at..).unwrap_or_default()) {
                Some(length) => at += length,
                None => apostrophes_quote = false,
            }
        }
        start = at;
    }
}

/// Letters of other scripts are parts of words too, and so are the other characters beyond ASCII.
#[inline(always)]
fn is_word(byte: u8) -> bool {
    WORD.get(byte as usize).copied().unwrap_or_default()
}

/// [`is_word`] for each byte: looking it up is one step.
#[allow(clippy::indexing_slicing, reason = "the compiler runs it")]
static WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let is_ascii = matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_');
        word[byte] = is_ascii || byte >= 0x80;
        byte += 1;
    }
    word
};

/// Rules out most words: those in the two lists have 6 to 9 letters, of which the last is a `d` or a `t`.
fn may_decide(word: &[u8]) -> bool {
    matches!(word, [_, _, _, _, _, .., b'd' | b't' | b'D' | b'T']) && word.len() <= 9
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|it| word.eq_ignore_ascii_case(it.as_bytes()))
}

/// The length of a quoted text, without the quote before it and with the one behind it, where there is one.
fn quoted_length(text: &[u8], escaped: bool) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => return at,
            b'\\' if escaped => match text.get(at..).unwrap_or_default() {
                [b'"', ..] => return at + 1,
                [b'u', b'0', b'0', b'2', b'2', ..] => return at + 5,
                _ => at += 1,
            },
            _ => {}
        }
    }
    text.len()
}

/// The same for a text between apostrophes; `None` if it is never closed.
fn apostrophe_length(text: &[u8]) -> Option<usize> {
    let mut following = text.iter().skip(1);
    let end = text.iter().position(|byte| {
        let next = following.next();
        *byte == b'\'' && !next.is_some_and(|it| is_word(*it))
    });
    end.map(|at| at + 1)
}

/// The bytes of a JSON string without its escapes. `\u` gives ASCII characters as they are; of the others it is
/// enough to know that they are none.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'\\', [b'u', b'0', b'0', high, low, after @ ..]) => {
                let code = str::from_utf8(&[*high, *low])
                    .ok()
                    .and_then(|it| u8::from_str_radix(it, 16).ok());
                (code.unwrap_or(b' '), after)
            }
            (b'\\', [b'u', _, _, _, _, after @ ..]) => (0x80, after),
            (b'\\', [b'b' | b'f' | b'n' | b'r' | b't', after @ ..]) => (b' ', after),
            (b'\\', [other, after @ ..]) => (*other, after),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCKED: Option<&str> = Some("BLOCK");
    const ALLOWED: Option<&str> = Some("ALLOW");

    fn action(text: &str) -> Option<&'static str> {
        find(text.as_bytes(), false)
    }

    #[test]
    fn words_outside_quotes_decide() {
        for (details, expected) in [
            ("Project Fabrikam was created successfully", ALLOWED),
            ("Project Fabrikam failed to be created", BLOCKED),
            ("Project Fabrikam was CREATED, then Failed.", BLOCKED),
            (
                r#"Deployment of release "23.07.38" to "Build" in Project IT was Succeeded"#,
                ALLOWED,
            ),
            (
                r#"Deployment for run "20240603.4" to environment "prod-eu" Failed"#,
                BLOCKED,
            ),
            (
                r#"Deployment for run "20240603.4" to environment "prod-eu" TimedOut"#,
                BLOCKED,
            ),
            (r#"Deployment for run "x" timedout"#, BLOCKED),
            (
                r#"Service Connection "az-prod" of type azurerm executed in project Fabrikam."#,
                ALLOWED,
            ),
            (
                "3 permissions were modified for [Team_Project]\\Project Administrators",
                ALLOWED,
            ),
            (r#"Area path "\Tailspin\Area" has been updated."#, ALLOWED),
            (
                "Raj Patel was removed as a member of group [Tailspin]\\Approvers",
                ALLOWED,
            ),
            (r#"Deleted pipeline "Failed" in project Tailspin"#, None),
            (r#"Deleted pipeline "created" in project "Failed""#, None),
            (
                r#"Created release "TimedOut" of Release Pipeline "failed""#,
                ALLOWED,
            ),
            ("Personal Access Token \"updated", None),
            ("Personal Access Token \"a\" \"failed", None),
            (
                "Created OAuth configuration 'failed' for 'TimedOut'",
                ALLOWED,
            ),
            ("Deleted OAuth configuration 'x failed' for 'y'", None),
            (
                "Didn't authorize endpoint; the resource doesn't exist, created nothing",
                ALLOWED,
            ),
            ("The '90s project was created", ALLOWED),
            ("The users' project was created", ALLOWED),
            ("Rock'n'roll 'failed' 'created", ALLOWED),
            ("The project was recreated", None),
            ("The project was created_by a script", None),
            ("The project was createdé", None),
            ("The project's state:created", ALLOWED),
            ("Feed shared-npm was not_removed", None),
            ("Unfailed", None),
            ("Accessed the audit log 3 times", None),
            ("'", None),
            ("\"", None),
            ("", None),
        ] {
            assert_eq!(action(details), expected, "{details}");
        }
    }

    #[test]
    fn results_of_deployments_are_words_too() {
        for (result, expected) in [
            ("Succeeded", ALLOWED),
            ("failed", BLOCKED),
            ("TimedOut", BLOCKED),
            ("PartiallySucceeded", None),
            ("Canceled", None),
        ] {
            assert_eq!(action(result), expected, "{result}");
        }
    }

    #[test]
    fn escapes_are_read_as_what_they_stand_for() {
        for (raw, expected) in [
            (r#"Deleted pipeline \"Failed\" in project"#, None),
            (r#"Modified pipeline \"Failed\" in project"#, ALLOWED),
            (r#"Modified pipeline \"a\\\" failed"#, BLOCKED),
            (r#"Modified pipeline \"a\\"#, ALLOWED),
            (r#"Deleted \u0022failed\u0022 pipeline"#, None),
            (r#"Deleted \"failed\u0022 pipeline created"#, ALLOWED),
            (
                r#"Deleted \"M\u00fcller failed\" pipeline created"#,
                ALLOWED,
            ),
            (r#"Deleted \u0027failed\u0027 pipeline created"#, ALLOWED),
            (r#"Deleted pipeline was \u0043reated"#, ALLOWED),
            (r#"Pipeline created\u00e9"#, None),
            (r#"Pipeline created\u2013"#, None),
            (r#"Pipeline\nfailed"#, BLOCKED),
            (r#"Pipeline\tcreated\r\n"#, ALLOWED),
            (r#"Pipeline \u00zzcreated"#, ALLOWED),
            (r#"Group [Tailspin]\\created"#, ALLOWED),
            (r#"Pipeline created \u00"#, ALLOWED),
            (r#"Pipeline created \"#, ALLOWED),
        ] {
            assert_eq!(action_in_json(raw), expected, "{raw}");
        }
    }

    #[test]
    fn long_texts_of_quotes_end_in_linear_time() {
        for text in ["'a", "\\\"", "\"", "' ", "\\u0027a"] {
            assert_eq!(action_in_json(&text.repeat(200_000)), None);
            assert_eq!(action(&text.repeat(200_000)), None);
        }
    }
}
