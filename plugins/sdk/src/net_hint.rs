//! A hint for programs that could not reach a server: a stage does not see its own grants, so it can't say more.

/// Behind the first line of a message: what to grant, if nothing is granted. `error` is what a database driver said; for an
/// error that is not about a network address it is empty.
pub fn net_hint(error: &str) -> String {
    let lower = error.to_lowercase();
    let is_file = lower.contains("on socket") || lower.contains("through socket");
    let is_network = [
        "connection",
        "connect to",
        "host name",
        "failed to resolve",
        "server host",
    ]
    .iter()
    .any(|sign| lower.contains(sign));
    let line = match address(error) {
        Some((host, port)) if is_loopback(&host) => format!("host-loopback:{port}"),
        Some((host, port)) => format!("{host}:{port}"),
        None if is_network && !is_file => "HOST:PORT".to_owned(),
        None => return String::new(),
    };
    format!("\n\nhint: if this stage has no `net` grant, its programs have no network; it would be: net = [\"{line}\"]")
}

/// Host and port in the words of libpq, psycopg and MySQL's clients; where they leave the port out it is the usual one.
fn address(error: &str) -> Option<(String, String)> {
    const POSTGRESQL: &str = "5432";
    const MYSQL: &str = "3306";
    for (before, usual) in [
        ("server at \"", POSTGRESQL),
        ("translate host name \"", POSTGRESQL),
        ("failed to resolve host '", POSTGRESQL),
        ("MySQL server on '", MYSQL),
        ("MySQL server host '", MYSQL),
    ] {
        let Some((_, rest)) = error.split_once(before) else {
            continue;
        };
        let (host, after) = rest.split_once(['"', '\''])?;
        let (host, own_port) = match host.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (host, None),
        };
        let port = own_port.or_else(|| {
            let digits = after.lines().next()?.split_once("port ")?.1;
            Some(&digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())])
        });
        let port = port.filter(|port| !port.is_empty()).unwrap_or(usual);
        return Some((host.to_owned(), port.to_owned()));
    }
    None
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_grant_is_read_off_the_driver_s_words() {
        for (error, line) in [
            (
                "connection failed: connection to server at \"127.0.0.1\", port 5433 failed: Connection refused\n\tIs it",
                "host-loopback:5433",
            ),
            (
                "connection to server at \"localhost\" (::1), port 5432 failed: Connection refused",
                "host-loopback:5432",
            ),
            (
                "connection to server at \"db.example\" (192.0.2.7), port 6432 failed: timeout expired",
                "db.example:6432",
            ),
            (
                "could not translate host name \"db.example\" to address: Name or service not known",
                "db.example:5432",
            ),
            (
                "failed to resolve host 'db.example': [Errno -3] Temporary failure",
                "db.example:5432",
            ),
            (
                "(2003, \"Can't connect to MySQL server on '127.0.0.1:3307' (111)\")",
                "host-loopback:3307",
            ),
            (
                "(2005, \"Unknown MySQL server host 'db.example' (-2)\")",
                "db.example:3306",
            ),
            ("connection refused", "HOST:PORT"),
        ] {
            let hint = net_hint(error);
            assert!(hint.ends_with(&format!(": net = [\"{line}\"]")), "{error}: {hint}");
            assert!(
                hint.starts_with("\n\nhint: if this stage has no `net` grant, "),
                "{hint}"
            );
        }
    }

    #[test]
    fn what_is_no_network_gets_no_hint() {
        for error in [
            "unable to open database file",
            "connection to server on socket \"/run/postgresql/.s.PGSQL.5432\" failed: No such file or directory",
            "(2002, \"Can't connect to local MySQL server through socket '/run/mysqld/mysqld.sock' (2)\")",
        ] {
            assert_eq!(net_hint(error), "", "{error}");
        }
    }
}
