//! `udmill` alone: the event of a log that comes with it, and what to try next.

use udmill::Failure;
use udmill::wit::Options;

use super::args::ComponentArgs;
use super::{Status, Stop, output};

/// An Azure DevOps audit log as Event Grid delivers it.
const SAMPLE: &[u8] =
    include_bytes!("../../udm/azure_devops/golden/google_secops_eventgrid_object.raw");

const NEXT: &str = "\
This is the UDM event of an Azure DevOps audit log that comes with udmill. Next:
  udmill transform --log-type AZURE_DEVOPS FILE   the events of your logs
  udmill explain --log-type AZURE_DEVOPS FILE     which rule set which field
  udmill sources                                  the log types
  udmill --help                                   everything else
";

pub fn run() -> Result<Status, Stop> {
    let component = ComponentArgs::of_environment().load()?;
    let answer = component
        .instantiate()
        .and_then(|mut it| it.normalize(SAMPLE, &Options::of("AZURE_DEVOPS")))
        .map_err(|trap| Stop::Failed(trap.to_string()))?;
    match answer {
        Ok(batch) => output::print(&batch.events)?,
        Err(error) => return Err(Stop::Usage(Failure::Invalid(error).to_string())),
    }
    eprint!("{NEXT}");
    Ok(Status::Done)
}
