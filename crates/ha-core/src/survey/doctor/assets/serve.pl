# Listens where PostgreSQL will. A connection that begins with "P" gets every byte back; one that begins with "S" is
# read to its end and then told how many bytes came.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($seconds, @ports) = @ARGV;
# The first process of a container dies of no signal that it does not handle.
$SIG{ALRM} = $SIG{TERM} = sub { exit 0 };
$SIG{CHLD} = 'IGNORE';
$SIG{PIPE} = 'IGNORE';
alarm $seconds;

my @listeners = map {
    IO::Socket::INET->new(LocalPort => $_, Listen => 16, ReuseAddr => 1) or die "port $_: $!\n";
} @ports;
open my $ready, '>', '/dev/shm/ha-doctor-ready' or die "$!\n";
close $ready;

my $select = IO::Select->new(@listeners);
while (1) {
    for my $listener ($select->can_read) {
        my $client = $listener->accept or next;
        my $child = fork;
        if (defined $child && $child == 0) {
            alarm 30;
            serve($client);
            exit 0;
        }
        close $client;
    }
}

sub serve {
    my ($client) = @_;
    my ($count, $block) = (0, '');
    sysread $client, my $kind, 1 or return;
    if ($kind eq 'P') {
        while (sysread $client, $block, 1) { syswrite $client, $block }
    } elsif ($kind eq 'S') {
        while (my $got = sysread $client, $block, 1 << 18) { $count += $got }
        syswrite $client, "$count\n";
    }
}
