//! The cookies of one browser at one cluster.
//!
//! Keycloak marks its cookies `Secure` on a loopback address, also without TLS, since browsers trust loopback; the cookie
//! stores of HTTP libraries do not. Cookies know no ports: they go to whichever node is asked.

use reqwest::header::{HeaderMap, SET_COOKIE};

#[derive(Debug, Clone, Default)]
pub(super) struct Cookies(Vec<Cookie>);

#[derive(Debug, Clone)]
struct Cookie {
    name: String,
    path: String,
    value: String,
}

impl Cookies {
    pub(super) fn take_from(&mut self, headers: &HeaderMap) {
        for header in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let mut parts = header.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let (mut path, mut over) = ("/", false);
            for (key, value) in parts.filter_map(|part| part.split_once('=')) {
                match key.to_ascii_lowercase().as_str() {
                    "path" => path = value,
                    "max-age" => over |= value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
                    "expires" => over |= value.contains("1970"),
                    _ => {}
                }
            }
            self.0.retain(|cookie| cookie.name != name || cookie.path != path);
            if !over {
                self.0.push(Cookie { name: name.to_owned(), path: path.to_owned(), value: value.to_owned() });
            }
        }
    }

    /// The header's value for a request of that path.
    pub(super) fn for_path(&self, path: &str) -> Option<String> {
        let fit = |cookie: &&Cookie| {
            let folder = cookie.path.trim_end_matches('/');
            path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let pairs: Vec<String> =
            self.0.iter().filter(fit).map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(headers: &[&str]) -> Cookies {
        let mut cookies = Cookies::default();
        for header in headers {
            let mut map = HeaderMap::new();
            map.insert(SET_COOKIE, header.parse().unwrap());
            cookies.take_from(&map);
        }
        cookies
    }

    #[test]
    fn cookies_go_to_their_path_only() {
        let cookies = after(&["A=1;Version=1;Path=/realms/one/;Secure;HttpOnly", "B=2; Path=/realms/two/"]);
        assert_eq!(cookies.for_path("/realms/one/protocol").as_deref(), Some("A=1"));
        assert_eq!(cookies.for_path("/realms/onemore/protocol"), None);
    }

    #[test]
    fn the_last_value_counts_and_an_expired_one_is_gone() {
        let cookies = after(&["A=1; Path=/", "A=2; Path=/"]);
        assert_eq!(cookies.for_path("/x").as_deref(), Some("A=2"));
        assert_eq!(after(&["A=1; Path=/", "A=; Path=/; Max-Age=0"]).for_path("/x"), None);
    }
}
