//! A configuration of HAProxy from a topology. Pure: the same topology gives the same text.
//!
//! Each Keycloak says by itself which role it has, without login and at once after a change; HAProxy asks, and nobody
//! has to be told of a promotion.

use ha_core::layout::keycloak_base_path;
use ha_core::topology::{ProxyHeaders, Topology};

/// Where HAProxy listens, as its `bind` takes it, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Listen<'a> {
    /// For everybody.
    pub everybody: &'a str,
    /// For those who only read.
    pub readers: &'a str,
    /// For its statistics, and for Prometheus.
    pub statistics: &'a str,
    /// Certificate and key for TLS, in one file that HAProxy reads.
    pub certificate: Option<&'a str>,
}

/// The header in which HAProxy tells Keycloak's standby extension that it wants a node of that role, and that it repeats on
/// another one what is answered with 425 (`Sender.java`).
const WANTED: &str = "Ha-Balancer";

/// What a read-only node refuses by its path, so that it is not sent there where no read-write one is left: as
/// `Refusals.java` has it, below the path of the public URL.
const WRITES: &str = "admin/.*|realms/[^/]+/(account|clients-registrations|authz/protection|scim)(/.*)?";
const PAGES: &str = "realms/[^/]+/(login-actions/\
                     (registration|reset-credentials|required-action|first-broker-login|action-token)\
                     |protocol/openid-connect/(registrations|forgot-credentials|auth/device|ext/ciba/auth)|device)(/.*)?";

/// The configuration; tried with HAProxy 2.6 and 3.0.
#[must_use]
pub fn render(topology: &Topology, listen: Listen<'_>) -> String {
    let cluster = &topology.cluster;
    let mut text = format!(
        "# HAProxy (2.6 or newer) for the cluster {name}, made by `ha-cli haproxy`. Each Keycloak is asked for its role twice a\n\
         # second. Its public URL is {url}.\n\
         global\n    log stdout format raw local0 notice\n    maxconn 4000\n{tls}\n\
         defaults\n    mode http\n    log global\n    option httplog\n    option dontlognull\n    \
         timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n    timeout http-request 10s\n    \
         # A node under load may be slow to answer a check, and is alive.\n    timeout check 2s\n    \
         # What never reached a node, or what a node has answered with 425 since it does nothing with it now, is tried on\n    \
         # another one. For that all of a request is read first; one that does not fit into HAProxy's buffer (16 KiB) is not\n    \
         # repeated. What a node may have begun never is.\n    \
         option http-buffer-request\n    option redispatch 1\n    retries 3\n    retry-on conn-failure 425\n    \
         # HAProxy's own word where no node is left that could answer.\n    \
         http-error status 503 content-type application/json hdr Retry-After 1 hdr Cache-Control no-store string \
         '{{\"error\":\"no_node\",\"error_description\":\"No node can do this right now. Try again in a moment.\"}}'\n",
        name = cluster.name,
        url = cluster.public_url,
        tls = if listen.certificate.is_some() { "    ssl-default-bind-options ssl-min-ver TLSv1.2\n" } else { "" },
    );
    text.push_str(&everybody(topology, listen));
    text.push_str(&readers(topology, listen));
    text.push_str(&statistics(listen.statistics));
    text.push_str(&backend(topology, "read_write", "read-write"));
    text.push_str(&backend(topology, "read_only", "read-only"));
    text
}

fn everybody(topology: &Topology, listen: Listen<'_>) -> String {
    let base = in_regex(keycloak_base_path(topology).trim_end_matches('/'));
    format!(
        "\nfrontend everybody\n{}{}    \
         # Better a read-only node than none: logins go on while there is no read-write one. It cannot write.\n    \
         acl no_read_write nbsrv(read_write) eq 0\n    \
         acl changes method POST PUT DELETE PATCH\n    \
         acl of_a_writer path,url_dec -m reg ^{base}/({WRITES})$\n    \
         acl page_of_a_writer path,url_dec -m reg ^{base}/({PAGES})$\n    \
         use_backend read_only if no_read_write !changes !page_of_a_writer\n    \
         use_backend read_only if no_read_write !of_a_writer !page_of_a_writer\n    \
         default_backend read_write\n",
        bind(topology, listen.everybody, listen.certificate),
        headers(topology)
    )
}

