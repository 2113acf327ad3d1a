//! A HAProxy configuration for a topology.

use std::fmt::Write as _;

use super::keycloak_base_path;
use crate::topology::{ProxyHeaders, Topology};

/// A configuration of HAProxy 2.2 or newer with two frontends: `:8080` leads to the node that is read-write, `:8081`
/// to those that are read-only, and to the read-write one when none is. HAProxy asks each Keycloak for its role
/// (`/realms/master/ha/…`), so it follows a change of role by itself.
///
/// A print-out to start from: TLS towards the clients is the user's to add.
#[must_use]
pub fn haproxy_conf(topology: &Topology) -> String {
    let base = keycloak_base_path(topology).trim_end_matches('/');
    let forwarded = match topology.keycloak.proxy_headers {
        ProxyHeaders::None => {
            "    # keycloak.proxy_headers is \"none\": Keycloak will see HAProxy's address as every client's.\n"
        }
        ProxyHeaders::XForwarded => {
            "    http-request set-header X-Forwarded-Proto http if !{ ssl_fc }\n    \
             http-request set-header X-Forwarded-Proto https if { ssl_fc }\n    \
             http-request set-header X-Forwarded-Host %[req.hdr(host)]\n    \
             http-request set-header X-Forwarded-For %[src]\n"
        }
        ProxyHeaders::Forwarded => {
            "    http-request set-header Forwarded for=%[src];host=%[req.hdr(host)];proto=http if !{ ssl_fc }\n    \
             http-request set-header Forwarded for=%[src];host=%[req.hdr(host)];proto=https if { ssl_fc }\n"
        }
    };
    let mut text = format!(
        "# HAProxy for the cluster {name}, made by `ha-cli haproxy`.\n\
         global\n    maxconn 4096\n\n\
         defaults\n    mode http\n    timeout connect 2s\n    timeout client 60s\n    timeout server 60s\n    \
         # A request that has not left yet is given to another server when its own goes away.\n    \
         option redispatch\n    retries 2\n\n\
         frontend {name}-read-write\n    bind :8080\n{forwarded}    default_backend {name}-read-write\n\n\
         frontend {name}-read-only\n    bind :8081\n{forwarded}    \
         use_backend {name}-read-only if {{ nbsrv({name}-read-only) gt 0 }}\n    default_backend {name}-read-write\n",
        name = topology.cluster.name,
    );
    for role in ["read-write", "read-only"] {
        write!(
            text,
            "\nbackend {name}-{role}\n    option httpchk GET {base}/realms/master/ha/{role}\n    http-check expect status 200\n    \
             default-server inter 500ms fastinter 200ms fall 2 rise 1 on-marked-down shutdown-sessions\n",
            name = topology.cluster.name,
        )
        .expect("a String takes everything");
        for node in topology.nodes() {
            let authority = node.keycloak_url();
            let authority = authority.trim_start_matches("http://");
            writeln!(text, "    server {} {authority} check", node.name).expect("a String takes everything");
        }
    }
    text
}
