//! Asking a Keycloak for tokens as fast as it gives them.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use ha_tests::keycloak::Site;

use crate::error::Error;
use crate::realm::{Realm, password, user_name};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    ClientCredentials,
    Password,
}

impl Grant {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client-credentials grants",
            Self::Password => "password logins",
        }
    }
}

/// Tokens a second, from that many clients that each ask again as soon as they are answered. An answer other than a token
/// is an error: a refusal may be quicker than a grant. Each asks one realm after the other.
pub(crate) async fn rate(
    site: &Site,
    realms: &[Realm],
    grant: Grant,
    clients: usize,
    window: Duration,
) -> Result<f64, Error> {
    let number = Cell::new(0_usize);
    let begun = Instant::now();
    try_join_all((0..clients).map(|_| async {
        while begun.elapsed() < window {
            let realm = &realms[number.get() % realms.len()];
            let turn = number.get() / realms.len();
            let answer = match grant {
                Grant::ClientCredentials => realm.client_credentials(site).await?,
                Grant::Password => {
                    // One user after the other: many logins of one user would wait for each other's rows.
                    let name = user_name(turn % realm.users.len());
                    realm.login(site, &name, &password(&name)).await?
                }
            };
            answer.expect(200)?;
            number.set(number.get() + 1);
        }
        Ok::<(), Error>(())
    }))
    .await?;
    // Until the last answer, not until the end of the window: what was under way then is counted.
    Ok(number.get() as f64 / begun.elapsed().as_secs_f64())
}
