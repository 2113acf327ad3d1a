//! Rows that are inserted by whoever knows every server, as an application with libpq's `target_session_attrs=read-write`
//! does.

use std::time::Duration;

use futures_util::future::select_ok;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls};

use super::progress::{Progress, TRY_AGAIN};

/// A row that is not acknowledged in that time has an unknown outcome; the writer goes on with the next.
const ROW_LIMIT: Duration = Duration::from_secs(3);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

pub(super) async fn write(mut servers: Vec<Config>, progress: Progress) {
    for config in &mut servers {
        config.connect_timeout(CONNECT_LIMIT).target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    let mut client: Option<Client> = None;
    while progress.is_wanted() {
        let Some(connected) = &client else {
            client = connect(&servers).await;
            if client.is_none() {
                sleep(TRY_AGAIN).await;
            }
            continue;
        };
        let number = progress.attempt();
        let values: [&(dyn ToSql + Sync); 1] = [&number];
        let insert = connected.execute("INSERT INTO ledger VALUES ($1)", &values);
        match timeout(ROW_LIMIT, insert).await {
            Ok(Ok(1)) => progress.acknowledged(number),
            // Refused, broken off, or silent: this connection is of no more use, and the row's outcome is not known.
            _ => client = None,
        }
    }
}

/// The first that takes writes. All are tried at the same time: a frozen host completes the handshake and says nothing more,
/// and must not keep the writer from the others.
async fn connect(servers: &[Config]) -> Option<Client> {
    let tries = servers.iter().map(|config| {
        Box::pin(async { timeout(CONNECT_LIMIT, config.connect(NoTls)).await.ok().and_then(Result::ok).ok_or(()) })
    });
    let ((client, connection), _others) = select_ok(tries).await.ok()?;
    tokio::spawn(async move { drop(connection.await) });
    Some(client)
}
