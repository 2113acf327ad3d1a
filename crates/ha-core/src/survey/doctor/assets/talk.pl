# Speaks to serve.pl on another node: talk.pl HOST PORT reach|speed
use strict;
use warnings;
use Errno qw(ECONNREFUSED);
use IO::Socket::IP;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

my ($host, $port, $what) = @ARGV;
$SIG{PIPE} = 'IGNORE';
my $stage = 'no connection came about in time';
$SIG{ALRM} = sub { fail("silent: $stage") };
$| = 1;

sub fail { print "failed=$_[0]\n"; exit 0 }

sub dial {
    my $socket = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Timeout => 4);
    if ($socket) {
        $stage = 'it accepted the connection and did not answer';
        return $socket;
    }
    fail($! == ECONNREFUSED ? 'refused' : 'silent: ' . ($@ || $!));
}

sub ping {
    my ($socket) = @_;
    my $begun = time;
    syswrite $socket, 'x';
    sysread $socket, my $answer, 1 or fail('silent: the connection was closed at once');
    return time - $begun;
}

alarm 6;
my $socket = dial();
setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
syswrite $socket, 'P';
my $best = ping($socket);
print "reached=1\n";
exit 0 if $what eq 'reach';

for (1 .. 19) { my $took = ping($socket); $best = $took if $took < $best }
print "round_trip=$best\n";

alarm 20;
$socket = dial();
syswrite $socket, 'S';
my $block = 'x' x (1 << 18);
my ($begun, $sent) = (time, 0);
# Two seconds, or so much that the network is certainly fast enough.
while (time - $begun < 2 && $sent < 1 << 28) {
    my $now = syswrite $socket, $block or fail("the connection broke: $!");
    $sent += $now;
}
shutdown $socket, 1;
# What counts is what arrived, and until when.
my $arrived = <$socket>;
fail('the connection broke before the last byte arrived') unless defined $arrived;
chomp $arrived;
print "copied=" . ($arrived) . ' ' . (time - $begun) . "\n";
