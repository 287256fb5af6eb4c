//! Where `PROFILE_COST_HTTP` asks to listen, and who may ask there.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::http::options::Options;

/// The variable that asks for it.
pub(crate) const VARIABLE: &str = "PROFILE_COST_HTTP";
const TOKEN: &str = "PROFILE_COST_HTTP_TOKEN";
const TOKEN_FILE: &str = "PROFILE_COST_HTTP_TOKEN_FILE";
const HOSTS: &str = "PROFILE_COST_HTTP_HOSTS";

/// No token is longer.
const LONGEST_TOKEN: usize = 1024;
/// Of a token in the environment: one that is shorter can be tried out.
const SHORTEST_TOKEN: usize = 16;

/// An address, and what may be asked there.
#[derive(Clone, Debug)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) options: Options,
}

impl Listen {
    /// What the environment asks for; `None` when it asks for nothing.
    ///
    /// # Errors
    /// What makes no sense, with the remedy: then nothing listens.
    pub(crate) fn parse(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let Some(value) = get(VARIABLE) else { return Ok(None) };
        if matches!(value.as_str(), "0" | "off" | "false" | "no") {
            return Ok(None);
        }
        let address = address(&value).ok_or_else(|| {
            format!("{VARIABLE}={value}: use an address and a port, as in 127.0.0.1:6600, or a port")
        })?;
        let hosts = get(HOSTS).unwrap_or_default();
        let hosts = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
        let options =
            Options { token: token(&get)?, hosts: hosts.map(str::to_owned).collect(), ..Options::default() };
        check(address, &options).map_err(|why| format!("{VARIABLE}={value}: {why}"))?;
        Ok(Some(Self { address, options }))
    }
}

/// A port alone is one of this machine; names would have to be looked up, which may take seconds.
fn address(value: &str) -> Option<SocketAddr> {
    let local = |port: &str| {
        let port = Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    match value.strip_prefix("localhost:") {
        Some(port) => local(port),
        None => value.parse().ok().or_else(|| local(value)),
    }
}

fn token(get: &impl Fn(&str) -> Option<String>) -> Result<Option<String>, String> {
    let (name, token) = match (get(TOKEN), get(TOKEN_FILE)) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(format!("{TOKEN_FILE}: {TOKEN} is set as well; unset one of them")),
        (Some(token), None) => (TOKEN, token),
        (None, Some(path)) => {
            let mut token = String::new();
            File::open(&path)
                .and_then(|file| file.take(LONGEST_TOKEN as u64 + 2).read_to_string(&mut token))
                .map_err(|error| format!("{TOKEN_FILE}={path}: {error}"))?;
            (TOKEN_FILE, token.trim().to_owned())
        }
    };
    // NOTE: never with the token itself: this goes to the log.
    match token.len() {
        SHORTEST_TOKEN..=LONGEST_TOKEN if is_sendable(&token) => Ok(Some(token)),
        _ => Err(format!(
            "{name}: use a token of {SHORTEST_TOKEN} to {LONGEST_TOKEN} visible ASCII characters, as `openssl rand -hex 16` \
             prints"
        )),
    }
}

/// What a header can carry as one word.
fn is_sendable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether it is safe to listen there.
pub(super) fn check(address: SocketAddr, options: &Options) -> Result<(), String> {
    if options.token.as_deref().is_some_and(|token| !is_sendable(token)) {
        return Err("the token is empty, or has characters that no header carries".to_owned());
    }
    if options.token.is_none() && !is_loopback(address.ip()) {
        return Err(format!(
            "others than this machine reach this address: set a token ({TOKEN}, {TOKEN_FILE} or the options' `token`), or \
             use 127.0.0.1:{}, which `kubectl port-forward` and `ssh -L` reach",
            address.port()
        ));
    }
    Ok(())
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Option<Listen>, String> {
        Listen::parse(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn an_address_or_a_port_of_this_machine() {
        for (value, address) in [
            ("6600", "127.0.0.1:6600"),
            ("127.0.0.1:6600", "127.0.0.1:6600"),
            ("127.8.9.1:0", "127.8.9.1:0"),
            ("localhost:80", "127.0.0.1:80"),
            ("[::1]:6600", "[::1]:6600"),
            ("[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1"),
        ] {
            let listen = parse(&[(VARIABLE, value)]).expect(value).expect(value);
            assert_eq!(listen.address.to_string(), address, "{value}");
            assert!(listen.options.token.is_none() && listen.options.hosts.is_empty());
        }
        for value in ["off", "0", "no", "false"] {
            assert!(parse(&[(VARIABLE, value)]).expect(value).is_none());
        }
        assert!(parse(&[(TOKEN, "x")]).expect("nothing is asked for").is_none());
    }

    #[test]
    fn what_makes_no_sense_or_is_open_to_all_is_refused() {
        let token = "0123456789abcdef";
        for value in [
            ":6600",
            "65536",
            "+80",
            "127.0.0.1",
            "example.org:80",
            "on",
            "::1:80",
            "localhost:",
            "/tmp/socket",
        ] {
            let complaint = parse(&[(VARIABLE, value), (TOKEN, token)]).expect_err(value);
            assert!(complaint.starts_with(&format!("{VARIABLE}={value}: ")), "{complaint}");
        }
        for value in ["0.0.0.0:6600", "[::]:6600", "10.0.0.1:1", "[::ffff:10.0.0.1]:1"] {
            let complaint = parse(&[(VARIABLE, value)]).expect_err(value);
            assert!(complaint.contains(TOKEN) && complaint.starts_with(VARIABLE), "{complaint}");
            let listen = parse(&[(VARIABLE, value), (TOKEN, token), (HOSTS, "a.example, ,b")]);
            let options = listen.expect("with a token").expect("it listens").options;
            assert_eq!(options.token.as_deref(), Some(token));
            assert_eq!(options.hosts, ["a.example", "b"]);
        }
    }

    #[test]
    fn tokens_are_long_sendable_and_never_said() {
        for token in ["0123456789abcde", "0123456789abcde f", "0123456789abcdé_", &"x".repeat(1025)] {
            let complaint = parse(&[(VARIABLE, "1"), (TOKEN, token)]).expect_err("no token");
            assert!(complaint.starts_with(TOKEN) && !complaint.contains(token), "{complaint}");
        }
        let file = std::env::temp_dir().join(format!("profile-cost-token-{}", std::process::id()));
        std::fs::write(&file, "0123456789abcdef\n").expect("a file");
        let path = file.to_str().expect("text");
        let listen = parse(&[(VARIABLE, "1"), (TOKEN_FILE, path)]).expect("a token").expect("it listens");
        assert_eq!(listen.options.token.as_deref(), Some("0123456789abcdef"));
        let both = [(VARIABLE, "1"), (TOKEN_FILE, path), (TOKEN, "0123456789abcdef")];
        assert!(parse(&both).expect_err("which?").contains("unset one"));
        std::fs::write(&file, "").expect("a file");
        assert!(parse(&[(VARIABLE, "1"), (TOKEN_FILE, path)]).is_err());
        std::fs::remove_file(&file).expect("it was there");
        assert!(parse(&[(VARIABLE, "1"), (TOKEN_FILE, path)]).expect_err("gone").starts_with(TOKEN_FILE));
    }
}
