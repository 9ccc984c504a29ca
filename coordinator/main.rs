//! `sweeper`: the coordinator and every user command.

fn main() -> std::process::ExitCode {
    sweeper_coordinator::cli::main()
}
