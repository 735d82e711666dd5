//! The command `udmill`. See the module `command`.

mod command;

fn main() -> std::process::ExitCode {
    command::run()
}
