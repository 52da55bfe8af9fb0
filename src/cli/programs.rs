//! Programs made, changed, scaled and forgotten.

use super::arguments::{Remove, Scale};
use super::client::{Call, Client};
use super::control::{Success, Wait, carry_out};
use super::exit::{Exit, Failure, say};
use super::render::text::{escape, shell_word};
use super::settings::{CreateCommand, Restart, UpdateCommand};
use crate::wire::value::Value;

/// `create`.
///
/// # Errors
/// Settings that are refused, and a name that is taken.
pub fn create(client: &mut Client, command: &CreateCommand) -> Result<Exit, Failure> {
    client.request(&with_settings("create", &command.name, &command.settings))?;
    say(&format!("created {}\n", escape(&command.name)))?;
    Ok(Exit::Done)
}

/// `update`.
///
/// # Errors
/// Settings that are refused, and no such program.
pub fn update(client: &mut Client, command: &UpdateCommand) -> Result<Exit, Failure> {
    let settings = command.settings.iter();
    let is_setting_restart = settings.clone().any(|(name, _)| name == "restart");
    let mut call = with_settings("update", &command.name, &command.settings);
    if command.restart == Restart::Now && !is_setting_restart {
        call = call.with("restart", true);
    }
    let mut reply = client.request(&call)?;
    if command.restart == Restart::Now && is_setting_restart {
        // One key of a request cannot be a setting and a switch.
        reply = client
            .request(&Call::new("update").with("program", command.name.as_str()).with("restart", true))?;
    }
    say(&updated(&command.name, &reply, command.restart))?;
    Ok(Exit::Done)
}

/// `scale`.
///
/// # Errors
/// No such program, and new instances that do not run.
pub fn scale(connect: impl FnOnce() -> Result<Client, Failure>, scale: &Scale) -> Result<Exit, Failure> {
    let wait = Wait::new(scale.no_wait, scale.timeout)?;
    let call = Call::new("scale").with("program", scale.name.as_str()).with("instances", scale.instances);
    let success = if wait == Wait::No { Success::Any } else { Success::RunningIfWanted };
    carry_out(&mut connect()?, &wait.of(call), success)
}

/// `remove`.
///
/// # Errors
/// No such program, and one that runs and is not to be stopped.
pub fn remove(connect: impl FnOnce() -> Result<Client, Failure>, remove: &Remove) -> Result<Exit, Failure> {
    let wait = Wait::new(remove.no_wait, remove.timeout)?;
    let call = Call::new("remove").with("program", remove.name.as_str()).with("force", remove.force);
    let exit = carry_out(&mut connect()?, &wait.of(call), Success::Any).map_err(|failure| match failure {
        Failure::Refused(mut refusal) if refusal.code == "busy" && !remove.force => {
            refusal.sentence.push_str(", with 'procnanny remove --force'");
            Failure::Refused(refusal)
        }
        other => other,
    })?;
    let done = if wait == Wait::No { "removing" } else { "removed" };
    say(&format!("{done} {}\n", escape(&remove.name)))?;
    Ok(exit)
}

fn with_settings(method: &str, name: &str, settings: &[(String, Value)]) -> Call {
    let call = Call::new(method).with("program", name);
    settings.iter().fold(call, |call, (name, value)| call.with(name, value.clone()))
}

/// What an update did, and what it leaves to be done.
fn updated(name: &str, reply: &Value, restart: Restart) -> String {
    let outdated = reply.get("restart_needed").and_then(Value::as_array).unwrap_or_default();
    let numbers: Vec<String> =
        outdated.iter().filter_map(Value::as_u64).map(|number| number.to_string()).collect();
    let name = escape(name);
    let instances = match numbers.as_slice() {
        [one] => format!("instance {one}"),
        several => format!("instances {}", several.join(", ")),
    };
    let rest = match (numbers.is_empty(), restart) {
        (true, _) => String::new(),
        (false, Restart::Now) => {
            format!("; restarting {instances}, one at a time ('procnanny events -f' shows it)")
        }
        (false, Restart::Later) => {
            let word = shell_word(&name);
            format!("; 'procnanny restart {word}' puts it into effect for {instances}")
        }
    };
    format!("updated {name}{rest}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_says_what_is_left_to_do() {
        let reply = |numbers: &[i64]| {
            let numbers = numbers.iter().map(|number| Value::Int(*number)).collect();
            Value::map([("restart_needed", Value::Array(numbers))])
        };
        assert_eq!(updated("web", &reply(&[]), Restart::Later), "updated web\n");
        let later = updated("web", &reply(&[0, 2]), Restart::Later);
        assert_eq!(later, "updated web; 'procnanny restart web' puts it into effect for instances 0, 2\n");
        assert!(updated("web", &reply(&[0]), Restart::Now).contains("restarting instance 0, one at a time"));
    }
}