fn readers(topology: &Topology, listen: Listen<'_>) -> String {
    format!(
        "\nfrontend readers\n{}{}    use_backend read_write if {{ nbsrv(read_only) eq 0 }}\n    default_backend read_only\n",
        bind(topology, listen.readers, listen.certificate),
        headers(topology)
    )
}

/// A path as it stands in a regular expression, of the characters that a URL's path may have.
fn in_regex(path: &str) -> String {
    let mut text = String::new();
    for c in path.chars() {
        if !c.is_ascii_alphanumeric() && !matches!(c, '/' | '-' | '_' | '~') {
            text.push('[');
            text.push(c);
            text.push(']');
        } else {
            text.push(c);
        }
    }
    text
}

fn bind(topology: &Topology, address: &str, certificate: Option<&str>) -> String {
    let https = topology.cluster.public_url.starts_with("https://");
    match certificate {
        Some(file) => format!("    bind {address} ssl crt {} alpn h2,http/1.1\n", quoted(file)),
        None if https => format!(
            "    # The public URL is https://: `ha-cli haproxy --certificate FILE` ends TLS here (the certificate and its key in\n    \
             # one file); without it, something in front of HAProxy has to.\n    bind {address}\n"
        ),
        None => format!("    bind {address}\n"),
    }
}

/// A word of HAProxy's configuration, in double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

/// Open to whoever reaches that address: on loopback, unless somebody asks for more.
fn statistics(address: &str) -> String {
    format!(
        "\nfrontend statistics\n    bind {address}\n    http-request set-log-level silent\n    \
         http-request use-service prometheus-exporter if {{ path /metrics }}\n    stats enable\n    stats uri /\n    \
         stats refresh 5s\n"
    )
}

/// What Keycloak is to believe of the client. What the client itself sent under these names is taken away in any case,
/// or it could name any address as its own.
fn headers(topology: &Topology) -> String {
    let scheme = if topology.cluster.public_url.starts_with("https://") { "https" } else { "http" };
    let mut text = format!("    http-request del-header {WANTED}\n");
    for header in ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"] {
        text.push_str(&format!("    http-request del-header {header}\n"));
    }
    match topology.keycloak.proxy_headers {
        ProxyHeaders::None => text.push_str(
            "    # Keycloak sees HAProxy as every client: set keycloak.proxy_headers = \"xforwarded\" in the cluster's file\n    \
             # for it to see theirs (its ports must then be reachable by HAProxy only), and make this anew.\n",
        ),
        ProxyHeaders::XForwarded => text.push_str(&format!(
            "    http-request set-header X-Forwarded-For %[src]\n    http-request set-header X-Forwarded-Proto {scheme}\n"
        )),
        // RFC 7239, section 6: an IPv6 address stands in brackets and quotes.
        ProxyHeaders::Forwarded => text.push_str(&format!(
            "    http-request set-header Forwarded for=%[src];proto={scheme} if {{ src 0.0.0.0/0 }}\n    \
             http-request set-header Forwarded for=\\\"[%[src]]\\\";proto={scheme} unless {{ src 0.0.0.0/0 }}\n"
        )),
    }
    text
}

