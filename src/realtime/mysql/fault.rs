//! What the errors of a server and of its client mean. It knows no statement.

use ::mysql::{DriverError, Error, MySqlError};

use super::super::driver::Fault;

/// What an error means. A server's own words may quote a value: they are left out.
pub fn fault(error: Error) -> Fault {
    match error {
        Error::MySqlError(error) => server_fault(&error),
        Error::IoError(error) => Fault::Unavailable(match error.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                "the server did not answer in time".into()
            }
            kind => format!("the connection is lost ({kind})"),
        }),
        Error::DriverError(DriverError::CouldNotConnect(Some((address, _, kind)))) => {
            Fault::Unavailable(format!("nobody answers at {address} ({kind})"))
        }
        Error::DriverError(DriverError::ConnectTimeout) => {
            Fault::Unavailable("connecting took too long".into())
        }
        Error::DriverError(DriverError::PacketTooLarge) => {
            Fault::Value("a statement would exceed max_allowed_packet".into())
        }
        Error::DriverError(DriverError::UnknownAuthPlugin(plugin)) => Fault::Unavailable(format!(
            "the server wants the authentication '{plugin}'. Give the user another one"
        )),
        Error::TlsError(_) => Fault::Unavailable("TLS failed. Check dbtls and dbtlsca".into()),
        Error::CodecError(_) | Error::DriverError(_) => {
            Fault::Unavailable("the server's answer is not understood".into())
        }
        Error::UrlError(_) | Error::FromValueError(_) | Error::FromRowError(_) => {
            Fault::Refused("the server's answer is not understood".into())
        }
    }
}

fn server_fault(error: &MySqlError) -> Fault {
    let (code, state) = (error.code, &error.state);
    let told = |text: &str| format!("{text} (MySQL error {code})");
    match code {
        1040 | 1203 | 1226 => Fault::Unavailable(told("the server has no connection left")),
        1044 | 1045 | 1698 => {
            Fault::Unavailable(told("access denied. Check dbuser, dbpass and grants"))
        }
        1049 => Fault::Unavailable(told("no such database. Check dbname")),
        1205 | 1213 => Fault::Busy(told("another transaction was in the way")),
        3 | 1021 | 1026 | 1114 => Fault::Unavailable(told("the server's disk is full")),
        1290 | 1792 | 1836 => Fault::Unavailable(told("the server is read-only")),
        1047 | 1053 | 1077 | 1079 | 1129 | 1158..=1161 | 1180 | 1317 | 1927 | 1969 | 3024 => {
            Fault::Unavailable(told("the server gave up"))
        }
        1146 => Fault::Refused(told("no such table. Check extconfig.conf")),
        1054 => Fault::Refused(told("a column is missing")),
        1142 | 1143 => Fault::Refused(told("the user lacks a privilege on the table")),
        1366 => Fault::Value(told("a value does not fit its column")),
        _ if state.starts_with("08") => Fault::Unavailable(told("the connection is lost")),
        _ if ["22", "23", "45"]
            .iter()
            .any(|class| state.starts_with(class)) =>
        {
            Fault::Value(told("a value does not fit its column"))
        }
        _ => Fault::Refused(told("the statement failed")),
    }
}
