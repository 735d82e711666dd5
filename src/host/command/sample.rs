//! A log that comes with the command.

/// An Azure DevOps audit log as Event Grid delivers it.
pub const SAMPLE: &[u8] =
    include_bytes!("../../udm/azure_devops/golden/google_secops_eventgrid_object.raw");
