use super::*;
use crate::SOURCES;
use crate::words::MAX_FIELDS;

fn plans() -> impl Iterator<Item = &'static Plan> {
    let spellings = [FieldNames::LowerCamel, FieldNames::Proto];
    let of_source = move |source: &&'static Source| spellings.map(|it| Plan::of(source, it));
    SOURCES.iter().flat_map(of_source)
}

/// A layout knows what they fill, and no record.
#[test]
fn no_row_that_goes_by_texts_looks_at_what_others_give_by_the_shape() {
    for source in SOURCES {
        let plan = Plan::of(source, FieldNames::default());
        assert!(plan.words.len() <= MAX_FIELDS);
        let words = plan.words.iter().flat_map(|field| &field.made);
        let by_words: Vec<u16> = words.map(|made| made.1).collect();
        let by_shape = plan.by_shape.iter().map(|step| step.output);
        let filled: Vec<u16> = by_words.iter().copied().chain(by_shape).collect();
        assert!(!filled.is_empty());
        for step in &plan.steps {
            let mut seen = Mask::default();
            step.action.looks_at(&mut seen);
            let number = source.rows[step.row as usize].number;
            assert!(filled.iter().all(|cell| !seen.contains(*cell)), "{number}");
            assert!(!by_words.contains(&step.output), "{number}");
            let mut others = plan.by_shape.iter().filter(|it| it.output == step.output);
            assert!(others.all(|it| it.row > step.row), "{number}");
        }
        for limit in &plan.limits {
            assert!(!filled.contains(&limit.cell));
        }
    }
}

#[test]
fn no_two_values_share_a_cell() {
    for plan in plans() {
        assert!(plan.nodes.len() < Mask::CELLS);
        let nodes = plan.nodes.len() as u16;
        let mut computed = std::collections::BTreeSet::new();
        for target in &plan.targets {
            assert_eq!(
                target.cell < nodes,
                target.direct,
                "{} {}",
                target.path,
                target.key
            );
            assert!((target.cell as usize) < Mask::CELLS);
            assert!(
                target.direct || computed.insert(target.cell),
                "{}",
                target.path
            );
        }
    }
}

#[test]
fn keys_and_paths_lead_to_the_same_node() {
    for plan in plans() {
        for (cell, node) in plan.nodes.iter().enumerate().skip(FIRST_NODE as usize) {
            let path: &str = &node.path;
            let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
            if key == "0" || key == "*" {
                continue;
            }
            let prefix = if parent.is_empty() {
                String::new()
            } else {
                format!("{parent}.")
            };
            let level = plan
                .levels
                .iter()
                .find(|level| *level.prefix == *prefix)
                .unwrap();
            assert_eq!(level.keys.find(key), Some(cell as u16), "{path}");
        }
    }
}

#[test]
fn steps_read_and_fill_cells_that_are_there() {
    for plan in plans() {
        let nodes = plan.nodes.len() as u16;
        for step in &plan.steps {
            let number = plan.rows[step.row as usize].number;
            assert!(
                step.output >= nodes && (step.output as usize) < Mask::CELLS,
                "{number}"
            );
            assert!(step.input == NONE || step.input < nodes, "{number}");
            if let Action::With(_, cells) | Action::Remembered(_, cells) = &step.action {
                assert!(!cells.contains(&NONE), "a field of row {number} is unknown");
            }
        }
    }
}

#[test]
fn what_is_remembered_comes_of_the_remembered_text_alone() {
    let steps = plans().flat_map(|plan| plan.steps.iter().map(move |step| (plan, step)));
    let mut remembered = 0;
    for (plan, step) in steps {
        if let Action::Remembered(_, cells) = &step.action {
            let number = plan.rows[step.row as usize].number;
            assert_eq!(cells.as_slice(), [step.input], "row {number}");
            remembered += 1;
        }
    }
    assert!(remembered > 0);
}

#[test]
fn targets_are_a_path_and_perhaps_a_key() {
    for (udm, path, key) in [
        ("principal.ip", "principal.ip", ""),
        (
            "additional.fields[Actor CUID]",
            "additional.fields",
            "Actor CUID",
        ),
        (
            "security_result[].detection_fields[a.b]",
            "security_result[].detection_fields",
            "a.b",
        ),
        ("about[].user.userid", "about[].user.userid", ""),
    ] {
        assert_eq!(split_target(udm), (path, key));
    }
}
