//! What a PostgreSQL image must bring.

use crate::ports::Image;

/// The oldest major version that is run. Its client library is the first that can ask a server for proof that it knows a
/// role's secret before it tells it anything (`require_auth`); an older one sends the password in clear text to whoever
/// asks, and believes whoever lets it in.
pub const OLDEST_POSTGRES: u32 = 16;

/// Why an image is too old; `None` when it is not, or does not say what it brings, as the official one does in
/// `PG_MAJOR`. What says nothing is found out by the first job that runs in it.
#[must_use]
pub fn too_old(image: &Image) -> Option<String> {
    let value = image.environment.iter().find_map(|variable| variable.strip_prefix("PG_MAJOR="))?;
    let major: u32 = value.split('.').next()?.trim().parse().ok()?;
    too_old_version(major)
}

/// Why a major version is too old; `None` when it is not.
#[must_use]
pub fn too_old_version(major: u32) -> Option<String> {
    (major < OLDEST_POSTGRES).then(|| {
        format!(
            "it brings PostgreSQL {major}, and {OLDEST_POSTGRES} is the oldest whose programs can ask a server for proof before \
             they tell it a password (require_auth)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::fixtures;

    #[test]
    fn an_image_tells_its_major_version() {
        for (environment, old) in [
            ("PG_MAJOR=17", false),
            ("PG_MAJOR=16", false),
            ("PG_MAJOR=15", true),
            ("PG_MAJOR=9.6", true),
            ("PG_MAJOR=devel", false),
            ("PG_VERSION=13.2", false),
        ] {
            let mut image = fixtures::postgres_image();
            image.environment = vec!["PATH=/bin".to_owned(), environment.to_owned()];
            assert_eq!(too_old(&image).is_some(), old, "{environment}");
        }
        assert_eq!(too_old(&fixtures::postgres_image()), None);
    }
}