fn backend(topology: &Topology, name: &str, role: &str) -> String {
    let base = keycloak_base_path(topology).trim_end_matches('/');
    let host = topology.cluster.public_url.split('/').nth(2).unwrap_or_default();
    let secure = if topology.cluster.public_url.starts_with("https://") { " secure" } else { "" };
    let mut text = format!(
        "\nbackend {name}\n    option httpchk\n    \
         http-check send meth GET uri {base}/realms/master/ha/{role} ver HTTP/1.1 hdr Host {host}\n    \
         http-check expect status 200\n    \
         # It tells the node what is wanted of it, and that its 425 will be repeated. One that is left in the end is no answer\n    \
         # for a client.\n    \
         http-request set-header {WANTED} {role}\n    \
         http-response set-status 503 reason \"Service Unavailable\" if {{ status 425 }}\n    \
         # A login that has begun lives in the memory of the node where it began.\n    \
         cookie HA_NODE insert indirect nocache httponly{secure}\n    \
         # `ha-cli switchover` waits for these checks: `inter` at most half a second, one good answer, two that are not. A node\n    \
         # that is marked down ends what it works on.\n    \
         default-server inter 500ms fastinter 100ms fall 2 rise 1\n",
    );
    for node in topology.nodes() {
        let (name, address, port) = (&node.name, node.address, node.keycloak_port);
        let address = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        text.push_str(&format!("    server {name} {address}:{port} check cookie {name}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_core::topology::{NodeSpec, TopologySpec};

    const LISTEN: Listen<'_> =
        Listen { everybody: ":8080", readers: ":8081", statistics: "127.0.0.1:8404", certificate: None };

    fn spec() -> TopologySpec {
        TopologySpec::new("sso", "https://sso.example.org")
            .node(NodeSpec::primary("vm1", "192.0.2.11"))
            .node(NodeSpec::standby("vm2", "192.0.2.12"))
    }

    #[test]
    fn a_pair() {
        insta::assert_snapshot!(render(&spec().validate().unwrap(), LISTEN));
    }

    #[test]
    fn the_path_of_the_public_url_is_part_of_the_question() {
        for (path, asked) in [("", "/realms"), ("/", "/realms"), ("/auth", "/auth/realms"), ("/a/b/", "/a/b/realms")] {
            let mut spec = spec();
            spec.cluster.public_url.push_str(path);
            let text = render(&spec.validate().unwrap(), LISTEN);
            for role in ["read-write", "read-only"] {
                assert!(text.contains(&format!(" uri {asked}/master/ha/{role} ")), "{path:?}: {text}");
            }
        }
    }

    /// What is sent to a read-only node where there is no other is what that node does not refuse by its path.
    #[test]
    fn writers_are_told_from_others_as_the_extension_tells_them() {
        let extension = include_str!("../../ha-keycloak/extension/src/main/java/org/hacli/standby/Refusals.java");
        let pattern = |name: &str| -> String {
            let (_, after) = extension.split_once(&format!("{name} = Pattern.compile(")).unwrap();
            let (text, _) = after.split_once(");\n").unwrap();
            text.split('"').skip(1).step_by(2).collect()
        };
        let below_the_base =
            |pattern: String| pattern.replace("|/realms", "|realms").trim_start_matches('/').to_owned();
        assert_eq!(below_the_base(pattern("WRITES")), WRITES);
        assert_eq!(below_the_base(pattern("PAGES")), PAGES);
    }

    #[test]
    fn a_certificate_ends_tls() {
        let listen = Listen { certificate: Some("/etc/my certs/a\"$b\\.pem"), ..LISTEN };
        let text = render(&spec().validate().unwrap(), listen);
        let bind = r#"ssl crt "/etc/my certs/a\"\$b\\.pem" alpn h2,http/1.1"#;
        assert_eq!(text.matches(bind).count(), 2, "{text}");
        assert!(text.contains("ssl-min-ver TLSv1.2"), "{text}");
    }

    #[test]
    fn clients_cannot_name_an_address_of_their_own() {
        for (headers, set) in
            [("none", None), ("xforwarded", Some("X-Forwarded-For")), ("forwarded", Some("Forwarded"))]
        {
            let mut spec = spec();
            spec.keycloak.proxy_headers = headers.to_owned();
            let text = render(&spec.validate().unwrap(), LISTEN);
            assert_eq!(text.matches("del-header X-Forwarded-For").count(), 2);
            assert_eq!(text.matches("del-header Ha-Balancer").count(), 2);
            assert_eq!(text.matches("del-header Forwarded").count(), 2);
            for name in ["X-Forwarded-For", "Forwarded"] {
                assert_eq!(text.contains(&format!("set-header {name} ")), set == Some(name), "{headers}: {text}");
            }
        }
    }
}
