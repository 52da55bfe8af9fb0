//! Where the output of a stream goes, by the settings of its program.

use crate::api::host::Host;
use crate::core::ids::InstanceIndex;
use crate::core::log::{OutputSource, Written};
use crate::core::program::{Output, Program};
use crate::core::substitute::Substitution;
use crate::supervisor::launch::substitution;
use crate::wire::log_channel::{Route, Sink};

/// What the supervisor was told of where output goes.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The directory of log files, from the root.
    pub log_dir: Option<String>,
    /// Whether lines that go to the supervisor's own output say whose they are.
    pub console_prefix: Written,
}

impl Places {
    /// Whether output of this kind goes by way of the logger.
    pub fn captures(&self, output: &Output) -> bool {
        match output {
            Output::Log | Output::Path(_) => true,
            Output::Inherit => self.console_prefix == Written::Yes,
            Output::Null | Output::Stdout => false,
        }
    }
}

/// All that the logger has to know of a stream.
pub fn route(
    program: &Program,
    instance: InstanceIndex,
    source: OutputSource,
    output: &Output,
    places: &Places,
    host: Host,
) -> Route {
    Route {
        program: program.name.to_string(),
        instance: instance.0,
        source,
        sink: sink(program, instance, source, output, places, host),
        policy: program.settings.log.policy,
    }
}

/// Where a stream that is captured as `output` says is written to.
pub fn sink(
    program: &Program,
    instance: InstanceIndex,
    source: OutputSource,
    output: &Output,
    places: &Places,
    host: Host,
) -> Sink {
    let here = Substitution { source: Some(source), ..substitution(program, instance, host) };
    match output {
        Output::Inherit => Sink::Console(source),
        Output::Path(path) => Sink::File(here.apply(path)),
        Output::Log | Output::Null | Output::Stdout => match (&program.settings.log.file, &places.log_dir) {
            (Some(file), _) => Sink::File(here.apply(file)),
            (None, Some(directory)) => {
                Sink::File(format!("{directory}/{}.{instance}.{}.log", program.name, source.as_str()))
            }
            (None, None) => Sink::Memory,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fleet::Fleet;
    use crate::core::moment::Moment;
    use crate::core::program::{Origin, Settings};
    use std::time::Duration;

    fn sink_of(output: &Output, file: Option<&str>, log_dir: Option<&str>) -> Sink {
        let mut settings = Settings::default();
        settings.log.file = file.map(str::to_string);
        let mut fleet = Fleet::default();
        let id = fleet.create("hello world", settings, Origin::Request, Moment(Duration::ZERO));
        let places = Places { log_dir: log_dir.map(str::to_string), ..Places::default() };
        let host = Host { uid: 5, gid: 6, nice: 0 };
        let program = fleet.program(id).unwrap();
        sink(program, InstanceIndex(3), OutputSource::Stderr, output, &places, host)
    }

    #[test]
    fn a_file_is_named_by_what_is_nearest() {
        let file = |path: &str| Sink::File(path.to_string());
        let path = Output::Path("/x/%n-%i.%s".to_string());
        assert_eq!(sink_of(&Output::Log, None, None), Sink::Memory);
        assert_eq!(sink_of(&Output::Log, None, Some("/log")), file("/log/hello world.3.stderr.log"));
        assert_eq!(sink_of(&Output::Log, Some("/y/%u.%g.%%"), Some("/log")), file("/y/5.6.%"));
        assert_eq!(sink_of(&path, Some("/y"), Some("/log")), file("/x/hello world-3.stderr"));
        assert_eq!(sink_of(&Output::Inherit, Some("/y"), None), Sink::Console(OutputSource::Stderr));
    }

    #[test]
    fn the_console_is_captured_only_for_its_prefix() {
        let plain = Places::default();
        let prefixed = Places { console_prefix: Written::Yes, ..Places::default() };
        assert!(plain.captures(&Output::Log) && !plain.captures(&Output::Inherit));
        assert!(prefixed.captures(&Output::Inherit));
        assert!(!prefixed.captures(&Output::Null) && !prefixed.captures(&Output::Stdout));
    }
}
