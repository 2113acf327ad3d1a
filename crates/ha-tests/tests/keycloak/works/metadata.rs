//! What anybody may read.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::check::{each, ensure, ensure_eq};
use crate::outcome::Outcome;
use crate::realm::Realm;
use crate::world::World;

pub(crate) async fn discovery(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "discovery").await?;
    let document = realm.get(&world.standby, "/.well-known/openid-configuration").await?.expect(200)?.json()?;
    let issuer = format!("{}{}", world.standby.public(), realm.path(""));
    ensure_eq!(document["issuer"], issuer.as_str(), "both nodes are one issuer, under the public URL");
    ensure_eq!(
        document["authorization_endpoint"],
        format!("{issuer}/protocol/openid-connect/auth").as_str(),
        "browsers are sent to the public URL"
    );
    Ok(())
}

pub(crate) async fn jwks(world: Arc<World>) -> Outcome {
    let realm = Realm::plain(&world, "jwks").await?;
    let keys = async |site| -> Result<BTreeSet<String>, libtest_mimic::Failed> {
        let document = realm.get(site, "/protocol/openid-connect/certs").await?.expect(200)?.json()?;
        Ok(each(&document["keys"], "kid").into_iter().collect())
    };
    let here = keys(&world.standby).await?;
    ensure!(!here.is_empty(), "no keys");
    ensure_eq!(here, keys(&world.primary).await?, "both nodes sign with the same keys");
    Ok(())
}
