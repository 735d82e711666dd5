//! `udmill sources`: what the component knows.

use super::args::ComponentArgs;
use super::table::Table;
use super::{Status, Stop, output};

/// List the log sources
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    component: ComponentArgs,
}

pub fn run(args: Args) -> Result<Status, Stop> {
    let component = args.component.load()?;
    let sources = component.instantiate().and_then(|mut it| it.sources());
    let sources = sources.map_err(|trap| Stop::Failed(trap.to_string()))?;
    let mut table = Table::new(["LOG TYPE", "VENDOR", "PRODUCT", "MAPPING"]);
    for it in sources {
        table.row([it.log_type, it.vendor, it.product, it.mapping_version]);
    }
    output::print(table.to_string().as_bytes())?;
    Ok(Status::Done)
}
