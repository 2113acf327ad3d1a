//! Who runs this, and where: what others read in the history and on a lock.

/// `user@host`. With `sudo` the user is who called it.
pub(super) fn by() -> String {
    let named = |variable: &str| std::env::var(variable).ok().filter(|name| !name.is_empty());
    let uid = rustix::process::getuid().as_raw();
    let user = named("SUDO_USER")
        .or_else(|| std::fs::read_to_string("/etc/passwd").ok().and_then(|users| of_uid(&users, uid)))
        .or_else(|| named("USER"))
        .unwrap_or_else(|| format!("uid-{uid}"));
    format!("{user}@{}", rustix::system::uname().nodename().to_string_lossy())
}

/// The name of a user in `/etc/passwd` (passwd(5)).
fn of_uid(users: &str, uid: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/bash\nbroken\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        assert_eq!(of_uid(users, 1000).as_deref(), Some("alice"));
        assert_eq!(of_uid(users, 0).as_deref(), Some("root"));
        assert_eq!(of_uid(users, 1), None);
    }
}
