# Prints, each after a blank, which programs the image lacks that ha-cli's scripts need. The official image has them all, on Debian as on
# Alpine, whose BusyBox does what is asked of it here.
lacking() {
    for tool in postgres initdb pg_basebackup pg_rewind pg_controldata pg_ctl psql gosu docker-entrypoint.sh \
        awk cat chmod chown cp cut date df dirname du flock grep head ls mkdir mv od readlink rm sed sleep sort stat sync tail \
        timeout touch tr; do
        command -v "$tool" >/dev/null || printf ' %s' "$tool"
    done
}
