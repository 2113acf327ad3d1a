# Prints, each after a blank, what Keycloak's image lacks of what prepare.sh needs.
lacking() {
    for tool in /opt/keycloak/bin/kc.sh cat chmod chown env mv rm sed timeout; do
        command -v "$tool" >/dev/null || printf ' %s' "$tool"
    done
}
