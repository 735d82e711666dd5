//! The options of an input.

use udm::{FieldNames, Label, Options, SOURCES};

/// The byte before the one that chooses options. Without it an input is a payload and nothing else, as the goldens are, and
/// is read for each log type.
const CHOICE: u8 = 1;

/// The options that an input begins with, and the payload behind them.
pub fn split_options(input: &[u8]) -> (Vec<Options>, &[u8]) {
    match input {
        [CHOICE, choice, payload @ ..] => {
            let source = usize::from(choice >> 6) % SOURCES.len();
            (vec![choose(source, *choice)], payload)
        }
        payload => {
            let all = 0..SOURCES.len();
            (all.map(|source| choose(source, 0)).collect(), payload)
        }
    }
}

fn choose(source: usize, choice: u8) -> Options {
    const DELIMITERS: [&str; 8] = ["", "\n", "|||", "\0", "},{", ",", "aa", "€"];
    let delimiter = DELIMITERS[usize::from(choice % 8)];
    let is_set = |bit: u32| choice >> bit & 1 == 1;
    let label = |key: &str, rbac_enabled| Label {
        key: key.to_owned(),
        value: format!("{key} \" \\ \n€"),
        rbac_enabled,
    };
    Options {
        log_type: SOURCES[source].log_type.to_owned(),
        split_delimiter: Some(delimiter.to_owned()).filter(|it| !it.is_empty()),
        namespace: is_set(3).then(|| "east \"\\\t€".to_owned()),
        labels: match is_set(4) {
            true => vec![label("team", false), label("\"", true)],
            false => Vec::new(),
        },
        field_names: match is_set(5) {
            true => FieldNames::Proto,
            false => FieldNames::LowerCamel,
        },
    }
}
