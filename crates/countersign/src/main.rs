//! The binary: reads the command line, owns randomness, wires rooms. Logic lives in the rooms.

mod chance;
mod cli;
mod client;
mod commands;
mod findings;
mod json;
mod out;
mod pipeline;
mod row;
mod serve;
mod strip;
mod tenants;
mod view;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use countersign_console::{Glyphs, Terminal};

use cli::{AdminCommand, Cli, Colour, Command, Format, RegisterCommand, TraceSubcommand};
use commands::Told;
use out::Exit;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse_from(cli::arranged(std::env::args_os()));
    let told = told(&cli);
    match run(cli.command, told) {
        Ok(exit) => exit.into(),
        Err(error) => {
            out::progress_done();
            out::say(&format!(
                "countersign: {}",
                countersign_console::plain(&format!("{error:#}"))
            ));
            let machine = error.chain().any(|cause| {
                cause.downcast_ref::<std::io::Error>().is_some_and(|io| {
                    // What was named does not exist or is of another kind; anything else is the
                    // machine's: a full disk, a permission.
                    use std::io::ErrorKind::{
                        InvalidData, IsADirectory, NotADirectory, NotFound, Other,
                    };
                    !matches!(
                        io.kind(),
                        NotFound | Other | IsADirectory | NotADirectory | InvalidData
                    )
                })
            });
            if machine { Exit::Failed } else { Exit::Usage }.into()
        }
    }
}

fn run(command: Command, told: Told) -> anyhow::Result<Exit> {
    match command {
        Command::Trace(command) => match command.show {
            Some(TraceSubcommand::Show { event, run }) => commands::show::run(&event, &run, told),
            None => commands::trace::run(&command.args, told),
        },
        Command::Check(args) => commands::check::run(&args, told),
        Command::Policy(command) => commands::policy::run(&command, told),
        Command::Register(RegisterCommand::Init { from, source }) => {
            commands::register::init(&from, &source, told)
        }
        Command::Register(RegisterCommand::Format { register }) => {
            commands::register::format(&register, told)
        }
        Command::Verify(args) => commands::verify::run(&args, told),
        Command::Prove(args) => commands::prove::prove(&args, told),
        Command::Bundle(args) => commands::prove::bundle(&args, told),
        Command::Witness(command) => commands::witness::run(&command, told),
        Command::RotateKey(args) => commands::rotate::run(&args, told),
        Command::Simulate(args) => commands::simulate::run(&args, told),
        Command::Serve(args) => commands::serve::run(&args, told),
        Command::SignIn(args) => commands::session::sign_in(&args, told),
        Command::SignOut(server) => commands::session::sign_out(&server),
        Command::Whoami(server) => commands::session::whoami(&server, told),
        Command::Apply(args) => commands::apply::apply(&args, told),
        Command::Sponsors(command) => commands::sponsors::run(&command, told),
        Command::Export(args) => commands::apply::export(&args),
        Command::List(args) => commands::items::list(&args, told),
        Command::Get(args) => commands::items::get(&args, told),
        Command::Put(args) => commands::items::put(&args, told),
        Command::Act(args) => commands::items::act(&args, told),
        Command::History(args) => commands::items::history(&args, told),
        Command::Explain(args) => commands::decisions::explain(&args, told),
        Command::Decide(args) => commands::decisions::decide(&args, told),
        Command::Decisions(args) => commands::decisions::report(&args, told),
        Command::Proof(args) => commands::proof::run(&args),
        Command::Key(args) => commands::keys::run(&args, told),
        Command::Templates(args) => commands::onboard::templates(&args, told),
        Command::Onboard(args) => commands::onboard::onboard(&args, told),
        Command::Invite(args) => commands::onboard::invite(&args, told),
        Command::Backup(args) => commands::backup::backup(&args, told),
        Command::Restore(args) => commands::backup::restore(&args, told),
        Command::Admin(AdminCommand::Recover { place }) => commands::admin::recover(&place, told),
        Command::Sources { source } => commands::sources::run(&source, told),
        Command::Schema { name } => commands::schema::run(&name),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "countersign", &mut script);
            let script = String::from_utf8_lossy(&script);
            out::data(&commands::wrapped("script", &script, told))?;
            Ok(Exit::Ok)
        }
    }
}

fn told(cli: &Cli) -> Told {
    let wanted = match cli.colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => out::stdout_is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let terminal =
        Terminal { width: columns.unwrap_or(100), colour: wanted, glyphs: Glyphs::Unicode };
    Told { json: cli.format == Format::Json, terminal }
}
