//! A configuration of HAProxy from a topology. Pure: the same topology gives the same text.
//!
//! Each Keycloak says by itself which role it has, without login and at once after a change; HAProxy asks, and nobody
//! has to be told of a promotion.

use ha_core::layout::keycloak_base_path;
use ha_core::topology::{ProxyHeaders, Topology};

/// Where HAProxy listens, as its `bind` takes it.
#[derive(Debug, Clone, Copy)]
pub struct Listen<'a> {
    /// For everybody.
    pub everybody: &'a str,
    /// For those who only read.
    pub readers: &'a str,
}

/// The configuration; tried with HAProxy 2.6.
#[must_use]
pub fn render(topology: &Topology, listen: Listen<'_>) -> String {
    let cluster = &topology.cluster;
    let mut text = format!(
        "# HAProxy for the cluster {name}, made by `ha-cli haproxy`. Each Keycloak is asked for its role once a second.\n\
         # Its public URL is {url}.\n\
         global\n    log stdout format raw local0 notice\n    maxconn 4000\n\n\
         defaults\n    mode http\n    log global\n    option httplog\n    option dontlognull\n    \
         timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n    timeout http-request 10s\n    \
         # A request that met a node as it went down is tried on the one that takes over, if it never reached the first.\n    \
         option redispatch\n    retries 3\n    retry-on conn-failure\n",
        name = cluster.name,
        url = cluster.public_url,
    );
    text.push_str(&frontend(topology, "everybody", listen.everybody, "read_write", "read_only"));
    text.push_str(&frontend(topology, "readers", listen.readers, "read_only", "read_write"));
    text.push_str(&backend(topology, "read_write", "read-write"));
    text.push_str(&backend(topology, "read_only", "read-only"));
    text
}

fn frontend(topology: &Topology, name: &str, bind: &str, first: &str, otherwise: &str) -> String {
    let tls = if topology.cluster.public_url.starts_with("https://") {
        "    # The public URL is https://: add a certificate here, as in `bind :443 ssl crt /etc/haproxy/sso.pem`, unless\n    \
         # something in front of HAProxy ends TLS already.\n"
    } else {
        ""
    };
    format!(
        "\nfrontend {name}\n{tls}    bind {bind}\n{}    # Better a node of the other role than none: logins go on while a node is replaced.\n    \
         use_backend {otherwise} if {{ nbsrv({first}) eq 0 }}\n    default_backend {first}\n",
        headers(topology)
    )
}

/// What Keycloak is to believe of the client. What the client itself sent under these names is taken away in any case,
/// or it could name any address as its own.
fn headers(topology: &Topology) -> String {
    let scheme = if topology.cluster.public_url.starts_with("https://") { "https" } else { "http" };
    let mut text = String::new();
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
    let mut text = format!(
        "\nbackend {name}\n    option httpchk\n    \
         http-check send meth GET uri {base}/realms/master/ha/{role} ver HTTP/1.1 hdr Host {host}\n    \
         http-check expect status 200\n    \
         # A login that has begun lives in the memory of the node where it began.\n    \
         cookie HA_NODE insert indirect nocache httponly\n    \
         default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions\n",
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

    const LISTEN: Listen<'_> = Listen { everybody: ":8080", readers: ":8081" };

    fn spec() -> TopologySpec {
        TopologySpec::new("sso", "https://sso.example.org")
            .node(NodeSpec::primary("vm1", "192.0.2.11"))
            .node(NodeSpec::standby("vm2", "2001:db8::2"))
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

    #[test]
    fn clients_cannot_name_an_address_of_their_own() {
        for (headers, set) in
            [("none", None), ("xforwarded", Some("X-Forwarded-For")), ("forwarded", Some("Forwarded"))]
        {
            let mut spec = spec();
            spec.keycloak.proxy_headers = headers.to_owned();
            let text = render(&spec.validate().unwrap(), LISTEN);
            assert_eq!(text.matches("del-header X-Forwarded-For").count(), 2);
            assert_eq!(text.matches("del-header Forwarded").count(), 2);
            for name in ["X-Forwarded-For", "Forwarded"] {
                assert_eq!(text.contains(&format!("set-header {name} ")), set == Some(name), "{headers}: {text}");
            }
        }
    }
}
